// Package ratelimit is the page "Rate limit" of the reference.
package ratelimit

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/version"
)

// Routes are the operations of the page.
func Routes(now func() time.Time) []rest.Route {
	p := &page{now}
	return []rest.Route{{
		Pattern: "GET /rate_limit", Handle: p.get,
		Docs: "rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user", Need: auth.Need{On: auth.Site, Public: true},
	}}
}

type page struct{ now func() time.Time }

type rateJSON struct {
	Limit     int   `json:"limit"`
	Used      int   `json:"used"`
	Remaining int   `json:"remaining"`
	Reset     int64 `json:"reset"`
}

// get serves GET /rate_limit.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	left := limit.Of(r.Context()).Rate(p.now())
	rate := rateJSON{left.Limit, left.Limit - left.Remaining, left.Remaining, left.Reset.Unix()} // all requests count together
	answer := struct {
		Resources map[string]rateJSON `json:"resources"`
		Rate      *rateJSON           `json:"rate,omitempty"` // gone from 2026-03-10 on
	}{Resources: map[string]rateJSON{"core": rate, "search": rate, "graphql": rate, "actions_runner_registration": rate}}
	if !rest.CallOf(r).Version.AtLeast(version.V20260310) {
		answer.Rate = &rate
	}
	return httpjson.Write(w, http.StatusOK, answer)
}
