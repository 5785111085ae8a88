package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// ten is the content of one of ten caches that fit.
var ten = strings.Repeat("x", 10)

// CACHE-5: the new entry is kept, and those restored longest ago go.
func TestNewCachesPushOutThoseRestoredLongestAgo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{}, settings.CacheBytes.Default(30))
		old := w.save(mainRef, "a", ten)
		for _, key := range []string{"b", "c"} {
			w.pass(time.Minute)
			w.save(mainRef, key, ten)
		}
		w.pass(time.Minute)
		if err := st.TouchCache(t.Context(), old.ID, w.now()); err != nil {
			t.Fatal(err)
		}
		w.save(featureRef, "d", ten)
		if got := w.keys(); got != "a c d" {
			t.Errorf("left: %s", got)
		}
		w.pass(time.Minute)
		w.save(mainRef, "e", ten+ten+ten)
		if got := w.keys(); got != "e" || w.Kept() != 1 {
			t.Errorf("left: %s, %d blobs", got, w.Kept())
		}
		w.usage()
	})
}

// Threat: cache flood evicts trusted entries.
func TestPullRequestsNeverPushOutCachesOfBranches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{}, settings.CacheBytes.Default(50))
		w.save(mainRef, "main", ten)
		w.save(featureRef, "feature", ten)
		w.save("refs/tags/v1", "tag", ten)
		for i := range 30 {
			w.pass(time.Second)
			w.save(fmt.Sprintf("refs/pull/%d/merge", i%4), fmt.Sprint("flood-", i), ten)
		}
		if got := w.keys(); got != "main feature tag flood-28 flood-29" {
			t.Errorf("left: %s", got)
		}
		before := w.Kept()
		if _, err := w.try(pullRef, "big", ten+ten+"x"); actions.KindOf(err) != actions.Invalid {
			t.Errorf("a cache for which branches leave no room: %v", err)
		}
		if got := w.keys(); got != "main feature tag flood-28 flood-29" || w.Kept() != before {
			t.Errorf("left after the refusal: %s", got)
		}
		w.pass(time.Second)
		w.save(featureRef, "more", ten+ten)
		if got := w.keys(); got != "tag flood-28 flood-29 more" {
			t.Errorf("left after a branch's, by last use: %s", got)
		}
		w.usage()
	})
}

func TestCachesThatNobodyRestoresAreRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{PerMinute: 1000})
		const day = 24 * time.Hour
		for i := range 150 { // more than one batch
			w.save(mainRef, fmt.Sprint("old-", i), "x")
		}
		kept := w.save(mainRef, "kept", "x")
		w.pass(7*day - time.Hour)
		w.sweep()
		if n, _ := w.usage(); n != 151 {
			t.Errorf("%d caches before a week has passed", n)
		}
		if err := st.TouchCache(t.Context(), kept.ID, w.now()); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Hour)
		w.sweep()
		if got := w.keys(); got != "kept" || w.Kept() != 1 {
			t.Errorf("left: %s, %d blobs", got, w.Kept())
		}
		w.pass(7 * day)
		w.sweep()
		w.wantNoBytes()
	})
}

func TestDeletedCachesAreGoneAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{})
		w.save(mainRef, "a", "x")
		w.save(featureRef, "A", "x")
		w.save(pullRef, "b", "x")
		gone, err := w.caches.Delete(t.Context(), store.CacheFilter{RepoID: w.Repo.ID, Key: "a", Ref: mainRef})
		if err != nil || len(gone) != 1 || w.Kept() != 2 {
			t.Errorf("%d deleted of one ref (%v), %d blobs left", len(gone), err, w.Kept())
		}
		if gone, err = w.caches.Delete(t.Context(), store.CacheFilter{RepoID: w.Repo.ID, Key: "a"}); err != nil || len(gone) != 1 {
			t.Errorf("%d deleted (%v)", len(gone), err)
		}
		e := w.save(mainRef, "a", "y") // the key is free again
		for _, want := range []actions.Kind{"", actions.NotFound} {
			w.wantKind("by id", w.caches.DeleteOne(t.Context(), w.Repo.ID, e.ID), want)
		}
		if n, size := w.usage(); n != 1 || size != 1 || w.Kept() != 1 {
			t.Errorf("%d caches of %d bytes in %d blobs are left", n, size, w.Kept())
		}
	})
}

