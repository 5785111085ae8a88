package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/version"
)

// getRoot serves GET /.
func (a *API) getRoot(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r)
	api := c.base.API
	root := map[string]string{
		"current_user_url":                     api + "/user",
		"current_user_authorizations_html_url": c.base.HTML + "/settings/connections/applications{/client_id}",
		"code_search_url":                      api + "/search/code?q={query}{&page,per_page,sort,order}",
		"commit_search_url":                    api + "/search/commits?q={query}{&page,per_page,sort,order}",
		"emails_url":                           api + "/user/emails",
		"emojis_url":                           api + "/emojis",
		"events_url":                           api + "/events",
		"feeds_url":                            api + "/feeds",
		"followers_url":                        api + "/user/followers",
		"following_url":                        api + "/user/following{/target}",
		"gists_url":                            api + "/gists{/gist_id}",
		"issue_search_url":                     api + "/search/issues?q={query}{&page,per_page,sort,order}",
		"issues_url":                           api + "/issues",
		"keys_url":                             api + "/user/keys",
		"label_search_url":                     api + "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
		"notifications_url":                    api + "/notifications",
		"organization_url":                     api + "/orgs/{org}",
		"organization_repositories_url":        api + "/orgs/{org}/repos{?type,page,per_page,sort}",
		"organization_teams_url":               api + "/orgs/{org}/teams",
		"public_gists_url":                     api + "/gists/public",
		"rate_limit_url":                       api + "/rate_limit",
		"repository_url":                       api + "/repos/{owner}/{repo}",
		"repository_search_url":                api + "/search/repositories?q={query}{&page,per_page,sort,order}",
		"current_user_repositories_url":        api + "/user/repos{?type,page,per_page,sort}",
		"starred_url":                          api + "/user/starred{/owner}{/repo}",
		"starred_gists_url":                    api + "/gists/starred",
		"topic_search_url":                     api + "/search/topics?q={query}{&page,per_page}",
		"user_url":                             api + "/users/{user}",
		"user_organizations_url":               api + "/user/orgs",
		"user_repositories_url":                api + "/users/{user}/repos{?type,page,per_page,sort}",
		"user_search_url":                      api + "/search/users?q={query}{&page,per_page,sort,order}",
	}
	if !c.version.AtLeast(version.V20260310) {
		root["authorizations_url"] = api + "/authorizations"
		root["hub_url"] = api + "/hub"
	}
	return httpjson.Write(w, http.StatusOK, root)
}

// compatible is the Enterprise Server whose API this server's is closest to.
// Clients that ask decide by it what they may use.
const compatible = "3.19.0"

// getMeta serves GET /meta.
func (a *API) getMeta(w http.ResponseWriter, _ *http.Request) error {
	return httpjson.Write(w, http.StatusOK, struct {
		Password  bool   `json:"verifiable_password_authentication"`
		Installed string `json:"installed_version"`
	}{false, compatible})
}

// listVersions serves GET /versions.
func (a *API) listVersions(w http.ResponseWriter, _ *http.Request) error {
	return httpjson.Write(w, http.StatusOK, version.All())
}

type rateJSON struct {
	Limit     int   `json:"limit"`
	Used      int   `json:"used"`
	Remaining int   `json:"remaining"`
	Reset     int64 `json:"reset"`
}

// getRateLimit serves GET /rate_limit.
func (a *API) getRateLimit(w http.ResponseWriter, r *http.Request) error {
	rate := rateJSON{rateLimit, 0, rateLimit, a.Now().Add(rateWindow).Unix()}
	answer := struct {
		Resources map[string]rateJSON `json:"resources"`
		Rate      *rateJSON           `json:"rate,omitempty"` // gone from 2026-03-10 on
	}{Resources: map[string]rateJSON{"core": rate, "search": rate, "graphql": rate, "actions_runner_registration": rate}}
	if !callOf(r).version.AtLeast(version.V20260310) {
		answer.Rate = &rate
	}
	return httpjson.Write(w, http.StatusOK, answer)
}
