// Package meta is the page "Meta" of the reference: what this server is, and the
// URLs to begin at.
package meta

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/version"
)

// Routes are the operations of the page.
func Routes() []rest.Route {
	const docs = "rest/meta/meta#"
	everybody := auth.Need{On: auth.Site, Public: true}
	return []rest.Route{
		{Pattern: "GET /{$}", Handle: getRoot, Docs: docs + "github-api-root", Need: everybody},
		{Pattern: "GET /meta", Handle: getMeta, Docs: docs + "get-apiname-meta-information", Need: everybody},
		{Pattern: "GET /versions", Handle: listVersions, Docs: docs + "get-all-api-versions", Need: everybody},
	}
}

// getRoot serves GET /.
func getRoot(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	api := c.Base.API
	root := map[string]string{
		"current_user_url":                     api + "/user",
		"current_user_authorizations_html_url": c.Base.HTML + "/settings/connections/applications{/client_id}",
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
	if !c.Version.AtLeast(version.V20260310) {
		root["authorizations_url"] = api + "/authorizations"
		root["hub_url"] = api + "/hub"
	}
	return httpjson.Write(w, http.StatusOK, root)
}

// compatible is the Enterprise Server whose API this server's is closest to in a version:
// that of 2026-03-10 begins with 3.21. Clients that ask decide by it what they may use.
func compatible(v version.Version) string {
	if v.AtLeast(version.V20260310) {
		return "3.21.0"
	}
	return "3.19.0"
}

// getMeta serves GET /meta.
func getMeta(w http.ResponseWriter, r *http.Request) error {
	return httpjson.Write(w, http.StatusOK, struct {
		Password  bool   `json:"verifiable_password_authentication"`
		Installed string `json:"installed_version"`
	}{false, compatible(rest.CallOf(r).Version)})
}

// listVersions serves GET /versions.
func listVersions(w http.ResponseWriter, _ *http.Request) error {
	return httpjson.Write(w, http.StatusOK, version.All())
}
