package object_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newFixture(t, st)) })
}

// Arrival order is arbitrary, several blocks come at once, and some of them twice
// (BLOB-3).
func TestBlocksMayComeInAnyOrderAndTwice(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.run()
		const n = 40
		id, names := f.begin(), azureIDs(n)
		var want []byte
		for i := range n {
			want = append(want, bytesOf(i, 1000+i*37)...)
		}
		block := func(i int) []byte { return bytesOf(i, 1000+i*37) }
		order := slices.Concat(rand.Perm(n), rand.Perm(n/2))
		var wg sync.WaitGroup
		next := make(chan int)
		for range 6 {
			wg.Go(func() {
				for i := range next {
					if err := f.PutBlock(t.Context(), id, names[i], bytes.NewReader(block(i)), 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for _, i := range order {
			next <- i
		}
		close(next)
		wg.Wait()
		f.ok(f.Commit(t.Context(), id, names))
		f.holds(id, f.seal(id), want)
		f.wantBlobs(n)
	})
}

func TestLastBodyOfABlockWins(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		for _, body := range []string{"first", "", "the last one"} {
			f.put(id, "a", []byte(body))
			f.wantBlobs(1)
		}
		f.put(id, "b", []byte("!"))
		f.ok(f.Commit(t.Context(), id, []string{"a", "b"}))
		f.holds(id, f.seal(id), []byte("the last one!"))
		f.drop(id)
		f.nothingLeft()
	})
}

// Ids are opaque: BuildKit's are any 64 bytes, and lengths may differ (BLOB-3).
func TestNamesOfBlocksAreOpaque(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		names := []string{
			"a", "A", "a ", " a", "=", "@0", "%00", "\x00", "\xff\xfe", "é", "e\u0301", `"`, `\x00`, `\`, "'; drop table objects", "../../etc/passwd",
			strings.Repeat("x", 128), strings.Repeat("\xff", 128), "🦑", "AAAA", "AAAAAA==", "12345678901234567890", "999999",
		}
		var want []byte
		for i, name := range names {
			f.put(id, name, []byte{byte(i)})
			want = append(want, byte(i))
		}
		f.ok(f.Commit(t.Context(), id, names))
		f.holds(id, f.seal(id), want)
	})
}

func TestBadNamesAreMalformed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		for _, name := range []string{"", strings.Repeat("x", 129)} {
			f.is(actions.Malformed, f.PutBlock(t.Context(), id, name, strings.NewReader("x"), 1))
			f.is(actions.Malformed, f.Commit(t.Context(), id, []string{name}))
		}
		f.is(actions.Malformed, f.PutRange(t.Context(), id, -1, strings.NewReader("x"), 1))
		f.wantBlobs(0)
	})
}

// Threat: partial or out-of-order block upload, repeated block ids, commit listing unknown blocks
func TestListThatDoesNotFitTheBlocksChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.put(id, "a", []byte("A"))
		for _, names := range [][]string{{"b"}, {"a", "b"}, {"a", "a", "c"}} {
			err := f.Commit(t.Context(), id, names)
			f.is(actions.Malformed, err)
			if !errors.Is(err, object.ErrUnknownBlock) {
				t.Errorf("%v is not ErrUnknownBlock", err)
			}
		}
		_, err := f.Finish(t.Context(), id)
		f.is(actions.Conflict, err) // nothing was committed
		_, err = f.Open(t.Context(), id)
		f.is(actions.Conflict, err) // no half object is visible
		f.put(id, "b", []byte("B")) // and it goes on
		f.ok(f.Commit(t.Context(), id, []string{"b", "a"}))
		f.holds(id, f.seal(id), []byte("BA"))
	})
}

func TestBlocksThatAreNotListedAreGone(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		for _, name := range []string{"a", "b", "c", "d"} {
			f.put(id, name, []byte(name))
		}
		f.ok(f.Commit(t.Context(), id, []string{"c", "a", "b"}))
		f.wantBlobs(3)
		f.ok(f.Commit(t.Context(), id, []string{"c", "a", "b"})) // the answer was lost
		f.ok(f.Commit(t.Context(), id, []string{"b", "c"}))      // another list may name the blocks of the first
		f.is(actions.Malformed, f.Commit(t.Context(), id, []string{"a"}))
		f.put(id, "e", []byte("e")) // came after the list
		f.holds(id, f.seal(id), []byte("bc"))
		f.wantBlobs(2)
	})
}

func TestABlockMayBeListedTwice(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.put(id, "a", []byte("aaa"))
		f.put(id, "b", []byte("bb"))
		f.ok(f.Commit(t.Context(), id, []string{"a", "b", "a"}))
		f.holds(id, f.seal(id), []byte("aaabbaaa"))
		f.wantBlobs(2)
		f.drop(id)
		f.nothingLeft()
	})
}

// An empty file sends no block and an empty list (BLOB-3).
func TestEmptyListMakesAnEmptyObject(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.ok(f.Commit(t.Context(), id, nil))
		f.holds(id, f.seal(id), nil)
		id = f.begin()
		f.ok(f.PutWhole(t.Context(), id, strings.NewReader(""), 0))
		f.holds(id, f.seal(id), nil)
		id = f.begin()
		f.ok(f.CommitRanges(t.Context(), id, 0))
		f.holds(id, f.seal(id), nil)
	})
}

// A small cache comes as a single Put Blob (BLOB-4).
func TestWholeObjectReplacesAllThatCameBefore(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.put(id, "a", []byte("A"))
		f.ok(f.PutWhole(t.Context(), id, strings.NewReader("one"), 3))
		f.ok(f.PutWhole(t.Context(), id, strings.NewReader("again"), 5))
		f.wantBlobs(1)
		f.holds(id, f.seal(id), []byte("again"))
	})
}

// Four pieces at a time, in any order, without a Content-Length (CACHE-6).
func TestPiecesByOffset(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, want := f.begin(), bytesOf(1, 10_000)
		piece := func(from, to int64) {
			t.Helper()
			f.ok(f.PutRange(t.Context(), id, from, bytes.NewReader(want[from:to]), 0))
		}
		piece(6000, 9000)
		piece(0, 3000)
		f.is(actions.Malformed, f.CommitRanges(t.Context(), id, 9000)) // a gap
		f.ok(f.PutRange(t.Context(), id, 3000, strings.NewReader("broken off"), 0))
		f.is(actions.Malformed, f.CommitRanges(t.Context(), id, 9000)) // a smaller gap
		piece(3000, 6000)
		piece(9000, 10_000)
		for _, size := range []int64{0, 9000, 9999, 10_001, -1} {
			f.is(actions.Malformed, f.CommitRanges(t.Context(), id, size))
		}
		f.ok(f.CommitRanges(t.Context(), id, 10_000))
		f.ok(f.CommitRanges(t.Context(), id, 10_000))
		f.holds(id, f.seal(id), want)
		f.wantBlobs(4)
	})
}

func TestPiecesThatOverlapAreMalformed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.ok(f.PutRange(t.Context(), id, 0, strings.NewReader("01234"), 5))
		f.ok(f.PutRange(t.Context(), id, 3, strings.NewReader("3456"), 4))
		f.is(actions.Malformed, f.CommitRanges(t.Context(), id, 7))
	})
}

func TestNothingChangesASealedObject(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.put(id, "a", []byte("A"))
		f.ok(f.Commit(t.Context(), id, []string{"a"}))
		f.is(actions.Conflict, f.PutBlock(t.Context(), id, "a", strings.NewReader("other"), 5)) // listed already
		s := f.seal(id)
		f.is(actions.Conflict, f.PutBlock(t.Context(), id, "a", strings.NewReader("B"), 1))
		f.is(actions.Conflict, f.PutBlock(t.Context(), id, "b", strings.NewReader("B"), 1))
		f.is(actions.Conflict, f.PutWhole(t.Context(), id, strings.NewReader("B"), 1))
		f.is(actions.Conflict, f.PutRange(t.Context(), id, 0, strings.NewReader("B"), 1))
		f.is(actions.Conflict, f.Commit(t.Context(), id, nil))
		f.is(actions.Conflict, f.Commit(t.Context(), id, []string{"x"}))
		f.is(actions.Conflict, f.CommitRanges(t.Context(), id, 0))
		again, err := f.Finish(t.Context(), id)
		f.ok(err)
		if again.SHA256 != s.SHA256 || again.Size != s.Size {
			t.Errorf("the sum is %v then, and was %v", again, s)
		}
		f.is(actions.Conflict, f.store.Update(t.Context(), func(tx *store.Tx) error { return f.Seal(t.Context(), tx, id, s) }))
		f.holds(id, s, []byte("A"))
		f.wantBlobs(1)
	})
}

func TestSumOfAFormerListSealsNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id := f.begin()
		f.put(id, "a", []byte("A"))
		f.put(id, "b", []byte("B"))
		f.ok(f.Commit(t.Context(), id, []string{"a", "b"}))
		former, err := f.Finish(t.Context(), id)
		f.ok(err)
		f.ok(f.Commit(t.Context(), id, []string{"b", "a"}))
		f.is(actions.Conflict, f.store.Update(t.Context(), func(tx *store.Tx) error { return f.Seal(t.Context(), tx, id, former) }))
		f.holds(id, f.seal(id), []byte("BA"))
	})
}

func TestObjectsThatAreNotThereAreNotFound(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		gone := f.begin()
		f.put(gone, "a", []byte("A"))
		f.drop(gone)
		for _, id := range []int64{gone, 999, 0, -1} {
			f.is(actions.NotFound, f.PutBlock(t.Context(), id, "a", strings.NewReader("A"), 1))
			f.is(actions.NotFound, f.PutWhole(t.Context(), id, strings.NewReader("A"), 1))
			f.is(actions.NotFound, f.Commit(t.Context(), id, []string{"a"}))
			f.is(actions.NotFound, f.CommitRanges(t.Context(), id, 1))
			_, err := f.Finish(t.Context(), id)
			f.is(actions.NotFound, err)
			_, err = f.Open(t.Context(), id)
			f.is(actions.NotFound, err)
		}
		f.nothingLeft()
	})
}

func TestReaderReadsFromAnywhere(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, want := f.begin(), bytesOf(2, 5000)
		var names []string
		for i, from := 0, 0; from < len(want); i++ { // some parts have no bytes
			to := min(from+(i%4)*300, len(want))
			f.put(id, azureID(i), want[from:to])
			names, from = append(names, azureID(i)), to
		}
		f.ok(f.Commit(t.Context(), id, names))
		f.seal(id)
		r, err := f.Open(t.Context(), id)
		f.ok(err)
		defer r.Close()
		f.ok(iotest.TestReader(r, want))
		for range 200 {
			from := rand.IntN(len(want) + 1)
			n := rand.IntN(len(want) - from + 1)
			_, err := r.Seek(int64(from), io.SeekStart)
			f.ok(err)
			var b bytes.Buffer
			copied, err := r.CopyN(&b, int64(n))
			f.ok(err)
			if copied != int64(n) || !bytes.Equal(b.Bytes(), want[from:from+n]) {
				t.Fatalf("%d bytes from %d are others", n, from)
			}
		}
		if n, err := r.CopyN(io.Discard, int64(len(want))+1); !errors.Is(err, io.EOF) {
			t.Errorf("beyond the end: %d, %v", n, err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					from := rand.IntN(len(want))
					b := make([]byte, rand.IntN(len(want)-from)+1)
					if n, err := r.ReadAt(b, int64(from)); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(b[:n], want[from:from+n]) {
						t.Errorf("ReadAt %d: %d, %v", from, n, err)
					}
				}
			})
		}
		wg.Wait()
	})
}
