package fs_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

func sweep(t *testing.T, s blob.Store) {
	t.Helper()
	if err := s.Sweep(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// fill puts n blobs of different lengths.
func fill(t *testing.T, s blob.Store, n int) map[string]string {
	t.Helper()
	put := map[string]string{}
	for i := range n {
		content := strings.Repeat(fmt.Sprintf("blob %d ", i), i*i%500)
		put[blobtest.PutWith(t, s, content, blob.PutOptions{Relaxed: i%2 > 0})] = content
	}
	return put
}

// wantBlobs fails the test unless the store has these blobs and no other.
func wantBlobs(t *testing.T, s blob.Store, want map[string]string) {
	t.Helper()
	sizes := map[string]int64{}
	for key, content := range want {
		sizes[key] = int64(len(content))
		if got := blobtest.Get(t, s, key); got != content {
			t.Errorf("blob %s is %.40q, want %.40q", key, got, content)
		}
	}
	if diff := cmp.Diff(sizes, blobtest.Keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

// wantGone deletes blobs, after which the directory has no file left.
func wantGone[V any](t *testing.T, s blob.Store, dir string, blobs map[string]V) {
	t.Helper()
	for key := range blobs {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, s)
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func onlyPack(t *testing.T, dir string) string {
	t.Helper()
	list := files(t, dir)
	if len(list) != 1 || filepath.Base(filepath.Dir(list[0])) != "packs" {
		t.Fatalf("files: %q, want one pack", list)
	}
	return list[0]
}

func TestSmallBlobsShareAFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	want := fill(t, s, 200)
	onlyPack(t, dir)
	wantBlobs(t, s, want)
}

func TestFullPackIsFollowedByAnother(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now, NoSync: true})
	want := map[string]int64{}
	for range blobfs.PackMax/(32<<10) + 10 {
		want[blobtest.Put(t, s, strings.Repeat("x", 32<<10))] = 32 << 10
	}
	if got := len(files(t, dir)); got != 2 {
		t.Errorf("%d files, want 2", got)
	}
	if err := s.Flush(t.Context(), slices.Collect(maps.Keys(want))...); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, blobtest.Keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	wantGone(t, s, dir, want)
}

// Threat: deleted object, bytes really gone.
func TestDeletedBytesAreNowhereInTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	const secret = "a deleted secret"
	keep := blobtest.Put(t, s, "kept")
	for _, content := range []string{secret, strings.Repeat(secret, 100), strings.Repeat(secret, 10_000)} {
		if err := s.Delete(t.Context(), blobtest.Put(t, s, content)); err != nil {
			t.Fatal(err)
		}
		for _, path := range files(t, dir) {
			if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds deleted bytes (%v)", path, err)
			}
		}
	}
	wantBlobs(t, s, map[string]string{keep: "kept"})
}

func TestDeadSpaceComesBack(t *testing.T) {
	for _, restart := range []bool{false, true} {
		dir := t.TempDir()
		s := open(t, dir, blobfs.Options{Now: time.Now})
		want := fill(t, s, 2000)
		before := blocks(t, dir)
		for i, key := range slices.Sorted(maps.Keys(want)) { // in the order of the pack
			if i%100 == 0 {
				continue
			}
			if i%50 == 0 {
				sweep(t, s)
			}
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			delete(want, key)
			if restart && i == 1000 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, dir, blobfs.Options{Now: time.Now})
			}
		}
		if err := s.Close(); err != nil { // or the pack is given up only when more of it is dead
			t.Fatal(err)
		}
		sweep(t, s)
		if after := blocks(t, dir); after > before/4 {
			t.Errorf("restart %t: %d blocks of %d are still taken", restart, after, before)
		}
		wantBlobs(t, s, want)
		wantGone(t, s, dir, want)
	}
}

