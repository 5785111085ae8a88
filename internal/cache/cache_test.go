package cache_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestLaterJobsRestoreWhatOneSaved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		saved := w.save(mainRef, "npm-Linux-1", "content")
		if !saved.Live || saved.Size != 7 || saved.Scope != mainRef {
			t.Errorf("saved %+v", saved)
		}
		for _, keys := range [][]string{{"npm-linux-1"}, {"npm-linux-2", "npm-linux-"}, {"npm-linux-2", "NPM-LINUX-2", "npm-"}} {
			if got := w.find(mainRef, keys...); got != "content" {
				t.Errorf("%q: %q", keys, got)
			}
		}
		if got := w.find(mainRef, "yarn-"); got != "" {
			t.Errorf("a miss finds %q", got)
		}
		if n, size := w.usage(); n != 1 || size != 7 {
			t.Errorf("%d caches, %d bytes", n, size)
		}
	})
}

// Threat: cache entry written by a PR read by main. Rows are who saves, columns
// who restores (CACHE-4).
func TestCachesAreHiddenFromOtherRefs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		const tagRef, siblingRef = "refs/tags/v1", "refs/heads/sibling"
		refs := []string{mainRef, featureRef, siblingRef, tagRef, pullRef, "refs/pull/8/merge"}
		for _, ref := range refs {
			w.save(ref, "key-"+ref, ref)
		}
		for _, writer := range refs {
			for _, reader := range refs {
				want := ""
				if writer == reader || writer == mainRef {
					want = writer
				}
				if got := w.find(reader, "key-"+writer); got != want {
					t.Errorf("%s restores %q of %s, want %q", reader, got, writer, want)
				}
			}
		}
		base := actions.CacheScopes(pullRef, featureRef, "main", actions.CacheWrites)
		e, err := w.caches.Find(t.Context(), w.Repo.ID, base, []string{"key-"}, version)
		if err != nil || e.Scope != pullRef {
			t.Errorf("own ref first: %v %v", e, err)
		}
		e, err = w.caches.Find(t.Context(), w.Repo.ID, base, []string{"key-refs/heads/"}, version)
		if err != nil || e.Scope != featureRef {
			t.Errorf("then the base branch: %v %v", e, err)
		}
	})
}

// Threat: token of repo A reads B.
func TestCachesOfOtherRepositoriesAreNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		a, b := newWorld(t, st, cache.Limits{}), newWorld(t, st, cache.Limits{})
		saved := a.save(mainRef, "key", "secret")
		if got := b.find(mainRef, "key"); got != "" {
			t.Errorf("another repository reads %q", got)
		}
		b.wantKind("deleting by id", b.caches.DeleteOne(t.Context(), b.Repo.ID, saved.ID), actions.NotFound)
		mine := b.Job("b")
		pending, err := a.reserve(a.Job("a"), mainRef, "other")
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.caches.Uploading(t.Context(), b.Repo.ID, pending.ID)
		b.wantKind("uploading by id", err, actions.NotFound)
		b.wantKind("piece by id", b.caches.PutRange(t.Context(), mine, pending.ID, 0, strings.NewReader("x"), 1), actions.NotFound)
		_, err = b.caches.Commit(t.Context(), mine, pending.ID, 0)
		b.wantKind("commit by id", err, actions.NotFound)
		other := a.Job("same repository")
		a.wantKind("piece of another job", a.caches.PutRange(t.Context(), other, pending.ID, 0, strings.NewReader("x"), 1), actions.NotFound)
	})
}

// Threat: untrusted event on the default branch writes the default branch's cache.
func TestModesAreEnforced(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{})
	w.save(mainRef, "key", "x")
	for _, c := range []struct {
		mode          actions.CacheMode
		reads, writes bool
	}{
		{actions.CacheReads, true, false},
		{actions.CacheWrites, true, true},
		{actions.CacheWriteOnly, false, true},
		{actions.CacheNone, false, false},
	} {
		scopes := actions.CacheScopes(mainRef, "", "main", c.mode)
		_, err := w.caches.Find(t.Context(), w.Repo.ID, scopes, []string{"key"}, version)
		if c.reads != (err == nil) || err != nil && (actions.KindOf(err) != actions.Forbidden || !strings.Contains(err.Error(), "cache read denied:")) {
			t.Errorf("%s reads: %v", c.mode, err)
		}
		j := w.Job("j")
		_, err = w.caches.Reserve(t.Context(), j, scopes, cache.Upload{Key: "new-" + string(c.mode), Version: version})
		if c.writes != (err == nil) || err != nil && (actions.KindOf(err) != actions.Forbidden || !strings.HasPrefix(err.Error(), "cache write denied:")) {
			t.Errorf("%s writes: %v", c.mode, err)
		}
		if _, err = w.caches.Finalize(t.Context(), j, scopes, "new-"+string(c.mode), version, 0); err == nil {
			t.Errorf("%s finalizes what was not uploaded", c.mode)
		}
	}
}

