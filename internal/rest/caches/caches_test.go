package caches_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

const mainRef = "refs/heads/main"

// saver is a job that saves caches of a repository.
func saver(s *resttest.Site, repo *actions.Repository) *actions.Job {
	s.Helper()
	return s.AddJob(s.AddRun(s.AddWorkflow(repo, ".github/workflows/cache.yml"), nil), resttest.Running)
}

// cacheKeys are the keys that an answer lists, and its total.
func cacheKeys(t testing.TB, a *servertest.Reply) string {
	t.Helper()
	body := a.JSON(t)
	list, _ := body["actions_caches"].([]any)
	keys := make([]string, len(list))
	for i, e := range list {
		entry, _ := e.(map[string]any)
		keys[i], _ = entry["key"].(string)
	}
	return fmt.Sprintf("%v of %v", keys, body["total_count"])
}

func TestCachesAreListedAndDeleted(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		j := saver(s, s.Repo)
		const feature = "refs/heads/feature"
		first := s.SaveCache(j, mainRef, "npm-1", "333")
		s.SaveCache(j, feature, "npm-2", "1")
		s.SaveCache(j, feature, "npm-1", "22")
		s.SaveCache(j, mainRef, "go", "4444")
		s.Must(s.Store.TouchCache(s.Context(), first.ID, time.Now().Add(time.Hour)))

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
			if got := cacheKeys(s, s.Want(s.Get(s.Path("actions/caches")+c.query), http.StatusOK)); got != c.want {
				s.Errorf("%q: %s, want %s", c.query, got, c.want)
			}
		}
		if link := s.Get(s.Path("actions/caches") + "?per_page=3").Header.Get("Link"); !strings.Contains(link, `rel="next"`) {
			s.Errorf("Link %q", link)
		}
		for _, query := range []string{"?sort=key", "?direction=up"} {
			s.Want(s.Get(s.Path("actions/caches")+query), http.StatusUnprocessableEntity)
		}

		entry := s.Get(s.Path("actions/caches") + "?key=npm-1&ref=" + mainRef).JSON(s)["actions_caches"].([]any)[0].(map[string]any)
		delete(entry, "created_at")
		delete(entry, "last_accessed_at")
		if d := cmp.Diff(map[string]any{"id": float64(first.ID), "ref": mainRef, "key": "npm-1", "version": resttest.CacheVersion, "size_in_bytes": 3.0}, entry); d != "" {
			s.Error(d)
		}

		s.Want(s.Do(http.MethodDelete, s.Path("actions/caches"), s.AliceToken, nil), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodDelete, s.Path("actions/caches?key=npm"), s.AliceToken, nil), http.StatusNotFound) // a prefix is no key
		if got := cacheKeys(s, s.Want(s.Do(http.MethodDelete, s.Path("actions/caches?key=npm-1&ref="+mainRef), s.AliceToken, nil), http.StatusOK)); got != "[npm-1] of 1" {
			s.Errorf("deleted of a ref: %s", got)
		}
		if got := cacheKeys(s, s.Want(s.Do(http.MethodDelete, s.Path("actions/caches?key=NPM-1"), s.AliceToken, nil), http.StatusOK)); got != "[npm-1] of 1" {
			s.Errorf("deleted: %s", got)
		}
		if got := cacheKeys(s, s.Get(s.Path("actions/caches")+"?sort=created_at")); got != "[go npm-2] of 2" {
			s.Errorf("left: %s", got)
		}
	})
}

