package object_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
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

// goID is the name of a block as Azure's SDK for Go makes it.
func goID(i int) string {
	var raw [64]byte
	copy(raw[:], "0123456789abcdef")
	binary.BigEndian.PutUint32(raw[16:], uint32(i))
	return base64.StdEncoding.EncodeToString(raw[:])
}

// The client finalizes right after the list (BLOB-3), so that the digest
// has to be there almost then.
func TestBlocksAreHashedWhileTheUploadRuns(t *testing.T) {
	const n, size = 16, 100_000
	for _, c := range []struct {
		name   string
		put    func(f *fixture, id int64, i int, content []byte)
		commit func(f *fixture, id int64) error
	}{
		{"ids of the SDK for JavaScript", func(f *fixture, id int64, i int, content []byte) { f.put(id, azureID(i), content) }, func(f *fixture, id int64) error {
			return f.Commit(f.t.Context(), id, azureIDs(n))
		}},
		{"ids of the SDK for Go", func(f *fixture, id int64, i int, content []byte) { f.put(id, goID(i), content) }, func(f *fixture, id int64) error {
			var names []string
			for i := range n {
				names = append(names, goID(i))
			}
			return f.Commit(f.t.Context(), id, names)
		}},
		{"offsets", func(f *fixture, id int64, i int, content []byte) {
			f.ok(f.PutRange(f.t.Context(), id, int64(i*size), bytes.NewReader(content), size))
		}, func(f *fixture, id int64) error { return f.CommitRanges(f.t.Context(), id, n*size) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, storetest.Open(t))
				f.run()
				id, want := f.begin(), bytesOf(5, n*size)
				for i := n - 1; i >= 0; i-- { // the first comes last, and all others are read back
					c.put(f, id, i, want[i*size:(i+1)*size])
				}
				synctest.Wait()
				before := f.blobs.read.Load()
				f.ok(c.commit(f, id))
				s := f.seal(id)
				if after := f.blobs.read.Load(); before != (n-1)*size || after != before {
					t.Errorf("%d bytes were read before the list and %d in all, want %d: each block once, but the first", before, after, (n-1)*size)
				}
				f.holds(id, s, want)
			})
		})
	}
}

func TestBlocksThatComeInOrderAreNotReadAgain(t *testing.T) {
	for _, name := range []string{"toolkit", "random"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, storetest.Open(t))
			f.run()
			id := f.begin()
			var names []string
			var want []byte
			for i := range 20 {
				n := azureID(i)
				if name == "random" {
					n = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, rand.Uint64()))
				}
				if i == 7 { // an upload that is repeated
					f.is(actions.Malformed, f.PutBlock(t.Context(), id, n, strings.NewReader("half"), 100))
				}
				f.put(id, n, bytesOf(i, 50_000))
				names, want = append(names, n), append(want, bytesOf(i, 50_000)...)
			}
			f.ok(f.Commit(t.Context(), id, names))
			s := f.seal(id)
			if got := f.blobs.read.Load(); got != 0 {
				t.Errorf("%d bytes were read back", got)
			}
			f.holds(id, s, want)
		})
	}
}

func TestWrongGuessOfTheOrderCostsOnlyTime(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.run()
		id := f.begin()
		var names []string
		var want []byte
		for i := range 20 {
			f.put(id, azureID(i), bytesOf(i, 1000))
		}
		f.put(id, azureID(3), bytesOf(99, 1000)) // after it was hashed
		for _, i := range rand.Perm(20)[:15] {
			names = append(names, azureID(i))
			if i == 3 {
				i = 99
			}
			want = append(want, bytesOf(i, 1000)...)
		}
		f.ok(f.Commit(t.Context(), id, names))
		f.holds(id, f.seal(id), want)
	})
}