func TestRepositoriesKeepUnusedCachesForTheirOwnTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		short, long := newWorld(t, st, cache.Limits{}), newWorld(t, st, cache.Limits{})
		set := settings.New(st)
		for w, days := range map[*world]int{short: 2, long: 9} {
			if err := set.Update(t.Context(), settings.Repo(w.Repo), settings.Set(settings.CacheDays, days)); err != nil {
				t.Fatal(err)
			}
			w.save(mainRef, "key", "x")
		}
		short.pass(3 * 24 * time.Hour)
		short.sweep()
		if short.keys() != "" || long.keys() != "key" {
			t.Errorf("left after three days: %q and %q, want those of the other repository", short.keys(), long.keys())
		}
		long.pass(10 * 24 * time.Hour)
		long.sweep()
		if got := long.keys(); got != "" {
			t.Errorf("left after ten days: %q", got)
		}
	})
}

func TestTheSweepComesToEveryRepository(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{})
	j, old := w.Job("save"), w.now().Add(-8*24*time.Hour)
	err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 250 { // more than are read at once; half of them stay
			repo := &actions.Repository{Owner: w.Repo.Owner, Name: fmt.Sprint("repo-", i), DefaultBranch: "main", CreatedAt: old, UpdatedAt: old}
			if err := tx.CreateRepository(t.Context(), repo); err != nil {
				return err
			}
			used := old.AddDate(0, 0, i%2*7)
			e := &actions.Cache{RepoID: repo.ID, JobID: j.ID, Scope: mainRef, Key: "key", Version: version, Size: 1, CreatedAt: old, LastAccessedAt: used}
			if err := tx.CreateCache(t.Context(), e); err != nil {
				return err
			}
			if err := tx.FinishCache(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sweep()
	if left, err := w.Store.OwnerCacheUsage(t.Context(), w.Repo.Owner.ID); err != nil || left.Caches != 125 {
		t.Errorf("%d caches are left (%v), want the 125 that were restored yesterday", left.Caches, err)
	}
}

func TestSmallerLimitIsKept(t *testing.T) {
	w := newWorld(t, storetest.Open(t), cache.Limits{}, settings.CacheBytes.Default(100))
	w.save(mainRef, "a", ten)
	w.pass(time.Second)
	w.save(pullRef, "b", ten)
	smaller := cache.New(cache.Config{Store: w.Store, Objects: w.objects, Settings: settings.New(w.Store, settings.CacheBytes.Default(15)), Log: w.log, Now: w.now})
	if err := smaller.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.keys(); got != "a" {
		t.Errorf("left: %s; those of pull requests go first", got)
	}
}

// A search is a use, written a little later; the loop removes what an ended job left.
func TestRestoringIsNotedAndTheLoopSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, storetest.Open(t), cache.Limits{})
		e := w.save(mainRef, "key", "x")
		j := w.Job("dead")
		w.begin(j, mainRef, "other")
		time.Sleep(time.Hour)
		if w.find(mainRef, "key") != "x" {
			t.Error("not found")
		}
		time.Sleep(2 * time.Second)
		if used, err := w.Store.Cache(t.Context(), e.ID); err != nil || used.LastAccessedAt.Sub(e.LastAccessedAt) < time.Hour {
			t.Errorf("last used %v (%v), made %v", used.LastAccessedAt, err, e.LastAccessedAt)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.caches.Run(ctx) }()
		w.Complete(j, w.now())
		time.Sleep(6 * time.Minute)
		if left, err := w.Store.AbandonedCaches(t.Context(), 10); err != nil || len(left) != 0 {
			t.Errorf("left: %v %v", left, err)
		}
		time.Sleep(8 * 24 * time.Hour)
		if n, _ := w.usage(); n != 0 {
			t.Errorf("%d caches after a week", n)
		}
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// Threat: cache flood. What nobody finishes has a limit, too, and that of pull
// requests takes nothing from branches.
func TestUploadsWithoutAnEndHaveALimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, cache.Limits{}, settings.CacheBytes.Default(15))
		j := w.Job("pull")
		var flood *actions.Cache
		for _, key := range []string{"a", "b"} {
			var err error
			if flood, err = w.reserve(j, pullRef, key); err != nil {
				t.Fatal(err)
			}
			if err := w.caches.PutRange(t.Context(), j, flood.ID, 0, strings.NewReader(ten), 10); err != nil {
				t.Fatal(err)
			}
		}
		w.wantKind("more of a pull request", w.caches.PutRange(t.Context(), j, flood.ID, 10, strings.NewReader("x"), 1), actions.TooMany)
		w.save(mainRef, "main", ten)
		j.Complete(actions.Success, w.now())
		if err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateJob(t.Context(), j) }); err != nil {
			t.Fatal(err)
		}
		w.sweep()
		other := w.Job("other")
		next, err := w.reserve(other, pullRef, "c")
		if err == nil {
			err = w.caches.PutRange(t.Context(), other, next.ID, 0, strings.NewReader("x"), 1)
		}
		if err != nil {
			t.Errorf("once the job is over: %v", err)
		}
	})
}