// What a client library makes of it.
func TestGoGitHubReadsCaches(t *testing.T) {
	s := resttest.New(t)
	ctx, gh := t.Context(), s.GoGitHub(s.AliceToken)
	j := saver(s, s.Repo)
	first := s.SaveCache(j, mainRef, "key-0", "x")
	for i := range 24 {
		s.SaveCache(j, mainRef, fmt.Sprint("key-", i+1), "x")
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
	s := resttest.New(t)
	ctx := t.Context()
	org := s.Organization("guild")
	s.Must(s.Store.SetMember(ctx, org.ID, s.Alice.ID, true))
	owner := s.Token(s.Alice, "read:org")
	for _, name := range []string{"one", "two", "empty"} {
		repo := s.Repository(org, name, true)
		if name != "empty" {
			s.SaveCache(saver(s, repo), mainRef, "key", name)
		}
	}
	gh := s.GoGitHub(owner)
	total, _, err := gh.Actions.GetTotalCacheUsageForOrg(ctx, "guild")
	if err != nil || total.TotalActiveCachesCount != 2 || total.TotalActiveCachesUsageSizeInBytes != 6 {
		t.Errorf("%+v, %v", total, err)
	}
	list, _, err := gh.Actions.ListCacheUsageByRepoForOrg(ctx, "guild", &github.ListOptions{PerPage: 1, Page: 2})
	if err != nil || list.TotalCount != 2 || len(list.RepoCacheUsage) != 1 || list.RepoCacheUsage[0].FullName != "guild/two" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, path := range []string{"/orgs/guild/actions/cache/usage", "/orgs/guild/actions/cache/usage-by-repository"} {
		s.Want(s.Do(http.MethodGet, path, s.Token(s.Alice, "repo"), nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodGet, path, s.Token(s.User("bob"+path[len(path)-3:]), "read:org"), nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodGet, path, "", nil), http.StatusUnauthorized)
		s.Want(s.Do(http.MethodGet, strings.Replace(path, "guild", "alice", 1), owner, nil), http.StatusNotFound)
	}
}

func TestRepositoriesSetTheLimitsOfTheirCaches(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		for _, c := range []struct {
			page, method, field string
			standard, most      float64
		}{
			{"retention-limit", http.MethodPut, "max_cache_retention_days", 7, 365},
			{"storage-limit", http.MethodPut, "max_cache_size_gb", 10, 10_000},
			{"usage-policy", http.MethodPatch, "repo_cache_size_limit_in_gb", 5, 10_000},
		} {
			path := s.Path("actions/cache", c.page)
			if got := s.Want(s.Get(path), http.StatusOK).JSON(s)[c.field]; got != c.standard {
				s.Errorf("%s is %v at first, want %v", c.page, got, c.standard)
			}
			for _, bad := range []any{resttest.Fields{}, resttest.Fields{c.field: 0}, resttest.Fields{c.field: -1}, resttest.Fields{c.field: c.most + 1}, resttest.Fields{c.field: nil}} {
				s.Want(s.Do(c.method, path, s.AliceToken, bad), http.StatusBadRequest)
			}
			s.Want(s.Do(c.method, path, s.AliceToken, resttest.Fields{c.field: "many"}), http.StatusUnprocessableEntity)
			s.Want(s.Do(c.method, path, s.AliceToken, resttest.Fields{c.field: 5}), http.StatusNoContent)
			if got := s.Want(s.Get(path), http.StatusOK).JSON(s)[c.field]; got != 5.0 {
				s.Errorf("%s is %v, want 5", c.page, got)
			}
		}
	})
}

func TestCachesAboveANewLimitGoAtOnce(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		j := saver(s, s.Repo)
		for i, key := range []string{"old", "new"} {
			at := j.CreatedAt.Add(time.Duration(i) * time.Minute)
			e := &actions.Cache{RepoID: s.Repo.ID, JobID: j.ID, Scope: mainRef, Key: key, Version: resttest.CacheVersion, Size: 1 << 30, CreatedAt: at, LastAccessedAt: at}
			s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
				if err := tx.CreateCache(s.Context(), e); err != nil {
					return err
				}
				return tx.FinishCache(s.Context(), e)
			}))
		}
		s.Want(s.Do(http.MethodPut, s.Path("actions/cache/storage-limit"), s.AliceToken, resttest.Fields{"max_cache_size_gb": 1}), http.StatusNoContent)
		if got := cacheKeys(s, s.Get(s.Path("actions/caches"))); got != "[new] of 1" {
			s.Errorf("left: %s, want the one that was restored last", got)
		}
	})
}

// Threat: token of repo A reads B, by REST.
func TestCachesOfAnotherRepositoryAreNotFound(t *testing.T) {
	s := resttest.New(t)
	e := s.SaveCache(saver(s, s.Repo), mainRef, "key", "x")
	own := s.Repository(s.User("bob"), "own", true)
	job := s.JobToken(own, map[string]string{"actions": "write"})
	for _, path := range []string{fmt.Sprint("/repos/bob/own/actions/caches/", e.ID), "/repos/bob/own/actions/caches?key=key", s.Path("actions/caches", e.ID), s.Path("actions/caches?key=key")} {
		s.Want(s.Do(http.MethodDelete, path, job, nil), http.StatusNotFound)
	}
	if got, err := s.Store.CacheUsage(t.Context(), s.Repo.ID); err != nil || got != (store.CacheUsage{RepoID: s.Repo.ID, Caches: 1, Bytes: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
	s.Want(s.Do(http.MethodDelete, s.Path("actions/caches", e.ID), s.JobToken(s.Repo, map[string]string{"actions": "read"}), nil), http.StatusForbidden)
	s.Want(s.Do(http.MethodDelete, s.Path("actions/caches", e.ID), s.JobToken(s.Repo, map[string]string{"actions": "write"}), nil), http.StatusNoContent)
}
