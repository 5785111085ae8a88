package rest

import (
	"net/http"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

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
	Total  int64       `json:"total_count"`
	Caches []cacheJSON `json:"actions_caches"`
}

func newCacheList(list []*actions.Cache, total int64) cacheListJSON {
	out := cacheListJSON{total, make([]cacheJSON, len(list))}
	for i, e := range list {
		out.Caches[i] = cacheJSON{
			ID: e.ID, Ref: e.Scope, Key: e.Key, Version: e.Version, SizeInBytes: e.Size,
			LastAccessedAt: shape.Time(e.LastAccessedAt), CreatedAt: shape.Time(e.CreatedAt),
		}
	}
	return out
}

// listCaches serves GET /repos/{owner}/{repo}/actions/caches. A key stands for
// what begins with it, too.
func (a *API) listCaches(w http.ResponseWriter, r *http.Request) error {
	l := listingOf(r)
	sort, direction := l.query.Get("sort"), l.query.Get("direction")
	if !slices.Contains([]string{"", "created_at", "last_accessed_at", "size_in_bytes"}, sort) {
		return badCacheParameter("sort")
	}
	if !slices.Contains([]string{"", "asc", "desc"}, direction) {
		return badCacheParameter("direction")
	}
	list, total, err := a.Store.Caches(r.Context(), store.CacheFilter{
		RepoID: callOf(r).repo.ID, Prefix: l.query.Get("key"), Ref: l.query.Get("ref"), Sort: sort, Oldest: direction == "asc",
	}, l.rows())
	if err != nil {
		return err
	}
	l.link(w, r, int(total))
	return httpjson.Write(w, http.StatusOK, newCacheList(list, total))
}

func badCacheParameter(name string) error {
	return httpjson.Invalid("Validation Failed", httpjson.FieldError{Resource: "Cache", Code: "invalid", Field: name})
}

// deleteCaches serves DELETE /repos/{owner}/{repo}/actions/caches: those with a
// key, of one ref or of all.
func (a *API) deleteCaches(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	f := store.CacheFilter{RepoID: callOf(r).repo.ID, Key: query.Get("key"), Ref: query.Get("ref")}
	if f.Key == "" {
		return httpjson.Missing("Cache", "key")
	}
	gone, err := a.Caches.Delete(r.Context(), f)
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return errNotFound
	}
	return httpjson.Write(w, http.StatusOK, newCacheList(gone, int64(len(gone))))
}

// deleteCache serves DELETE /repos/{owner}/{repo}/actions/caches/{cache_id}.
func (a *API) deleteCache(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "cache_id")
	if err != nil {
		return err
	}
	if err := a.Caches.DeleteOne(r.Context(), callOf(r).repo.ID, id); err != nil {
		return err
	}
	return noContent(w)
}

type cacheUsageJSON struct {
	FullName string `json:"full_name"`
	Bytes    int64  `json:"active_caches_size_in_bytes"`
	Caches   int64  `json:"active_caches_count"`
}

// getCacheUsage serves GET /repos/{owner}/{repo}/actions/cache/usage.
func (a *API) getCacheUsage(w http.ResponseWriter, r *http.Request) error {
	repo := callOf(r).repo
	u, err := a.Store.CacheUsage(r.Context(), repo.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, cacheUsageJSON{repo.FullName(), u.Bytes, u.Caches})
}

// ownedOrganization finds the organization of the path, if the caller may see
// what it uses.
func (a *API) ownedOrganization(r *http.Request) (*actions.Account, error) {
	org, err := a.organization(r)
	if err != nil {
		return nil, err
	}
	return org, a.Auth.CanOwn(r.Context(), callOf(r).caller, org, "read:org")
}

// getOrganizationCacheUsage serves GET /orgs/{org}/actions/cache/usage.
func (a *API) getOrganizationCacheUsage(w http.ResponseWriter, r *http.Request) error {
	org, err := a.ownedOrganization(r)
	if err != nil {
		return err
	}
	u, err := a.Store.OwnerCacheUsage(r.Context(), org.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Caches int64 `json:"total_active_caches_count"`
		Bytes  int64 `json:"total_active_caches_size_in_bytes"`
	}{u.Caches, u.Bytes})
}

// listOrganizationCacheUsage serves GET /orgs/{org}/actions/cache/usage-by-repository.
func (a *API) listOrganizationCacheUsage(w http.ResponseWriter, r *http.Request) error {
	org, err := a.ownedOrganization(r)
	if err != nil {
		return err
	}
	l := listingOf(r)
	list, total, err := a.Store.OwnerCacheUsages(r.Context(), org.ID, l.rows())
	if err != nil {
		return err
	}
	answer := struct {
		Total  int64            `json:"total_count"`
		Usages []cacheUsageJSON `json:"repository_cache_usages"`
	}{total, make([]cacheUsageJSON, len(list))}
	for i, u := range list {
		answer.Usages[i] = cacheUsageJSON{u.Repository, u.Bytes, u.Caches}
	}
	l.link(w, r, int(total))
	return httpjson.Write(w, http.StatusOK, answer)
}