// Threat: bytes that nobody owns, after a kill at any point of an append.
func TestTornTailIsCutAndTheRestStays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	want := fill(t, s, 20)
	path := onlyPack(t, dir)
	whole := size(t, path)
	last := blobtest.Put(t, s, strings.Repeat("torn", 100))
	end := size(t, path)
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		torn []byte
		lost bool
	}{
		{"nothing", content, false},
		{"half the header", content[:whole+30], true},
		{"half the blob", content[:whole+100], true},
		{"all but a byte", content[:end-1], true},
		{"the pages in between", append(bytes.Clone(content[:whole]), make([]byte, end-whole)...), true},
		{"the blob, not its header", append(bytes.Clone(content[:whole+64]), make([]byte, end-whole-64)...), true},
		{"the header, not its blob", slices.Concat(content[:whole], make([]byte, 64), content[whole+64:]), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, want := t.TempDir(), maps.Clone(want)
			s := open(t, dir, blobfs.Options{Now: time.Now})
			path := filepath.Join(dir, "packs", filepath.Base(path))
			if err := os.WriteFile(path, c.torn, 0o600); err != nil {
				t.Fatal(err)
			}
			for key, content := range want {
				if got := blobtest.Get(t, s, key); got != content {
					t.Errorf("before the sweep, blob %s is %.40q", key, got)
				}
			}
			sweep(t, s)
			if c.lost {
				blobtest.WantNotFound(t, s, last)
			} else {
				want[last] = strings.Repeat("torn", 100)
			}
			wantBlobs(t, s, want)
			if b, err := os.ReadFile(path); err != nil || c.lost && bytes.Contains(b, []byte("torn")) {
				t.Errorf("the torn bytes are still there (%v)", err)
			}
			want[blobtest.Put(t, s, "new")] = "new"
			if now := size(t, path); c.lost && now > end {
				t.Errorf("the old pack has grown to %d bytes", now)
			}
			wantBlobs(t, s, want)
		})
	}
}

func TestDamagedBytesAreNotServed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	other, key := blobtest.Put(t, s, "another"), blobtest.Put(t, s, strings.Repeat("content", 20))
	path := onlyPack(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("!"), size(t, path)-100); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if o, err := s.Open(t.Context(), key); actions.KindOf(err) != actions.Internal {
		t.Errorf("got %v, %v, want an Internal error", o, err)
	}
	sweep(t, s) // a sealed pack is never cut
	if got := blobtest.Get(t, s, other); got != "another" {
		t.Errorf("the other blob is %q", got)
	}
}

func TestDamagedPackIsReportedAndNotCut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	blobtest.Put(t, s, "damaged")
	key := blobtest.Put(t, s, "behind")
	path := onlyPack(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[64] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var got error
	for _, err := range s.List(t.Context()) {
		got = err
	}
	if actions.KindOf(got) != actions.Internal {
		t.Errorf("list: %v, want an Internal error", got)
	}
	sweep(t, s)
	if got := blobtest.Get(t, s, key); got != "behind" {
		t.Errorf("the blob behind is %q", got)
	}
}

func TestProcessesShareADirectory(t *testing.T) {
	dir := t.TempDir()
	var stores []*blobfs.Store
	for range 4 { // locks are of open files, so these are like processes
		stores = append(stores, open(t, dir, blobfs.Options{Now: time.Now}))
	}
	var mu sync.Mutex
	want := map[string]string{}
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for round := range 200 {
				content := fmt.Sprintf("round %d of store %d", round, i)
				b, err := s.Put(t.Context(), strings.NewReader(content), blob.PutOptions{Limit: 100, Relaxed: round%3 > 0})
				if err != nil {
					t.Error(err)
					return
				}
				switch other := stores[(i+round)%4]; {
				case round%5 == 0:
					err = other.Sweep(t.Context(), time.Now().Add(-time.Hour))
				case round%2 == 0:
					err = other.Delete(t.Context(), b.Key)
				case round%31 == 0:
					err = s.Close()
				default:
					err = other.Flush(t.Context(), b.Key)
				}
				if err != nil {
					t.Error(err)
				}
				if round%5 == 0 || round%2 > 0 {
					mu.Lock()
					want[b.Key] = content
					mu.Unlock()
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			blobtest.Keys(t, stores[0])
		}
	})
	wg.Wait()
	for _, s := range stores {
		wantBlobs(t, s, want)
	}
	for key := range want {
		if err := stores[1].Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := blobtest.Keys(t, stores[2]); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	sweep(t, stores[2])
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func FuzzKeysHaveOneSpelling(f *testing.F) {
	f.Add(strings.Repeat("a", 40))
	f.Add("../../../../../../../etc/passwd/////////")
	f.Fuzz(func(t *testing.T, key string) {
		if again, ok := blobfs.Reencode(key); ok && again != key {
			t.Errorf("%q is also %q", key, again)
		}
	})
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
