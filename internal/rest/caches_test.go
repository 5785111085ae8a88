package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v75/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	mainRef      = "refs/heads/main"
	cacheVersion = "73885106f58cc52a7df9ec4d4a5622a5614813162cb516c759a30af6bf56e6f0"
)

// saveCache saves a cache of a job of the repository.
func (s *site) saveCache(j *actions.Job, ref, key, content string) *actions.Cache {
	s.Helper()
	ctx, scopes := s.Context(), actions.CacheScopes(ref, "", "main", actions.CacheWrites)
	e, err := s.caches.Reserve(ctx, j, scopes, cache.Upload{Key: key, Version: cacheVersion})
	s.must(err)
	s.must(s.objects.PutWhole(ctx, e.ObjectID, strings.NewReader(content), int64(len(content))))
	e, err = s.caches.Finalize(ctx, j, scopes, key, cacheVersion, int64(len(content)))
	s.must(err)
	return e
}

// saver is a job that saves caches of a repository.
func (s *site) saver(repo *actions.Repository) *actions.Job {
	s.Helper()
	return s.working(s.addRun(s.addWorkflow(repo, ".github/workflows/cache.yml"), nil))
}

// cacheKeys are the keys that an answer lists, and its total.
func cacheKeys(t *testing.T, a *reply) string {
	t.Helper()
	body := a.json(t)
	list, _ := body["actions_caches"].([]any)
	keys := make([]string, len(list))
	for i, e := range list {
		entry, _ := e.(map[string]any)
		keys[i], _ = entry["key"].(string)
	}
	return fmt.Sprintf("%v of %v", keys, body["total_count"])
}

func TestCachesAreListedAndDeleted(t *testing.T) {
	each(t, func(s *site) {
		j := s.saver(s.repo)
		const feature = "refs/heads/feature"
		first := s.saveCache(j, mainRef, "npm-1", "333")
		s.saveCache(j, feature, "npm-2", "1")
		s.saveCache(j, feature, "npm-1", "22")
		s.saveCache(j, mainRef, "go", "4444")
		s.must(s.store.TouchCache(s.Context(), first.ID, time.Now().Add(time.Hour)))

		for _, c := range []struct{ query, want string }{
			{"", "[npm-1 go npm-1 npm-2] of 4"},
			{"?direction=asc", "[npm-2 npm-1 go npm-1] of 4"},
			{"?sort=created_at&direction=asc", "[npm-1 npm-2 npm-1 go] of 4"},
			{"?sort=size_in_bytes", "[go npm-1 npm-1 npm-2] of 4"},
			{"?key=NPM-&sort=created_at", "[npm-1 npm-2 npm-1] of 3"},
			{"?key=npm-1&ref=" + url.QueryEscape(feature), "[npm-1] of 1"},
			{"?ref=refs/heads/none", "[] of 0"},
			{"?per_page=3&page=2&sort=created_at", "[npm-1] of 4"},
		} {
			if got := cacheKeys(s.T, s.want(s.get(s.path("actions/caches")+c.query), http.StatusOK)); got != c.want {
				s.Errorf("%q: %s, want %s", c.query, got, c.want)
			}
		}
		if link := s.get(s.path("actions/caches") + "?per_page=3").Header.Get("Link"); !strings.Contains(link, `rel="next"`) {
			s.Errorf("Link %q", link)
		}
		for _, query := range []string{"?sort=key", "?direction=up"} {
			s.want(s.get(s.path("actions/caches")+query), http.StatusUnprocessableEntity)
		}

		entry := s.get(s.path("actions/caches") + "?key=npm-1&ref=" + mainRef).json(s)["actions_caches"].([]any)[0].(map[string]any)
		delete(entry, "created_at")
		delete(entry, "last_accessed_at")
		if d := cmp.Diff(map[string]any{"id": float64(first.ID), "ref": mainRef, "key": "npm-1", "version": cacheVersion, "size_in_bytes": 3.0}, entry); d != "" {
			s.Error(d)
		}

		s.want(s.do(http.MethodDelete, s.path("actions/caches"), s.token, nil), http.StatusUnprocessableEntity)
		s.want(s.do(http.MethodDelete, s.path("actions/caches?key=npm"), s.token, nil), http.StatusNotFound) // a prefix is no key
		if got := cacheKeys(s.T, s.want(s.do(http.MethodDelete, s.path("actions/caches?key=npm-1&ref="+mainRef), s.token, nil), http.StatusOK)); got != "[npm-1] of 1" {
			s.Errorf("deleted of a ref: %s", got)
		}
		if got := cacheKeys(s.T, s.want(s.do(http.MethodDelete, s.path("actions/caches?key=NPM-1"), s.token, nil), http.StatusOK)); got != "[npm-1] of 1" {
			s.Errorf("deleted: %s", got)
		}
		if got := cacheKeys(s.T, s.get(s.path("actions/caches")+"?sort=created_at")); got != "[go npm-2] of 2" {
			s.Errorf("left: %s", got)
		}
	})
}

