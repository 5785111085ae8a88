package fs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

// smallDisk mounts a file system of 512 KiB.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0700"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDiskIsUnavailableAndLeavesNothing(t *testing.T) {
	dir := smallDisk(t)
	s := open(t, dir, blobfs.Options{Now: time.Now})
	key := blobtest.Put(t, s, "kept")
	_, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 1<<20)), blob.PutOptions{Limit: 1 << 20})
	if actions.KindOf(err) != actions.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left: %q, want one file", left)
	}
	if got := blobtest.Get(t, s, key); got != "kept" {
		t.Errorf("the other blob is %q", got)
	}
}

func TestAProbeFindsThatTheDiskIsFull(t *testing.T) {
	dir := smallDisk(t)
	s := open(t, dir, blobfs.Options{Now: time.Now})
	if err := s.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := s.Writable(t.Context()); actions.KindOf(err) != actions.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestFullDiskTakesBlobsAgainOnceThereIsSpace(t *testing.T) {
	s := open(t, smallDisk(t), blobfs.Options{Now: time.Now})
	large := blobtest.Put(t, s, strings.Repeat("x", 100_000))
	want := map[string]string{}
	var refused error
	for i := 0; refused == nil; i++ {
		content := strings.Repeat(string(rune('a'+i%26)), 1+i*777%30_000)
		b, err := s.Put(t.Context(), strings.NewReader(content), blob.PutOptions{Limit: 1 << 20})
		if refused = err; err == nil {
			want[b.Key] = content
		}
	}
	if actions.KindOf(refused) != actions.Unavailable || !errors.Is(refused, syscall.ENOSPC) {
		t.Errorf("got %v, want Unavailable", refused)
	}
	if err := s.Delete(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	if err := s.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	for range 3 {
		want[blobtest.Put(t, s, "again")] = "again"
	}
	sizes := map[string]int64{}
	for key, content := range want {
		sizes[key] = int64(len(content))
		if blobtest.Get(t, s, key) != content {
			t.Errorf("blob of %d bytes came back different", len(content))
		}
	}
	if got := blobtest.Keys(t, s); len(got) != len(sizes) {
		t.Errorf("%d blobs are listed, want %d", len(got), len(sizes))
	}
	for key := range want { // also when not a byte is free
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	sweep(t, s)
	if got := blobtest.Keys(t, s); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