func TestFinishersAtOnceShareTheWork(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		var want []byte
		for i := 9; i >= 0; i-- { // nothing is hashed ahead but the last one to come
			f.put(id, azureID(i), bytesOf(i, 100_000))
		}
		for i := range 10 {
			want = append(want, bytesOf(i, 100_000)...)
		}
		f.ok(f.Commit(t.Context(), id, azureIDs(10)))
		var sums [8]object.Sum
		var wg sync.WaitGroup
		for i := range sums {
			wg.Go(func() {
				var err error
				if sums[i], err = f.Finish(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := f.blobs.read.Load(); got > int64(len(want)) {
			t.Errorf("%d bytes were read for %d", got, len(want))
		}
		for _, s := range sums {
			if s != sums[0] {
				t.Errorf("sums %v and %v", s, sums[0])
			}
		}
		f.holds(id, f.seal(id), want)
	})
}

// gated is a blob store whose blobs can be read only once the gate is open.
type gated struct {
	blob.Store
	waits chan struct{}
	gate  chan struct{}
}

func (g *gated) Open(ctx context.Context, key string) (blob.Object, error) {
	select {
	case g.waits <- struct{}{}:
	default:
	}
	select {
	case <-g.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return g.Store.Open(ctx, key)
}

func TestFinisherThatGivesUpLeavesTheWorkToTheNext(t *testing.T) {
	g := &gated{waits: make(chan struct{}, 1), gate: make(chan struct{})}
	f := newFixture(t, storetest.Open(t), func(c *object.Config) { g.Store, c.Blobs = c.Blobs, g })
	id := f.begin()
	f.put(id, azureID(1), []byte("B"))
	f.put(id, azureID(0), []byte("A"))
	f.ok(f.Commit(t.Context(), id, azureIDs(2)))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := f.Finish(ctx, id); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	<-g.waits
	wg.Go(func() {
		if _, err := f.Finish(t.Context(), id); err != nil {
			t.Error(err)
		}
	})
	cancel()
	close(g.gate)
	wg.Wait()
	f.holds(id, f.seal(id), []byte("AB"))
}

// composer joins blobs by copying them, as an S3 server does.
type composer struct{ *counted }

func (c composer) Compose(ctx context.Context, keys []string) (blob.Info, error) {
	var all []io.Reader
	for _, key := range keys {
		o, err := c.Store.Open(ctx, key)
		if err != nil {
			return blob.Info{}, err
		}
		defer o.Close()
		all = append(all, o)
	}
	info, err := c.Put(ctx, io.MultiReader(all...), blob.PutOptions{Limit: 1 << 40})
	c.flushed.Store(info.Key, true) // as of every Put that is not relaxed
	return info, err
}

func (c composer) Presign(_ context.Context, key string, o blob.PresignOptions) (string, bool, error) {
	return "https://bucket.example/" + key + "?type=" + o.ContentType, true, nil
}

func TestLargeBlocksBecomeOneBlobWhereTheStoreCanJoinThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, func(c *object.Config) { c.Blobs, c.Compose = composer{c.Blobs.(*counted)}, true })
		for _, c := range []struct {
			name  string
			sizes []int
			want  int // blobs
		}{
			{"large", []int{5 * mega, 5 * mega, 10}, 1},
			{"small", []int{mega, 5 * mega}, 2},
			{"one", []int{mega}, 1},
			{"none", nil, 0},
		} {
			id, want := f.begin(), []byte(nil)
			for i, size := range c.sizes {
				f.put(id, azureID(i), bytesOf(i, size))
				want = append(want, bytesOf(i, size)...)
			}
			f.put(id, "other", []byte("not listed"))
			f.ok(f.Commit(t.Context(), id, azureIDs(len(c.sizes))))
			f.holds(id, f.seal(id), want)
			f.wantBlobs(c.want)
			url, ok, err := f.URL(t.Context(), id, blob.PresignOptions{ContentType: "a/b"})
			f.ok(err)
			if ok != (c.want == 1) || ok && !strings.HasSuffix(url, f.keys()[0]+"?type=a/b") {
				t.Errorf("%s: the URL is %q, %t", c.name, url, ok)
			}
			f.drop(id)
			f.nothingLeft()
		}
	})
}

// forgetful is a bucket that has lost a blob.
type forgetful struct{ composer }

