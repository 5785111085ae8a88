package object_test

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// newSmall is a fixture whose blobs have a disk of that size.
func newSmall(t *testing.T, size string) *fixture {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	f := newFixture(t, storetest.Open(t))
	f.dir = dir
	f.open(f.store)
	return f
}

// Bad input: disk full at each phase.
func TestFullDiskIsUnavailableAndRecovers(t *testing.T) {
	f := newSmall(t, "2m")
	first, id := f.begin(), f.begin()
	f.put(first, "a", bytesOf(1, mega))
	f.put(id, azureID(0), bytesOf(2, 300_000))
	for _, size := range []int64{mega, 0} { // declared, or not
		f.is(actions.Unavailable, f.PutBlock(t.Context(), id, azureID(1), bytes.NewReader(make([]byte, mega)), size))
		f.wantBlobs(2)
	}
	f.drop(first) // somebody makes room
	f.put(id, azureID(1), bytesOf(3, mega))
	f.ok(f.Commit(t.Context(), id, azureIDs(2)))
	f.holds(id, f.seal(id), append(bytesOf(2, 300_000), bytesOf(3, mega)...))
	f.drop(id)
	f.nothingLeft()
}

// Small blocks share files, whose disk may be full, too.
func TestFullDiskOfSmallBlocksIsUnavailableAndRecovers(t *testing.T) {
	f := newSmall(t, "1m")
	large, content := f.begin(), bytesOf(4, 20_000)
	f.put(large, "a", bytesOf(1, 300_000))
	sums := make(map[int64]object.Sum)
	for len(sums) < 100 {
		id := f.begin()
		if err := f.PutWhole(t.Context(), id, bytes.NewReader(content), 0); err != nil {
			f.is(actions.Unavailable, err)
			break
		}
		sums[id] = f.seal(id)
	}
	if len(sums) < 10 || len(sums) == 100 {
		t.Fatalf("%d objects of %d bytes fit", len(sums), len(content))
	}
	f.drop(large)
	id := f.begin()
	f.ok(f.PutWhole(t.Context(), id, bytes.NewReader(content), 0))
	sums[id] = f.seal(id)
	for id, s := range sums { // all that was acknowledged is whole
		f.holds(id, s, content)
	}
}
