package store_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const mainRef = "refs/heads/main"

// A cacheTable is a repository, and what puts caches into it.
type cacheTable struct {
	*testing.T
	st   *store.Store
	repo *actions.Repository
	job  int64 // in progress
	now  time.Time
}

func newCacheTable(t *testing.T, st *store.Store) *cacheTable {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	owner := &actions.Account{Login: "octo", Type: actions.Organization, CreatedAt: now, UpdatedAt: now}
	if err := st.CreateAccount(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	repo, runs := addRepository(t, st, owner, "one")
	jobs, err := st.Jobs(t.Context(), runs[0].ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &cacheTable{t, st, repo, jobs[0].ID, now}
}

func (c *cacheTable) update(fn func(ctx context.Context, tx *store.Tx) error) {
	c.Helper()
	if err := c.st.Update(c.Context(), func(tx *store.Tx) error { return fn(c.Context(), tx) }); err != nil {
		c.Fatal(err)
	}
}

// add adds a live cache.
func (c *cacheTable) add(scope, key, version string, size int64, age time.Duration) *actions.Cache {
	c.Helper()
	at := c.now.Add(-age)
	made := &actions.Cache{RepoID: c.repo.ID, JobID: c.job, Scope: scope, Key: key, Version: version, ObjectID: 1, Size: size, CreatedAt: at, LastAccessedAt: at}
	c.update(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateCache(ctx, made); err != nil {
			return err
		}
		return tx.FinishCache(ctx, made)
	})
	return made
}

func (c *cacheTable) find(scopes, keys []string, version string) string {
	c.Helper()
	found, err := c.st.FindCache(c.Context(), store.CacheQuery{RepoID: c.repo.ID, Scopes: scopes, Keys: keys, Version: version})
	if actions.KindOf(err) == actions.NotFound {
		return ""
	}
	if err != nil {
		c.Fatal(err)
	}
	return found.Scope + " " + found.Key
}

func keysOf(list []*actions.Cache) (keys []string) {
	for _, c := range list {
		keys = append(keys, c.Key)
	}
	return keys
}

// CACHE-3.
func TestCachesAreFoundInTheDocumentedOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCacheTable(t, st)
		const feature, sibling = "refs/heads/feature", "refs/heads/sibling"
		c.add(mainRef, "npm-linux-1", "v", 1, 0)
		c.add(mainRef, "npm-linux-2", "v", 1, 0)
		c.add(mainRef, "npm-linux-1-older", "v", 1, 0)
		c.add(mainRef, "npm-win", "w", 1, 0)
		c.add(mainRef, "100%_sure", "v", 1, 0)
		c.add(mainRef, "100xxsure", "v", 1, 0)
		c.add(feature, "NPM-Linux-0", "v", 1, 0)
		c.add(sibling, "only-here", "v", 1, 0)
		c.add(mainRef, "Größe-1", "v", 1, 0)
		c.add(mainRef, "go\U0010FFFFz", "v", 1, 0)
		for _, s := range []struct {
			name    string
			scopes  []string
			keys    []string
			version string
			want    string
		}{
			{"exact before newer prefix", []string{mainRef}, []string{"npm-linux-1"}, "v", mainRef + " npm-linux-1"},
			{"newest of a prefix", []string{mainRef}, []string{"npm-linux-"}, "v", mainRef + " npm-linux-1-older"},
			{"first key as prefix before the second exactly", []string{mainRef}, []string{"npm-", "npm-linux-2"}, "v", mainRef + " npm-linux-1-older"},
			{"second key", []string{mainRef}, []string{"yarn-", "npm-linux-2"}, "v", mainRef + " npm-linux-2"},
			{"first scope before any key of the second", []string{feature, mainRef}, []string{"npm-linux-1", "npm-"}, "v", feature + " NPM-Linux-0"},
			{"second scope", []string{feature, mainRef}, []string{"npm-linux-1"}, "v", mainRef + " npm-linux-1"},
			{"without case, as stored", []string{feature}, []string{"npm-LINUX-0"}, "v", feature + " NPM-Linux-0"},
			{"without case beyond ASCII", []string{mainRef}, []string{"GRÖ"}, "v", mainRef + " Größe-1"},
			{"prefix that ends in the last character", []string{mainRef}, []string{"go\U0010FFFF"}, "v", mainRef + " go\U0010FFFFz"},
			{"another version", []string{mainRef}, []string{"npm-win"}, "v", ""},
			{"a scope not asked for", []string{feature, mainRef}, []string{"only-here"}, "v", ""},
			{"percent and underscore mean themselves", []string{mainRef}, []string{"100%_"}, "v", mainRef + " 100%_sure"},
			{"longer than the key", []string{mainRef}, []string{"npm-linux-2-and-more"}, "v", ""},
			{"no scope", nil, []string{"npm-"}, "v", ""},
		} {
			if got := c.find(s.scopes, s.keys, s.version); got != s.want {
				t.Errorf("%s: got %q, want %q", s.name, got, s.want)
			}
		}
		other, _ := addRepository(t, st, &c.repo.Owner, "two")
		if _, err := st.FindCache(t.Context(), store.CacheQuery{RepoID: other.ID, Scopes: []string{mainRef}, Keys: []string{"npm-"}, Version: "v"}); actions.KindOf(err) != actions.NotFound {
			t.Errorf("another repository: %v", err)
		}
	})
}

