package object_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// Threat: expired or deleted object: bytes really gone
func TestBytesAreGoneWhenTheTransactionReturns(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		var ids []int64
		for i := range 300 {
			id := f.begin()
			f.ok(f.PutWhole(t.Context(), id, strings.NewReader("secret bytes"), 0))
			if i%2 == 0 {
				f.seal(id)
			}
			ids = append(ids, id)
		}
		large := f.begin()
		f.ok(f.PutWhole(t.Context(), large, bytes.NewReader(bytes.Repeat([]byte("secret bytes"), 10_000)), 0))
		f.seal(large)
		f.drop(append(ids, large, 12345)...)
		f.nothingLeft()
		f.noFileHas("secret bytes")
		f.drop(ids...)
		f.drop()
	})
}

// noFileHas searches the directory of the blobs.
func (f *fixture) noFileHas(text string) {
	f.t.Helper()
	root := os.DirFS(f.dir)
	f.ok(walkFiles(root, func(name string, content []byte) {
		if bytes.Contains(content, []byte(text)) {
			f.t.Errorf("%s has %q", name, text)
		}
	}))
}

func TestDropThatIsRolledBackDropsNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.ok(f.PutWhole(t.Context(), id, strings.NewReader("kept"), 0))
		s := f.seal(id)
		boom := errors.New("boom")
		err := f.store.Update(t.Context(), func(tx *store.Tx) error {
			if err := f.Drop(t.Context(), tx, id); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		f.holds(id, s, []byte("kept"))
	})
}

func TestReaderOfADroppedObjectNeverGetsOtherBytes(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, content := f.begin(), bytesOf(1, 200_000)
		f.put(id, "a", content[:100_000])
		f.put(id, "b", content[100_000:])
		f.ok(f.Commit(t.Context(), id, []string{"a", "b"}))
		f.seal(id)
		r, err := f.Open(t.Context(), id)
		f.ok(err)
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		f.drop(id)
		got, err := io.ReadAll(r)
		f.is(actions.NotFound, err)
		if !bytes.Equal(got, content[10:100_000]) {
			t.Errorf("%d bytes came", len(got))
		}
	})
}

// A PUT that races with the end of its upload has a definite outcome, and leaves no
// blob without a row.
func TestRacesOfPutAndEndLeaveNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.run()
		for range 30 {
			id := f.begin()
			f.put(id, azureID(0), []byte("0"))
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					err := f.PutBlock(t.Context(), id, azureID(i), strings.NewReader("x"), 1)
					if k := actions.KindOf(err); err != nil && k != actions.Conflict && k != actions.NotFound {
						t.Errorf("put: %v", err)
					}
				})
			}
			wg.Go(func() {
				err := f.Commit(t.Context(), id, azureIDs(1+rand.IntN(2)))
				if k := actions.KindOf(err); err != nil && k != actions.NotFound && k != actions.Malformed {
					t.Errorf("commit: %v", err)
				}
				s, err := f.Finish(t.Context(), id)
				if err == nil {
					err = f.store.Update(t.Context(), func(tx *store.Tx) error { return f.Seal(t.Context(), tx, id, s) })
				}
				if k := actions.KindOf(err); err != nil && k != actions.NotFound && k != actions.Conflict {
					t.Errorf("finish: %v", err)
				}
			})
			if rand.IntN(2) == 0 {
				wg.Go(func() { f.drop(id) })
			}
			wg.Wait()
			obj, err := f.store.Object(t.Context(), id)
			switch {
			case actions.KindOf(err) == actions.NotFound:
				f.nothingLeft()
			case err != nil:
				t.Fatal(err)
			case obj.Status == store.ObjectSealed:
				f.wantBlobs(len(obj.List))
			default:
				f.wantBlobs(obj.Blocks)
			}
			f.drop(id)
			f.nothingLeft()
		}
	})
}

