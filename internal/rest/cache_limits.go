package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// What a repository may set for its caches. GitHub knows two pages for the size: of
// github.com and, older, of the Enterprise Server.
const (
	maxCacheGB   = 10_000
	maxCacheDays = 365
)

type cacheDaysJSON struct {
	Days *int `json:"max_cache_retention_days"`
}

type cacheSizeJSON struct {
	GB *int `json:"max_cache_size_gb"`
}

type cachePolicyJSON struct {
	GB *int `json:"repo_cache_size_limit_in_gb"`
}

// getCacheRetentionLimit serves GET /repos/{owner}/{repo}/actions/cache/retention-limit.
func (a *API) getCacheRetentionLimit(w http.ResponseWriter, r *http.Request) error {
	repo, err := a.Store.Repository(r.Context(), callOf(r).repo.ID)
	if err != nil {
		return err
	}
	days := a.Caches.Days(repo)
	return httpjson.Write(w, http.StatusOK, cacheDaysJSON{&days})
}

// setCacheRetentionLimit serves PUT /repos/{owner}/{repo}/actions/cache/retention-limit.
func (a *API) setCacheRetentionLimit(w http.ResponseWriter, r *http.Request) error {
	var body cacheDaysJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return a.setCacheLimit(w, r, "max_cache_retention_days", body.Days, maxCacheDays, func(repo *actions.Repository, n int) { repo.CacheDays = n })
}

// getCacheStorageLimit serves GET /repos/{owner}/{repo}/actions/cache/storage-limit.
func (a *API) getCacheStorageLimit(w http.ResponseWriter, r *http.Request) error {
	gb, err := a.cacheGB(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, cacheSizeJSON{&gb})
}

// setCacheStorageLimit serves PUT /repos/{owner}/{repo}/actions/cache/storage-limit.
func (a *API) setCacheStorageLimit(w http.ResponseWriter, r *http.Request) error {
	var body cacheSizeJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return a.setCacheGB(w, r, "max_cache_size_gb", body.GB)
}

// getCacheUsagePolicy serves GET /repos/{owner}/{repo}/actions/cache/usage-policy.
func (a *API) getCacheUsagePolicy(w http.ResponseWriter, r *http.Request) error {
	gb, err := a.cacheGB(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, cachePolicyJSON{&gb})
}

// setCacheUsagePolicy serves PATCH /repos/{owner}/{repo}/actions/cache/usage-policy.
func (a *API) setCacheUsagePolicy(w http.ResponseWriter, r *http.Request) error {
	var body cachePolicyJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return a.setCacheGB(w, r, "repo_cache_size_limit_in_gb", body.GB)
}

// cacheGB is how much the caches of the repository may hold, in whole gigabytes.
func (a *API) cacheGB(r *http.Request) (int, error) {
	repo, err := a.Store.Repository(r.Context(), callOf(r).repo.ID)
	if err != nil {
		return 0, err
	}
	return int(a.Caches.Bytes(repo) >> 30), nil
}

func (a *API) setCacheGB(w http.ResponseWriter, r *http.Request, field string, gb *int) error {
	return a.setCacheLimit(w, r, field, gb, maxCacheGB, func(repo *actions.Repository, n int) { repo.CacheGB = n })
}

// setCacheLimit saves one of the limits and applies it.
func (a *API) setCacheLimit(w http.ResponseWriter, r *http.Request, field string, n *int, most int, set func(*actions.Repository, int)) error {
	if n == nil || *n < 1 || *n > most {
		return actions.Errorf(actions.Malformed, "%s must be a number from 1 to %d", field, most)
	}
	id := callOf(r).repo.ID
	err := a.Store.Update(r.Context(), func(tx *store.Tx) error {
		repo, err := tx.Repository(r.Context(), id)
		if err != nil {
			return err
		}
		set(repo, *n)
		return tx.UpdateRepository(r.Context(), repo)
	})
	if err == nil {
		err = a.Caches.Shrink(r.Context(), id)
	}
	if err != nil {
		return err
	}
	return noContent(w)
}
