package caches

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// GitHub knows two pages for the size of all caches: of github.com and, older, of the
// Enterprise Server.

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
	days, err := settings.Get(r.Context(), p.settings, settings.Repo(rest.CallOf(r).Repo), settings.CacheDays)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, daysJSON{&days})
}

// setRetentionLimit serves PUT /repos/{owner}/{repo}/actions/cache/retention-limit.
func (p *page) setRetentionLimit(w http.ResponseWriter, r *http.Request) error {
	var body daysJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	const field = "max_cache_retention_days"
	if body.Days == nil {
		return missing(field)
	}
	return p.setLimit(w, r, field, settings.Set(settings.CacheDays, *body.Days))
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
	bytes, err := settings.Get(r.Context(), p.settings, settings.Repo(rest.CallOf(r).Repo), settings.CacheBytes)
	return int(bytes >> 30), err
}

func (p *page) setGigabytes(w http.ResponseWriter, r *http.Request, field string, gb *int) error {
	if gb == nil {
		return missing(field)
	}
	return p.setLimit(w, r, field, settings.Set(settings.CacheBytes, settings.Gigabytes(*gb)))
}

func missing(field string) error {
	return actions.Errorf(actions.Malformed, "%s is missing", field)
}

// setLimit saves one of the limits, which came in a field, and applies it.
func (p *page) setLimit(w http.ResponseWriter, r *http.Request, field string, change settings.Change) error {
	repo := rest.CallOf(r).Repo
	err := p.settings.Update(r.Context(), settings.Repo(repo), change)
	if actions.KindOf(err) == actions.Invalid {
		return actions.Errorf(actions.Malformed, "%s: %v", field, err)
	}
	if err != nil {
		return err
	}
	if err := p.caches.Shrink(r.Context(), repo.ID); err != nil {
		return err
	}
	return rest.NoContent(w)
}
