package object_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// endless is a body without an end.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

// Threat: size or hash declared falsely; endless chunked body
func TestBodyOfAnotherLengthLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.beginOf(mega)
		boom := errors.New("connection lost")
		for _, c := range []struct {
			name string
			body io.Reader
			size int64
			want actions.Kind
		}{
			{"shorter than declared", strings.NewReader("abc"), 4, actions.Malformed},
			{"longer than declared", strings.NewReader("abcde"), 4, actions.Malformed},
			{"declared beyond the limit", strings.NewReader("abc"), mega + 1, actions.Invalid},
			{"beyond the limit", bytes.NewReader(make([]byte, mega+1)), 0, actions.Invalid},
			{"endless", &endless{}, 0, actions.Invalid},
			{"endless, declared as short", &endless{}, 10, actions.Malformed},
			{"broken off", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(boom)), 0, actions.Internal},
		} {
			t.Run(c.name, func(t *testing.T) {
				f.is(c.want, f.PutBlock(t.Context(), id, azureID(0), c.body, c.size))
				f.wantBlobs(0)
				if e, ok := c.body.(*endless); ok && e.read > 2*mega {
					t.Errorf("%d bytes were read of a body of at most %d", e.read, mega)
				}
			})
		}
		f.put(id, azureID(0), bytesOf(3, mega)) // the limit itself is allowed
		f.ok(f.Commit(t.Context(), id, azureIDs(1)))
		f.holds(id, f.seal(id), bytesOf(3, mega))
	})
}

func TestBlocksThatNobodyCommitsDoNotFillTheDisk(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.beginOf(100)
		f.put(id, "a", make([]byte, 60))
		f.is(actions.Invalid, f.PutBlock(t.Context(), id, "b", bytes.NewReader(make([]byte, 41)), 41))
		f.put(id, "b", make([]byte, 40))
		f.put(id, "a", make([]byte, 50)) // replaces what it exceeds the limit by
		f.is(actions.Invalid, f.PutWhole(t.Context(), id, bytes.NewReader(make([]byte, 101)), 0))
		f.wantBlobs(2)
		f.ok(f.Commit(t.Context(), id, []string{"a", "b"}))
		f.is(actions.Invalid, f.Commit(t.Context(), id, []string{"a", "b", "a"})) // 140 bytes
		f.seal(id)
	})
}

// Bodies that come slowly count before they have a row.
func TestBodiesThatAreStillComingCountToo(t *testing.T) {
	f := newFixture(t, storetest.Open(t))
	id := f.beginOf(1000)
	r, w := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { f.is(actions.Internal, f.PutBlock(t.Context(), id, "slow", r, 0)) })
	if _, err := w.Write(make([]byte, 900)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1}); err != nil { // the first bytes are counted by now
		t.Fatal(err)
	}
	f.put(id, "a", make([]byte, 99))
	f.is(actions.Invalid, f.PutBlock(t.Context(), id, "b", &endless{}, 0))
	w.CloseWithError(errors.New("connection lost"))
	wg.Wait()
	f.put(id, "b", make([]byte, 901))
	f.wantBlobs(2)
}

func TestTooManyBlocksAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, func(c *object.Config) { c.Limits = object.Limits{Block: mega, Blocks: 5} })
		id := f.begin()
		for i := range 5 {
			f.put(id, azureID(i), []byte("x"))
		}
		f.is(actions.TooMany, f.PutBlock(t.Context(), id, azureID(5), strings.NewReader("x"), 1))
		f.put(id, azureID(4), []byte("y")) // again is not more
		f.wantBlobs(5)
		f.is(actions.TooMany, f.Commit(t.Context(), id, azureIDs(6)))
		f.ok(f.Commit(t.Context(), id, azureIDs(5)))
		f.seal(id)
	})
}

// Bad input: 100,000 blocks. 50,000 is Azure's limit (BLOB-3).
func TestHundredThousandBlocksAreRefusedAndFiftyThousandWork(t *testing.T) {
	f := newFixture(t, storetest.Open(t))
	n := object.DefaultLimits().Blocks
	if n != 50_000 {
		t.Fatalf("%d blocks are the limit", n)
	}
	if raced { // each block takes ten times as long
		n /= 10
		f.open(f.store, func(c *object.Config) { c.Limits = object.Limits{Block: 1 << 20, Blocks: n} })
	}
	id := f.begin()
	f.is(actions.TooMany, f.Commit(t.Context(), id, azureIDs(2*n)))
	names := azureIDs(n + 1)
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				if err := f.PutBlock(t.Context(), id, names[i], bytes.NewReader([]byte{byte(i)}), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	want := make([]byte, n)
	for i := range n {
		want[i] = byte(i)
		next <- i
	}
	close(next)
	wg.Wait()
	f.is(actions.TooMany, f.PutBlock(t.Context(), id, names[n], strings.NewReader("x"), 1))
	f.ok(f.Commit(t.Context(), id, names[:n]))
	f.holds(id, f.seal(id), want)
	f.drop(id)
	f.ok(f.Sweep(t.Context()))
	f.nothingLeft()
}