// Threat: cache written after the job ended with a stolen runtime token.
func TestEndedJobsSaveNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		j := w.Job("build")
		e := w.begin(j, mainRef, "key")
		w.put(e, "poison")
		w.Complete(j, w.now())
		_, err := w.finalize(j, mainRef, "key", 6)
		w.wantKind("finalize", err, actions.Conflict)
		_, err = w.caches.Uploading(t.Context(), w.Repo.ID, e.ID)
		w.wantKind("upload", err, actions.Conflict)
		_, err = w.reserve(j, mainRef, "another")
		w.wantKind("reserve", err, actions.Conflict)
		if got := w.find(mainRef, "key"); got != "" {
			t.Errorf("found %q", got)
		}
		w.sweep()
		w.wantNoBytes()
	})
}

func TestOfManyJobsOneSavesAKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		const many = 20
		jobs := make([]*actions.Job, many)
		for i := range jobs {
			jobs[i] = w.Job(fmt.Sprint("job ", i))
		}
		var won, exists int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, j := range jobs {
			wg.Go(func() {
				e, err := w.reserve(j, mainRef, "key")
				if err == nil {
					content := fmt.Sprint("of ", i)
					w.put(e, content)
					_, err = w.finalize(j, mainRef, "key", len(content))
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.Is(err, cache.ErrExists):
					exists++
				default:
					t.Errorf("job %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if won != 1 || exists != many-1 {
			t.Errorf("%d jobs saved it and %d were told that it exists", won, exists)
		}
		if n, _ := w.usage(); n != 1 || !strings.HasPrefix(w.find(mainRef, "KEY"), "of ") {
			t.Errorf("%d caches", n)
		}
	})
}

func TestWhatExistsIsNotReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		first, second := w.Job("first"), w.Job("second")
		if _, err := w.reserve(first, mainRef, "key"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.reserve(second, mainRef, "Key"); !errors.Is(err, cache.ErrExists) {
			t.Errorf("while another job uploads it: %v", err)
		}
		again, err := w.reserve(first, mainRef, "KEY")
		if err != nil {
			t.Fatalf("by the same job: %v", err)
		}
		w.put(again, "one")
		if _, err := w.finalize(first, mainRef, "KEY", 3); err != nil {
			t.Fatal(err)
		}
		if repeated, err := w.finalize(first, mainRef, "KEY", 3); err != nil || repeated.ID != again.ID {
			t.Errorf("when the answer was lost: %v, %v", repeated, err)
		}
		for name, j := range map[string]*actions.Job{"another job": second, "the same job": first} {
			if _, err := w.reserve(j, mainRef, "key"); !errors.Is(err, cache.ErrExists) {
				t.Errorf("%s once it is live: %v", name, err)
			}
		}
		if _, err := w.caches.Reserve(t.Context(), second, rights(mainRef), cache.Upload{Key: "key", Version: "v2"}); err != nil {
			t.Errorf("another version: %v", err)
		}
		if _, err := w.reserve(second, featureRef, "key"); err != nil {
			t.Errorf("another scope: %v", err)
		}
		if got := w.find(mainRef, "key"); got != "one" {
			t.Errorf("found %q", got)
		}
	})
}

func TestWhatAnEndedJobBeganIsReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		dead := w.Job("dead")
		e := w.begin(dead, mainRef, "key")
		w.put(e, "half")
		w.Complete(dead, w.now())
		if e := w.save(mainRef, "key", "whole"); w.read(e) != "whole" {
			t.Error("not the second one")
		}
		if err := w.caches.DeleteOne(t.Context(), w.Repo.ID, e.ID); actions.KindOf(err) != actions.NotFound {
			t.Errorf("the first one is still there: %v", err)
		}
	})
}

// Threat: size declared falsely: refused, and nothing is kept.
func TestUploadsOfAnotherSizeAreRefusedWithTheirBytes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{}, settings.CacheBytes.Default(100))
		j := w.Job("build")
		e := w.begin(j, mainRef, "key")
		_, err := w.finalize(j, mainRef, "key", 0)
		w.wantKind("before the upload", err, actions.Conflict)
		w.put(e, "12345")
		_, err = w.finalize(j, mainRef, "key", 6)
		w.wantKind("another size", err, actions.Malformed)
		_, err = w.finalize(j, mainRef, "key", 5)
		w.wantKind("after the refusal", err, actions.Conflict)
		w.wantNoBytes()
		if _, err := w.caches.Reserve(t.Context(), j, rights(mainRef), cache.Upload{Key: "key", Version: version, Size: 101}); actions.KindOf(err) != actions.Invalid {
			t.Errorf("larger than all may be: %v", err)
		}
		e = w.begin(j, mainRef, "key")
		err = w.objects.PutWhole(t.Context(), e.ObjectID, strings.NewReader(strings.Repeat("x", 101)), 0)
		w.wantKind("a body larger than all may be", err, actions.Invalid)
		w.wantNoBytes()
	})
}

