package fs_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

func TestFullDiskIsUnavailableAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
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