// What a client library makes of it.
func TestGoGitHubReadsCaches(t *testing.T) {
	s := newSite(t)
	ctx, gh := t.Context(), s.goGitHub(s.token)
	j := s.saver(s.repo)
	first := s.saveCache(j, mainRef, "key-0", "x")
	for i := range 24 {
		s.saveCache(j, mainRef, fmt.Sprint("key-", i+1), "x")
	}
	seen := map[int64]bool{}
	opts := &github.ActionsCacheListOptions{ListOptions: github.ListOptions{PerPage: 10}, Key: new("key-")}
	for {
		list, resp, err := gh.Actions.ListCaches(ctx, "alice", "hello", opts)
		if err != nil || list.TotalCount != 25 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, e := range list.ActionsCaches {
			seen[e.GetID()] = true
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d caches on all pages", len(seen))
	}
	if _, err := gh.Actions.DeleteCachesByKey(ctx, "alice", "hello", "key-7", nil); err != nil {
		t.Error(err)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if resp, err := gh.Actions.DeleteCachesByID(ctx, "alice", "hello", first.ID); resp.StatusCode != want {
			t.Errorf("deleting one: %d (%v), want %d", resp.StatusCode, err, want)
		}
	}
	usage, _, err := gh.Actions.GetCacheUsageForRepo(ctx, "alice", "hello")
	if err != nil || usage.FullName != "alice/hello" || usage.ActiveCachesCount != 23 || usage.ActiveCachesSizeInBytes != 23 {
		t.Errorf("usage %+v, %v", usage, err)
	}
}

func TestOwnersSeeWhatTheCachesOfAnOrganizationUse(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	org := s.account("guild", func(a *actions.Account) { a.Type = actions.Organization })
	s.must(s.store.SetMember(ctx, org.ID, s.alice.ID, true))
	owner := s.newToken(s.alice, "read:org")
	for _, name := range []string{"one", "two", "empty"} {
		repo := s.repository(org, name, true)
		if name != "empty" {
			s.saveCache(s.saver(repo), mainRef, "key", name)
		}
	}
	gh := s.goGitHub(owner)
	total, _, err := gh.Actions.GetTotalCacheUsageForOrg(ctx, "guild")
	if err != nil || total.TotalActiveCachesCount != 2 || total.TotalActiveCachesUsageSizeInBytes != 6 {
		t.Errorf("%+v, %v", total, err)
	}
	list, _, err := gh.Actions.ListCacheUsageByRepoForOrg(ctx, "guild", &github.ListOptions{PerPage: 1, Page: 2})
	if err != nil || list.TotalCount != 2 || len(list.RepoCacheUsage) != 1 || list.RepoCacheUsage[0].FullName != "guild/two" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, path := range []string{"/orgs/guild/actions/cache/usage", "/orgs/guild/actions/cache/usage-by-repository"} {
		s.want(s.do(http.MethodGet, path, s.newToken(s.alice, "repo"), nil), http.StatusForbidden)
		s.want(s.do(http.MethodGet, path, s.newToken(s.account("bob"+path[len(path)-3:], nil), "read:org"), nil), http.StatusForbidden)
		s.want(s.do(http.MethodGet, path, "", nil), http.StatusUnauthorized)
		s.want(s.do(http.MethodGet, strings.Replace(path, "guild", "alice", 1), owner, nil), http.StatusNotFound)
	}
}

func TestRepositoriesSetTheLimitsOfTheirCaches(t *testing.T) {
	each(t, func(s *site) {
		for _, c := range []struct {
			page, method, field string
			standard, most      float64
		}{
			{"retention-limit", http.MethodPut, "max_cache_retention_days", 7, 365},
			{"storage-limit", http.MethodPut, "max_cache_size_gb", 10, 10_000},
			{"usage-policy", http.MethodPatch, "repo_cache_size_limit_in_gb", 5, 10_000},
		} {
			path := s.path("actions/cache", c.page)
			if got := s.want(s.get(path), http.StatusOK).json(s)[c.field]; got != c.standard {
				s.Errorf("%s is %v at first, want %v", c.page, got, c.standard)
			}
			for _, bad := range []any{fields{}, fields{c.field: 0}, fields{c.field: -1}, fields{c.field: c.most + 1}, fields{c.field: nil}} {
				s.want(s.do(c.method, path, s.token, bad), http.StatusBadRequest)
			}
			s.want(s.do(c.method, path, s.token, fields{c.field: "many"}), http.StatusUnprocessableEntity)
			s.want(s.do(c.method, path, s.token, fields{c.field: 5}), http.StatusNoContent)
			if got := s.want(s.get(path), http.StatusOK).json(s)[c.field]; got != 5.0 {
				s.Errorf("%s is %v, want 5", c.page, got)
			}
		}
		repo, err := s.store.Repository(s.Context(), s.repo.ID)
		if err != nil || repo.CacheDays != 5 || repo.CacheGB != 5 {
			s.Errorf("%+v, %v", repo, err)
		}
	})
}

// Threat: token of repo A reads B, by REST.
func TestCachesOfAnotherRepositoryAreNotFound(t *testing.T) {
	s := newSite(t)
	e := s.saveCache(s.saver(s.repo), mainRef, "key", "x")
	own := s.repository(s.account("bob", nil), "own", true)
	job := s.jobToken(own, map[string]string{"actions": "write"})
	for _, path := range []string{fmt.Sprint("/repos/bob/own/actions/caches/", e.ID), "/repos/bob/own/actions/caches?key=key", s.path("actions/caches", e.ID), s.path("actions/caches?key=key")} {
		s.want(s.do(http.MethodDelete, path, job, nil), http.StatusNotFound)
	}
	if got, err := s.store.CacheUsage(t.Context(), s.repo.ID); err != nil || got != (store.CacheUsage{RepoID: s.repo.ID, Caches: 1, Bytes: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
	s.want(s.do(http.MethodDelete, s.path("actions/caches", e.ID), s.jobToken(s.repo, map[string]string{"actions": "read"}), nil), http.StatusForbidden)
	s.want(s.do(http.MethodDelete, s.path("actions/caches", e.ID), s.jobToken(s.repo, map[string]string{"actions": "write"}), nil), http.StatusNoContent)
}