// Pieces of version 1 come by offset, in any order (CACHE-6).
func TestPiecesInAnyOrderMakeTheCache(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		j := w.Job("build")
		e := w.begin(j, mainRef, "key")
		piece := func(offset int64, text string) {
			t.Helper()
			if err := w.caches.PutRange(t.Context(), j, e.ID, offset, strings.NewReader(text), -1); err != nil {
				t.Fatal(err)
			}
		}
		piece(6, "789")
		piece(0, "abc")
		_, err := w.caches.Commit(t.Context(), j, e.ID, 9)
		w.wantKind("with a gap", err, actions.Malformed)
		piece(3, "456")
		piece(0, "123")
		_, err = w.caches.Commit(t.Context(), j, e.ID, 8)
		w.wantKind("another size", err, actions.Malformed)
		for range 2 { // the answer was lost
			if _, err := w.caches.Commit(t.Context(), j, e.ID, 9); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.find(mainRef, "key"); got != "123456789" {
			t.Errorf("found %q", got)
		}
		w.wantKind("a piece after the end", w.caches.PutRange(t.Context(), j, e.ID, 9, strings.NewReader("x"), 1), actions.Conflict)
		_, err = w.caches.Commit(t.Context(), j, e.ID, 10)
		w.wantKind("another end", err, actions.Conflict)
	})
}

// CACHE-2.
func TestSearchesThatCannotBe(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{})
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprint("key-", i)
	}
	for name, c := range map[string]struct {
		keys    []string
		version string
	}{
		"no key": {nil, version}, "eleven keys": {many, version}, "long key": {[]string{strings.Repeat("x", 513)}, version},
		"comma": {[]string{"a,b"}, version}, "NUL": {[]string{"a\x00"}, version}, "no version": {[]string{"a"}, ""},
		"long version": {[]string{"a"}, strings.Repeat("x", 513)},
	} {
		_, err := w.caches.Find(t.Context(), w.Repo.ID, rights(mainRef), c.keys, c.version)
		w.wantKind("find "+name, err, actions.Invalid)
		if len(c.keys) == 1 {
			_, err = w.caches.Reserve(t.Context(), w.Job("j"), rights(mainRef), cache.Upload{Key: c.keys[0], Version: c.version})
			w.wantKind("reserve "+name, err, actions.Invalid)
		}
	}
	_, err := w.caches.Find(t.Context(), w.Repo.ID, rights(mainRef), append(many[:10], many[:10]...), version)
	w.wantKind("ten keys, twice", err, actions.NotFound)
}

// CACHE-5: 200 uploads per minute.
func TestRepositoriesUploadSoManyCachesAMinute(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{PerMinute: 3})
	w.save(mainRef, "a", "x")
	for range 5 { // what is refused does not count
		if _, err := w.try(mainRef, "a", "x"); !errors.Is(err, cache.ErrExists) {
			t.Fatal(err)
		}
	}
	w.pass(20 * time.Second)
	w.save(mainRef, "b", "x")
	w.save(mainRef, "c", "x")
	_, err := w.try(mainRef, "d", "x")
	wait, ok := errors.AsType[*cache.Wait](err)
	if !ok || actions.KindOf(err) != actions.TooMany || wait.After <= 30*time.Second || wait.After > 40*time.Second {
		t.Fatalf("the fourth: %v", err)
	}
	other := newWorld(t, w.Store, cache.Limits{})
	other.caches = w.caches
	if _, err := other.reserve(other.Job("j"), mainRef, "d"); err != nil {
		t.Errorf("another repository: %v", err)
	}
	w.pass(wait.After)
	w.save(mainRef, "d", "x")
	w.sweep()
}

// Threat: cache flood. One of pull requests takes nothing of the rate of branches.
func TestPullRequestsLeaveBranchesTheirRate(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{PerMinute: 3})
	for i := range 3 {
		w.save(fmt.Sprintf("refs/pull/%d/merge", i), "flood", "x")
	}
	_, err := w.try("refs/pull/4/merge", "flood", "x")
	w.wantKind("one more of a pull request", err, actions.TooMany)
	w.save(mainRef, "main", "x")
	w.save(featureRef, "feature", "x")
	w.save("refs/tags/v1", "tag", "x")
	_, err = w.try(mainRef, "more", "x")
	w.wantKind("one more of a branch", err, actions.TooMany)
}

func TestJobsBeginSoManyCachesAtOnce(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{Pending: 2})
	j := w.Job("build")
	for i := range 3 {
		_, err := w.reserve(j, mainRef, fmt.Sprint("key", i))
		if want := map[bool]actions.Kind{true: actions.TooMany, false: ""}[i == 2]; actions.KindOf(err) != want {
			t.Errorf("the %dth: %v, want %q", i+1, err, want)
		}
	}
}