func TestListsOfCaches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCacheTable(t, st)
		c.add(mainRef, "a-1", "v", 30, 3*time.Hour)
		c.add("refs/heads/x", "A-2", "v", 10, time.Hour)
		c.add(mainRef, "b", "v", 20, 2*time.Hour)
		all := store.Page{Number: 1, Size: 30}
		for _, l := range []struct {
			name   string
			filter store.CacheFilter
			page   store.Page
			want   []string
			total  int
		}{
			{"by last access", store.CacheFilter{}, all, []string{"A-2", "b", "a-1"}, 3},
			{"by age", store.CacheFilter{Sort: "created_at", Oldest: true}, all, []string{"a-1", "A-2", "b"}, 3},
			{"by size", store.CacheFilter{Sort: "size_in_bytes"}, all, []string{"a-1", "b", "A-2"}, 3},
			{"by prefix", store.CacheFilter{Prefix: "a-"}, all, []string{"A-2", "a-1"}, 2},
			{"by key", store.CacheFilter{Key: "a-2"}, all, []string{"A-2"}, 1},
			{"by ref", store.CacheFilter{Ref: mainRef, Oldest: true}, all, []string{"a-1", "b"}, 2},
			{"by prefix and ref", store.CacheFilter{Ref: mainRef, Prefix: "a"}, all, []string{"a-1"}, 1},
			{"second page", store.CacheFilter{}, store.Page{Number: 2, Size: 2}, []string{"a-1"}, 3},
		} {
			l.filter.RepoID = c.repo.ID
			list, total, err := st.Caches(t.Context(), l.filter, l.page)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(l.want, keysOf(list)); d != "" || total != l.total {
				t.Errorf("%s: %d in all, %s", l.name, total, d)
			}
		}
	})
}

func TestSumsOfCachesAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCacheTable(t, st)
		c.add(mainRef, "a", "v", 100, time.Hour)
		gone := c.add(mainRef, "b", "v", 20, 0)
		c.add("refs/pull/7/merge", "c", "v", 3, 2*time.Hour)
		c.update(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteCache(ctx, gone) })
		u, err := st.CacheUsage(t.Context(), c.repo.ID)
		if d := cmp.Diff(store.CacheUsage{RepoID: c.repo.ID, Caches: 2, Bytes: 103, PullBytes: 3}, u); err != nil || d != "" {
			t.Error(err, d)
		}
		u, err = st.OwnerCacheUsage(t.Context(), c.repo.Owner.ID)
		if d := cmp.Diff(store.CacheUsage{Caches: 2, Bytes: 103}, u); err != nil || d != "" {
			t.Error(err, d)
		}
		list, total, err := st.OwnerCacheUsages(t.Context(), c.repo.Owner.ID, store.Page{Number: 1, Size: 10})
		if d := cmp.Diff([]store.CacheUsage{{RepoID: c.repo.ID, Repository: "octo/one", Caches: 2, Bytes: 103}}, list); err != nil || total != 1 || d != "" {
			t.Error(err, total, d)
		}
		for pulls, want := range map[bool][]string{true: {"c"}, false: {"c", "a"}} {
			list, err := st.LeastUsedCaches(t.Context(), c.repo.ID, 0, pulls, 10)
			if d := cmp.Diff(want, keysOf(list)); err != nil || d != "" {
				t.Error(err, d)
			}
		}
		addRepository(t, st, &c.repo.Owner, "empty")
		only := actions.Repository{ID: c.repo.ID, Owner: actions.Account{ID: c.repo.Owner.ID}, Private: c.repo.Private}
		want := []*store.CacheStock{{Repo: only, Bytes: 103, Oldest: c.now.Add(-2 * time.Hour)}}
		for after, want := range map[int64][]*store.CacheStock{0: want, c.repo.ID: nil} {
			stocks, err := st.CacheStocks(t.Context(), after, 10)
			if d := cmp.Diff(want, stocks); err != nil || d != "" {
				t.Error(err, d)
			}
		}
	})
}