func (forgetful) Compose(_ context.Context, keys []string) (blob.Info, error) {
	return blob.Info{}, blob.ErrNotFound(keys[1])
}

func TestBlobThatIsGoneWhenBlocksAreJoinedIsAnError(t *testing.T) {
	f := newFixture(t, storetest.Open(t), func(c *object.Config) {
		c.Blobs, c.Compose = forgetful{composer{c.Blobs.(*counted)}}, true
	})
	id := f.begin()
	for i := range 2 {
		f.put(id, azureID(i), bytesOf(i, 5*mega))
	}
	f.ok(f.Commit(t.Context(), id, azureIDs(2)))
	_, err := f.Finish(t.Context(), id)
	f.is(actions.Internal, err)
}

func TestObjectsOfADirectoryHaveNoURL(t *testing.T) {
	f := newFixture(t, storetest.Open(t))
	id := f.begin()
	f.ok(f.PutWhole(t.Context(), id, strings.NewReader("x"), 1))
	f.seal(id)
	if url, ok, err := f.URL(t.Context(), id, blob.PresignOptions{}); ok || err != nil {
		t.Errorf("got %q, %t, %v", url, ok, err)
	}
}

// Power loss may take relaxed blobs of an upload and leave their rows.
func TestObjectThatLostABlobIsNotFinished(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, how := range []string{"gone", "dropped", "listed anew elsewhere"} {
			id := f.begin()
			f.put(id, azureID(1), []byte("B"))
			f.put(id, azureID(0), []byte("A"))
			f.ok(f.Commit(t.Context(), id, azureIDs(2)))
			blocks, err := f.store.Blocks(t.Context(), id)
			f.ok(err)
			f.ok(f.blobs.Delete(t.Context(), blocks[0].Blob))
			want := actions.Internal
			switch how {
			case "dropped":
				f.update(func(tx *store.Tx) error { return tx.DropObjects(t.Context(), f.now(), id) })
				want = actions.NotFound
			case "listed anew elsewhere":
				f.update(func(tx *store.Tx) error {
					return tx.SaveList(t.Context(), &store.Object{ID: id, List: []int64{blocks[1].Seq}, Size: 1}, f.now())
				})
				want = actions.Conflict
			}
			_, err = f.Finish(t.Context(), id)
			f.is(want, err)
			if how == "listed anew elsewhere" {
				f.holds(id, f.seal(id), []byte("A"))
			}
		}
	})
}

// rebooted is a blob store of a machine that has just started.
type rebooted struct {
	blob.Store
	at time.Time
}

func (r rebooted) Booted() time.Time { return r.at }

// Threat: bytes that nobody sent, after power loss. A file system may keep the length of
// a block that was not flushed, and its row may be there.
func TestUploadDoesNotGoOnAfterTheMachineStopped(t *testing.T) {
	f := newFixture(t, storetest.Open(t))
	begun, committed, whole := f.begin(), f.begin(), f.begin()
	f.put(begun, "a", []byte("lost"))
	f.ok(f.PutWhole(t.Context(), committed, strings.NewReader("lost"), 4))
	f.ok(f.PutWhole(t.Context(), whole, strings.NewReader("kept"), 4))
	s := f.seal(whole)
	f.open(f.store, func(c *object.Config) { c.Blobs = rebooted{c.Blobs, f.now()} })
	f.is(actions.NotFound, f.PutBlock(t.Context(), begun, "b", strings.NewReader("more"), 4))
	f.is(actions.NotFound, f.Commit(t.Context(), begun, []string{"a"}))
	_, err := f.Finish(t.Context(), committed)
	f.is(actions.NotFound, err)
	f.holds(whole, s, []byte("kept"))
	if got, err := f.Finish(t.Context(), whole); err != nil || got.SHA256 != s.SHA256 {
		t.Errorf("finished again: %v, %v", got, err)
	}
	again := f.begin()
	f.put(again, "a", []byte("new"))
	f.ok(f.Commit(t.Context(), again, []string{"a"}))
	f.holds(again, f.seal(again), []byte("new"))
}
