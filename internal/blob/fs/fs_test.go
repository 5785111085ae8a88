package fs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

func open(t testing.TB, dir string, o blobfs.Options) *blobfs.Store {
	t.Helper()
	s, err := blobfs.New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestSuite(t *testing.T) {
	for name, o := range map[string]blobfs.Options{"durable": {Now: time.Now}, "no sync": {Now: time.Now, NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, t.TempDir(), o) })
		})
	}
}

func TestOnlyTheOwnerMayLookIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s := open(t, dir, blobfs.Options{Now: time.Now})
	blobtest.Put(t, s, "x")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBlobsAreThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"content", strings.Repeat("content", 10_000)} {
		key := blobtest.Put(t, open(t, dir, blobfs.Options{Now: time.Now}), content)
		if blobtest.Get(t, open(t, dir, blobfs.Options{Now: time.Now}), key) != content {
			t.Errorf("%d bytes came back different", len(content))
		}
	}
}

func TestFailedPutLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	for _, n := range []int{3, 100_000} {
		r := iotest.TimeoutReader(iotest.HalfReader(strings.NewReader(strings.Repeat("x", n))))
		if _, err := s.Put(t.Context(), r, blob.PutOptions{Limit: 1 << 20}); err == nil {
			t.Fatal("Put succeeded")
		}
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSweepRemovesOldLeftoversOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	now := time.Now()
	for name, age := range map[string]time.Duration{"put-old": 2 * time.Hour, "put-young": time.Minute} {
		path := filepath.Join(dir, "tmp", name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sweep(t.Context(), now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) != 1 || !strings.HasSuffix(left[0], "put-young") {
		t.Errorf("left: %q, want put-young", left)
	}
}
