// Package caches is the page "Cache" of the reference: what is cached, and how much
// of it a repository may have.
package caches

import (
	"net/http"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store, ca *cache.Caches, se *settings.Settings) []rest.Route {
	const (
		repo   = "/repos/{owner}/{repo}/actions"
		org    = "/orgs/{org}/actions"
		docs   = "rest/actions/cache#"
		server = "enterprise-server@3.19/" + docs
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions"}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions"}
	administer := auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}
	see := auth.Need{On: auth.Org, Role: actions.Admin, Permission: "organization_administration", Level: auth.ReadLevel, Scopes: []string{"read:org"}}
	p := &page{st, ca, se}
	return []rest.Route{
		{Pattern: "GET " + repo + "/caches", Handle: p.list, Docs: docs + "list-github-actions-caches-for-a-repository", Need: read},
		{Pattern: "DELETE " + repo + "/caches", Handle: p.deleteAll, Docs: docs + "delete-github-actions-caches-for-a-repository-using-a-cache-key", Need: write},
		{Pattern: "DELETE " + repo + "/caches/{cache_id}", Handle: p.delete, Docs: docs + "delete-a-github-actions-cache-for-a-repository-using-a-cache-id", Need: write},
		{Pattern: "GET " + repo + "/cache/usage", Handle: p.getUsage, Docs: docs + "get-github-actions-cache-usage-for-a-repository", Need: read},
		{Pattern: "GET " + org + "/cache/usage", Handle: p.getOrganizationUsage, Docs: docs + "get-github-actions-cache-usage-for-an-organization", Need: see},
		{Pattern: "GET " + org + "/cache/usage-by-repository", Handle: p.listOrganizationUsage, Docs: docs + "list-repositories-with-github-actions-cache-usage-for-an-organization", Need: see},

		{Pattern: "GET " + repo + "/cache/retention-limit", Handle: p.getRetentionLimit, Docs: docs + "get-github-actions-cache-retention-limit-for-a-repository", Need: administer},
		{Pattern: "PUT " + repo + "/cache/retention-limit", Handle: p.setRetentionLimit, Docs: docs + "set-github-actions-cache-retention-limit-for-a-repository", Need: administer},
		{Pattern: "GET " + repo + "/cache/storage-limit", Handle: p.getStorageLimit, Docs: docs + "get-github-actions-cache-storage-limit-for-a-repository", Need: administer},
		{Pattern: "PUT " + repo + "/cache/storage-limit", Handle: p.setStorageLimit, Docs: docs + "set-github-actions-cache-storage-limit-for-a-repository", Need: administer},
		{Pattern: "GET " + repo + "/cache/usage-policy", Handle: p.getUsagePolicy, Docs: server + "get-github-actions-cache-usage-policy-for-a-repository", Need: read},
		{Pattern: "PATCH " + repo + "/cache/usage-policy", Handle: p.setUsagePolicy, Docs: server + "set-github-actions-cache-usage-policy-for-a-repository", Need: administer},
	}
}

type page struct {
	store    *store.Store
	caches   *cache.Caches
	settings *settings.Settings
}

type cacheJSON struct {
	ID             int64  `json:"id"`
	Ref            string `json:"ref"`
	Key            string `json:"key"`
	Version        string `json:"version"`
	LastAccessedAt string `json:"last_accessed_at"`
	CreatedAt      string `json:"created_at"`
	SizeInBytes    int64  `json:"size_in_bytes"`
}

type cacheListJSON struct {
	Total  int         `json:"total_count"`
	Caches []cacheJSON `json:"actions_caches"`
}

func newCacheList(list []*actions.Cache, total int) cacheListJSON {
	out := cacheListJSON{total, make([]cacheJSON, len(list))}
	for i, e := range list {
		out.Caches[i] = cacheJSON{
			ID: e.ID, Ref: e.Scope, Key: e.Key, Version: e.Version, SizeInBytes: e.Size,
			LastAccessedAt: shape.Time(e.LastAccessedAt), CreatedAt: shape.Time(e.CreatedAt),
		}
	}
	return out
}

// list serves GET /repos/{owner}/{repo}/actions/caches. A key stands for
// what begins with it, too.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	sort, direction := l.Query.Get("sort"), l.Query.Get("direction")
	if !slices.Contains([]string{"", "created_at", "last_accessed_at", "size_in_bytes"}, sort) {
		return badParameter("sort")
	}
	if !slices.Contains([]string{"", "asc", "desc"}, direction) {
		return badParameter("direction")
	}
	list, total, err := p.store.Caches(r.Context(), store.CacheFilter{
		RepoID: rest.CallOf(r).Repo.ID, Prefix: l.Query.Get("key"), Ref: l.Query.Get("ref"), Sort: sort, Oldest: direction == "asc",
	}, l.Page)
	if err != nil {
		return err
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, newCacheList(list, total))
}

func badParameter(name string) error {
	return actions.BadField("Cache", name)
}

// deleteAll serves DELETE /repos/{owner}/{repo}/actions/caches: those with a
// key, of one ref or of all.
func (p *page) deleteAll(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	f := store.CacheFilter{RepoID: rest.CallOf(r).Repo.ID, Key: query.Get("key"), Ref: query.Get("ref")}
	if f.Key == "" {
		return actions.Missing("Cache", "key")
	}
	gone, err := p.caches.Delete(r.Context(), f)
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return rest.ErrNotFound
	}
	return httpjson.Write(w, http.StatusOK, newCacheList(gone, len(gone)))
}

// delete serves DELETE /repos/{owner}/{repo}/actions/caches/{cache_id}.
func (p *page) delete(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "cache_id")
	if err != nil {
		return err
	}
	if err := p.caches.DeleteOne(r.Context(), rest.CallOf(r).Repo.ID, id); err != nil {
		return err
	}
	return rest.NoContent(w)
}

type cacheUsageJSON struct {
	FullName string `json:"full_name"`
	Bytes    int64  `json:"active_caches_size_in_bytes"`
	Caches   int64  `json:"active_caches_count"`
}

// getUsage serves GET /repos/{owner}/{repo}/actions/cache/usage.
func (p *page) getUsage(w http.ResponseWriter, r *http.Request) error {
	repo := rest.CallOf(r).Repo
	u, err := p.store.CacheUsage(r.Context(), repo.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, cacheUsageJSON{repo.FullName(), u.Bytes, u.Caches})
}

// getOrganizationUsage serves GET /orgs/{org}/actions/cache/usage.
func (p *page) getOrganizationUsage(w http.ResponseWriter, r *http.Request) error {
	u, err := p.store.OwnerCacheUsage(r.Context(), rest.CallOf(r).Org.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Caches int64 `json:"total_active_caches_count"`
		Bytes  int64 `json:"total_active_caches_size_in_bytes"`
	}{u.Caches, u.Bytes})
}

// listOrganizationUsage serves GET /orgs/{org}/actions/cache/usage-by-repository.
func (p *page) listOrganizationUsage(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	list, total, err := p.store.OwnerCacheUsages(r.Context(), rest.CallOf(r).Org.ID, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total  int              `json:"total_count"`
		Usages []cacheUsageJSON `json:"repository_cache_usages"`
	}{total, make([]cacheUsageJSON, len(list))}
	for i, u := range list {
		answer.Usages[i] = cacheUsageJSON{u.Repository, u.Bytes, u.Caches}
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}
