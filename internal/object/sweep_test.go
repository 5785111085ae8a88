package object_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func exclusive(c *object.Config) { c.Exclusive = true }

// A slow upload is not what a killed process has left.
func TestSweepOfTheOnlyServerLetsItsOwnUploadsBe(t *testing.T) {
	f := newFixture(t, storetest.Open(t), exclusive)
	id, content := f.begin(), bytesOf(1, 100_000) // a file, not in a pack
	r, w := io.Pipe()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := f.PutBlock(t.Context(), id, "a", r, 0); err != nil {
			t.Error(err)
		}
		_ = r.Close()
	})
	if _, err := w.Write(content[:90_000]); err != nil {
		t.Fatal(err)
	}
	f.clock.Store(int64(2 * time.Hour)) // nothing came for so long
	f.ok(f.Sweep(t.Context()))
	_, err := w.Write(content[90_000:])
	f.ok(errors.Join(err, w.Close()))
}

// late is a blob store whose clock is late, or that is damaged. Amazon's S3 gives an
// object that came in parts the time at which the first was announced.
type late struct {
	blob.Store
	by     time.Duration
	damage error
}

func (l late) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for info, err := range l.Store.List(ctx) {
			info.ModTime = info.ModTime.Add(-l.by)
			if !yield(info, err) {
				return
			}
		}
		if l.damage != nil {
			yield(blob.Info{}, l.damage)
		}
	}
}

func TestSweepKeepsBlobsWhoseRowWaitsInLine(t *testing.T) {
	t.Run("at the start of the only server", func(t *testing.T) { testRowInLine(t, time.Minute, exclusive) })
	t.Run("of an upload that took long", func(t *testing.T) { testRowInLine(t, 2*time.Hour, func(*object.Config) {}) })
}

func testRowInLine(t *testing.T, by time.Duration, change func(*object.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, storetest.Open(t), change, func(c *object.Config) { c.Blobs = late{Store: c.Blobs, by: by} })
		id := f.begin()
		var wg sync.WaitGroup
		wg.Go(func() {
			f.update(func(*store.Tx) error { // a slow disk, for example
				time.Sleep(20 * time.Second)
				return nil
			})
		})
		synctest.Wait()
		wg.Go(func() { f.put(id, "a", []byte("kept")) })
		synctest.Wait()
		f.run()
		wg.Wait()
		time.Sleep(time.Minute)
		f.ok(f.Commit(t.Context(), id, []string{"a"}))
		f.holds(id, f.seal(id), []byte("kept"))
	})
}

func TestUploadThatEndsAtTheLastMomentIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, storetest.Open(t))
		id := f.begin()
		f.ok(f.PutWhole(t.Context(), id, strings.NewReader("kept"), 0))
		time.Sleep(25 * time.Hour)
		s, err := f.Finish(t.Context(), id)
		f.ok(err)
		var wg sync.WaitGroup
		wg.Go(func() {
			f.update(func(tx *store.Tx) error {
				time.Sleep(time.Second)
				return f.Seal(t.Context(), tx, id, s)
			})
		})
		synctest.Wait()
		f.ok(f.Sweep(t.Context()))
		wg.Wait()
		f.holds(id, s, []byte("kept"))
	})
}

// What can be listed of a damaged store is swept nevertheless.
func TestDamageDoesNotKeepOrphans(t *testing.T) {
	damage := errors.New("damaged")
	f := newFixture(t, storetest.Open(t), func(c *object.Config) { c.Blobs = late{Store: c.Blobs, damage: damage} })
	f.orphan("its row was never written")
	half := filepath.Join(f.dir, "tmp", "put-x")
	f.ok(os.WriteFile(half, nil, 0o600))
	f.clock.Store(int64(25 * time.Hour))
	if err := f.Sweep(t.Context()); !errors.Is(err, damage) {
		t.Errorf("sweep: %v, want the damage", err)
	}
	f.wantBlobs(0)
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half an upload is left: %v", err)
	}
}