func TestSweepRemovesWhatNobodyNeeds(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		kept := f.begin()
		f.ok(f.PutWhole(t.Context(), kept, strings.NewReader("kept"), 0))
		s := f.seal(kept)
		silent := f.begin()
		f.put(silent, "a", []byte("never committed"))
		f.orphan("its row was never written")
		f.update(func(tx *store.Tx) error { // the rows of what a crash has left
			id := f.beginIn(tx)
			b := &store.Block{ObjectID: id, Name: "x", Blob: f.orphan("dropped"), Size: 7}
			if _, _, err := tx.SaveBlock(t.Context(), b, f.now()); err != nil {
				return err
			}
			return tx.DropObjects(t.Context(), f.now(), id)
		})
		f.ok(f.Sweep(t.Context()))
		f.wantBlobs(3) // what is young is let be
		f.clock.Store(int64(25 * time.Hour))
		busy := f.begin()
		f.put(busy, "a", []byte("just now"))
		f.ok(f.Sweep(t.Context()))
		f.wantBlobs(2)
		f.is(actions.NotFound, f.Commit(t.Context(), silent, []string{"a"}))
		f.holds(kept, s, []byte("kept"))
		f.drop(kept, busy)
		f.nothingLeft()
	})
}

// orphan puts a blob without a row.
func (f *fixture) orphan(content string) string {
	f.t.Helper()
	info, err := f.blobs.Put(f.t.Context(), strings.NewReader(content), blob.PutOptions{Limit: mega})
	f.ok(err)
	return info.Key
}

func (f *fixture) beginIn(tx *store.Tx) int64 {
	f.t.Helper()
	id, err := f.Begin(f.t.Context(), tx, f.repo, mega)
	f.ok(err)
	return id
}

// The kill comes at any time; what was acknowledged is there afterwards, and an
// upload goes on where it was.
func TestUploadGoesOnAfterARestart(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		open := func() *store.Store {
			st, err := store.Open(t.Context(), storetest.Options(t, url))
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		st := open()
		f := newFixture(t, st)
		restart := func() {
			f.ok(st.Close())
			st = open()
			f.open(st, func(c *object.Config) { c.Exclusive = true })
		}
		defer func() { f.ok(st.Close()) }()
		id := f.begin()
		f.put(id, azureID(1), []byte("B"))
		f.orphan("killed before the row")
		restart()
		f.put(id, azureID(0), []byte("A"))
		f.put(id, azureID(2), []byte("never listed"))
		f.ok(f.Commit(t.Context(), id, azureIDs(2)))
		restart()
		if _, err := f.Finish(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		restart()
		s := f.seal(id)
		restart()
		f.holds(id, s, []byte("AB"))
	})
}

// What a killed server has left is gone as soon as the next one has started, where
// it is the only one.
func TestStartOfTheOnlyServerRemovesOrphansAtOnce(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, storetest.Open(t))
			f.orphan("killed before the row")
			id := f.begin()
			f.put(id, "a", []byte("kept"))
			time.Sleep(10 * time.Second)
			f.open(f.store, func(c *object.Config) { c.Exclusive = exclusive })
			f.run()
			time.Sleep(5 * time.Second)
			if exclusive {
				f.wantBlobs(1)
			} else {
				f.wantBlobs(2)
				time.Sleep(13 * time.Hour) // the search is not for each minute
				f.wantBlobs(1)
			}
			f.ok(f.Commit(t.Context(), id, []string{"a"}))
			f.holds(id, f.seal(id), []byte("kept"))
		})
	}
}

// Somebody may have named the wrong database.
func TestBlobsOlderThanTheDatabaseAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, storetest.Open(t))
		f.orphan("of another database")
		time.Sleep(time.Minute)
		f.open(storetest.OpenURL(t, "sqlite:"+filepath.Join(t.TempDir(), "new.db")), func(c *object.Config) { c.Exclusive = true })
		f.run()
		time.Sleep(13 * time.Hour)
		f.wantBlobs(1)
	})
}

func TestSilentUploadsAreDroppedByTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, storetest.Open(t))
		f.run()
		silent, busy := f.begin(), f.begin()
		f.put(silent, "a", []byte("A"))
		for range 13 {
			f.put(busy, "a", []byte("B"))
			time.Sleep(2 * time.Hour)
		}
		f.is(actions.NotFound, f.Commit(t.Context(), silent, []string{"a"}))
		f.ok(f.Commit(t.Context(), busy, []string{"a"}))
		f.holds(busy, f.seal(busy), []byte("B"))
		f.wantBlobs(1)
	})
}

// A run's artifacts and logs go with it, in the store; their bytes follow.
func TestSweepRemovesTheBytesOfWhatTheStoreHasDropped(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.put(id, "a", []byte("secret bytes"))
		f.update(func(tx *store.Tx) error { return tx.DropObjects(t.Context(), f.now(), id) })
		f.ok(f.Sweep(t.Context()))
		f.nothingLeft()
		f.noFileHas("secret bytes")
	})
}