func TestUnusedCachesAreThoseNobodyRestoredSince(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		c := newCacheTable(t, st)
		const day = 24 * time.Hour
		c.add(mainRef, "young", "v", 1, 3*day)
		c.add(mainRef, "old", "v", 1, 8*day)
		for days, want := range map[int][]string{7: {"old"}, 9: nil, 3: {"old", "young"}} {
			list, err := st.UnusedCaches(t.Context(), c.repo.ID, c.now.AddDate(0, 0, -days), 10)
			if d := cmp.Diff(want, keysOf(list)); err != nil || d != "" {
				t.Errorf("%d days: %v %s", days, err, d)
			}
		}
	})
}

// Searches meet an index with all that they compare, however many caches there are.
func TestSearchesForCachesReadNoOtherCaches(t *testing.T) {
	now, page := time.Now(), store.Page{Number: 2, Size: 30}
	list := func(f store.CacheFilter) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			f.RepoID = 1
			_, _, err := q.Caches(ctx, f, page)
			return err
		}
	}
	for name, ask := range map[string]func(context.Context, store.Explainer) error{
		"find": func(ctx context.Context, q store.Explainer) error {
			_, err := q.FindCache(ctx, store.CacheQuery{RepoID: 1, Scopes: []string{"a", "b"}, Keys: []string{"c", "d"}, Version: "v"})
			if actions.KindOf(err) == actions.NotFound {
				return nil
			}
			return err
		},
		"same": func(ctx context.Context, q store.Explainer) error {
			_, err := q.SameCaches(ctx, &actions.Cache{RepoID: 1, Scope: "s", Key: "k", Version: "v"})
			return err
		},
		"pending of a job": func(ctx context.Context, q store.Explainer) error { _, err := q.CountPendingCaches(ctx, 1); return err },
		"list":             list(store.CacheFilter{}),
		"list by age":      list(store.CacheFilter{Sort: "created_at"}),
		"list by size":     list(store.CacheFilter{Sort: "size_in_bytes", Oldest: true}),
		"list by prefix":   list(store.CacheFilter{Prefix: "a"}),
		"list by key":      list(store.CacheFilter{Key: "a", Ref: mainRef}),
		"least used": func(ctx context.Context, q store.Explainer) error {
			_, err := q.LeastUsedCaches(ctx, 1, 2, true, 9)
			return err
		},
		"unused for a week": func(ctx context.Context, q store.Explainer) error {
			_, err := q.UnusedCaches(ctx, 1, now, 9)
			return err
		},
		"stocks":    func(ctx context.Context, q store.Explainer) error { _, err := q.CacheStocks(ctx, 1, 9); return err },
		"abandoned": func(ctx context.Context, q store.Explainer) error { _, err := q.AbandonedCaches(ctx, 9); return err },
	} {
		t.Run(name, func(t *testing.T) {
			q := storetest.Open(t).Explain()
			if err := ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			for _, plan := range *q.Plans {
				whole := regexp.MustCompile(`^SCAN (caches|c)\b`).MatchString(plan) && !strings.Contains(plan, "caches_pending") // few
				sorts := name != "list by prefix" && name != "list by key" && name != "same" && name != "find" && strings.Contains(plan, "TEMP B-TREE")
				sorts = sorts && (!strings.HasPrefix(name, "list") || strings.HasSuffix(plan, store.Inside)) // a page may be sorted
				if whole || sorts {
					t.Errorf("%s, of %q", plan, *q.Plans)
				}
			}
			if name == "find" && !strings.Contains(fmt.Sprint(*q.Plans), "caches_live (repo_id=? AND scope=? AND version=? AND key_lower>? AND key_lower<?)") {
				t.Errorf("not by prefix: %q", *q.Plans)
			}
		})
	}
}
