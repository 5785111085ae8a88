package caches

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// What a repository may set for its caches. GitHub knows two pages for the size: of
// github.com and, older, of the Enterprise Server.
const (
	maxGigabytes = 10_000
	maxDays      = 365
)

type daysJSON struct {
	Days *int `json:"max_cache_retention_days"`
}

type sizeJSON struct {
	GB *int `json:"max_cache_size_gb"`
}

type policyJSON struct {
	GB *int `json:"repo_cache_size_limit_in_gb"`
}

// getRetentionLimit serves GET /repos/{owner}/{repo}/actions/cache/retention-limit.
func (p *page) getRetentionLimit(w http.ResponseWriter, r *http.Request) error {
	repo, err := p.store.Repository(r.Context(), rest.CallOf(r).Repo.ID)
	if err != nil {
		return err
	}
	days := p.caches.Days(repo)
	return httpjson.Write(w, http.StatusOK, daysJSON{&days})
}

// setRetentionLimit serves PUT /repos/{owner}/{repo}/actions/cache/retention-limit.
func (p *page) setRetentionLimit(w http.ResponseWriter, r *http.Request) error {
	var body daysJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return p.setLimit(w, r, "max_cache_retention_days", body.Days, maxDays, p.settings.SetCacheDays)
}

// getStorageLimit serves GET /repos/{owner}/{repo}/actions/cache/storage-limit.
func (p *page) getStorageLimit(w http.ResponseWriter, r *http.Request) error {
	gb, err := p.gigabytes(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, sizeJSON{&gb})
}

// setStorageLimit serves PUT /repos/{owner}/{repo}/actions/cache/storage-limit.
func (p *page) setStorageLimit(w http.ResponseWriter, r *http.Request) error {
	var body sizeJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return p.setGigabytes(w, r, "max_cache_size_gb", body.GB)
}

// getUsagePolicy serves GET /repos/{owner}/{repo}/actions/cache/usage-policy.
func (p *page) getUsagePolicy(w http.ResponseWriter, r *http.Request) error {
	gb, err := p.gigabytes(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, policyJSON{&gb})
}

// setUsagePolicy serves PATCH /repos/{owner}/{repo}/actions/cache/usage-policy.
func (p *page) setUsagePolicy(w http.ResponseWriter, r *http.Request) error {
	var body policyJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return p.setGigabytes(w, r, "repo_cache_size_limit_in_gb", body.GB)
}

// gigabytes is how much the caches of the repository may hold.
func (p *page) gigabytes(r *http.Request) (int, error) {
	repo, err := p.store.Repository(r.Context(), rest.CallOf(r).Repo.ID)
	if err != nil {
		return 0, err
	}
	return int(p.caches.Bytes(repo) >> 30), nil
}

func (p *page) setGigabytes(w http.ResponseWriter, r *http.Request, field string, gb *int) error {
	return p.setLimit(w, r, field, gb, maxGigabytes, p.settings.SetCacheGB)
}

// setLimit saves one of the limits and applies it.
func (p *page) setLimit(w http.ResponseWriter, r *http.Request, field string, n *int, most int, set func(ctx context.Context, repoID int64, n int) error) error {
	if n == nil || *n < 1 || *n > most {
		return actions.Errorf(actions.Malformed, "%s must be a number from 1 to %d", field, most)
	}
	id := rest.CallOf(r).Repo.ID
	if err := set(r.Context(), id, *n); err != nil {
		return err
	}
	if err := p.caches.Shrink(r.Context(), id); err != nil {
		return err
	}
	return rest.NoContent(w)
}
