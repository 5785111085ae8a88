package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

func TestARouteSaysWhatItNeeds(t *testing.T) {
	read := auth.Need{On: auth.Repo, Role: actions.Read}
	own := auth.Need{On: auth.Org, Role: actions.Admin, Scopes: []string{"read:org"}}
	for _, c := range []struct {
		name, pattern string
		need          auth.Need
		polled        bool
		want          string // part of the error, empty for none
	}{
		{"a repository", "GET /repos/{owner}/{repo}", read, true, ""},
		{"below a repository", "GET /repos/{owner}/{repo}/x", read, false, ""},
		{"an organization", "GET /orgs/{org}/x", own, false, ""},
		{"an organization by another path", "GET /organizations/{org}/x", own, false, ""},
		{"everybody", "GET /meta", auth.Need{On: auth.Site, Public: true}, false, ""},
		{"who calls", "GET /user", auth.Need{On: auth.User}, false, ""},
		{"nothing", "GET /meta", auth.Need{}, false, "what it needs"},
		{"nothing of a repository", "GET /repos/{owner}/{repo}/x", auth.Need{On: auth.Repo}, false, "a role"},
		{"a repository for everybody", "GET /repos/{owner}/{repo}/x", auth.Need{On: auth.Repo, Role: actions.Read, Public: true}, false, "a role"},
		{"the site for what is in a repository", "GET /repos/{owner}/{repo}/x", auth.Need{On: auth.Site, Public: true}, false, "its path"},
		{"an organization for what is on the site", "GET /meta", own, false, "its path"},
		{"an owner without a scope", "GET /orgs/{org}/x", auth.Need{On: auth.Org, Role: actions.Admin}, false, "a scope"},
		{"half an owner", "GET /orgs/{org}/x", auth.Need{On: auth.Org, Role: actions.Write, Scopes: []string{"read:org"}}, false, "a scope"},
		{"everybody and owners", "GET /orgs/{org}/x", auth.Need{On: auth.Org, Role: actions.Admin, Public: true, Scopes: []string{"x"}}, false, "for everybody"},
		{"everybody who calls", "GET /user", auth.Need{On: auth.User, Public: true}, false, "who calls"},
		{"to write what is polled", "PUT /repos/{owner}/{repo}", read, true, "polled"},
		{"no method", "/meta", auth.Need{On: auth.Site, Public: true}, false, "no method"},
	} {
		rt := Route{Pattern: c.pattern, Handle: func(http.ResponseWriter, *http.Request) error { return nil }, Need: c.need, Polled: c.polled}
		_, err := New(Config{}, []Route{rt})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestARouteForRunnersNeedsWhoKnowsTheirTokens(t *testing.T) {
	rt := Route{
		Pattern: "GET /orgs/{org}/x", Handle: func(http.ResponseWriter, *http.Request) error { return nil },
		Need: auth.Need{On: auth.Org, Role: actions.Admin, Scopes: []string{"admin:org"}, Registration: auth.Register},
	}
	if _, err := New(Config{}, []Route{rt}); err == nil {
		t.Error("a table was taken whose tokens nobody knows")
	}
}
