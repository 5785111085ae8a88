package fs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

// damage changes a bit of a pack that nobody appends to.
func damage(t *testing.T, path string, offset int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[offset] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSweepTakesNothingOfADamagedPack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	deleted := blobtest.Put(t, s, "deleted")
	blobtest.Put(t, s, "damaged")
	behind := blobtest.Put(t, s, "behind")
	path := onlyPack(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, path, 3*64) // after the headers of the pack and the first blob, which take 64 bytes each, and that blob
	if err := s.Delete(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sweep(t, s) // all that it finds is dead
	}
	if got := blobtest.Get(t, s, behind); got != "behind" {
		t.Errorf("the blob behind is %q", got)
	}
}

func TestDamagedPackHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	want := map[string]bool{}
	for range 8 {
		want[blobtest.Put(t, s, "a pack of its own")] = true
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	hidden := blobtest.Put(t, s, "damaged")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, filepath.Join(dir, "packs", hidden[:16]), 64)
	var last error
	for info, err := range s.List(t.Context()) {
		delete(want, info.Key)
		last = err
	}
	if len(want) > 0 {
		t.Errorf("%d blobs of other packs are not listed", len(want))
	}
	if actions.KindOf(last) != actions.Internal {
		t.Errorf("list ends with %v, want an Internal error", last)
	}
}

// A Delete may be as slow as it likes between finding its blob and overwriting it.
func TestSlowDeleteDamagesNoPackThatWasSweptMeanwhile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	keep := blobtest.Put(t, s, "kept")
	var keys []string
	for range 10 {
		keys = append(keys, blobtest.Put(t, s, strings.Repeat("deleted", 1000)))
	}
	last := blobtest.Put(t, s, "behind")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	late, err := s.LateDelete(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, s) // makes one record of them
	if err := late(); err != nil {
		t.Fatal(err)
	}
	wantBlobs(t, s, map[string]string{keep: "kept", last: "behind"})
}

// Power loss has damaged one record, and the database may know the next.
func TestSlowDeleteDamagesNoPackThatWasCutMeanwhile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	keep := blobtest.Put(t, s, "kept")
	blobtest.Put(t, s, "damaged")
	gone := blobtest.Put(t, s, strings.Repeat("gone", 100))
	path := onlyPack(t, dir)
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	damage(t, path, 3*64)
	if err := os.Truncate(path, size(t, path)-100); err != nil {
		t.Fatal(err)
	}
	late, err := s.LateDelete(gone)
	if err != nil {
		t.Fatal(err)
	}
	sweep(t, s)
	if err := late(); err != nil {
		t.Fatal(err)
	}
	wantBlobs(t, s, map[string]string{keep: "kept"})
	if err := s.Delete(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
	sweep(t, s)
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// The kernel tells of a failed flush once: after that, it calls what it has lost
// clean. Who asks again must not hear that all is well.
func TestFlushThatFailedDoesNotSucceedLater(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	lost := blobtest.PutWith(t, s, "lost", blob.PutOptions{Relaxed: true})
	s.FailFlush()
	for range 2 {
		if err := s.Flush(t.Context(), lost); err == nil {
			t.Error("the blob was flushed")
		}
		kept := blobtest.Put(t, s, "in another pack")
		if err := s.Flush(t.Context(), kept); err != nil {
			t.Error(err)
		}
	}
}

func TestMachineStartedBeforeThisTest(t *testing.T) {
	s := open(t, t.TempDir(), blobfs.Options{Now: time.Now})
	if booted := s.Booted(); !booted.Before(time.Now()) {
		t.Errorf("the machine will start at %v", booted)
	}
}
