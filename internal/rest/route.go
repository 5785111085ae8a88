package rest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// A Route is one operation of the API.
type Route struct {
	Pattern string // method and path, as http.ServeMux takes them
	Handle  func(http.ResponseWriter, *http.Request) error
	Match   string    // what ServeMux gets in place of Pattern, where that stands in the way of another one; Handle refuses what is too much
	Docs    string    // path of its page in GitHub's reference, below docs.github.com; empty for what GitHub does not have
	Need    auth.Need // what it is about and needs of its caller
	Polled  bool      // programs ask again and again, and the answer depends on the repository's data only

	// Streams says that the answer may be large: the handler writes it as it comes.
	// Nil for never.
	Streams func(*http.Request) bool
}

// Always is for routes whose answers all stream.
func Always(*http.Request) bool { return true }

const docsURL = "https://docs.github.com/"

// documentation is the URL that errors of the route give.
func (rt *Route) documentation() string {
	if rt.Docs == "" {
		return docsURL + "rest"
	}
	return docsURL + rt.Docs
}

// subjects are how the paths begin of what a request can be about.
var subjects = []struct {
	on     auth.On
	prefix string
}{
	{auth.Repo, "/repos/{owner}/{repo}"},
	{auth.Org, "/orgs/{org}"},
	{auth.Org, "/organizations/{org}"},
	{auth.Enterprise, "/enterprises/{enterprise}"},
}

// check says what is wrong with the route: with what it needs, above all.
func (rt *Route) check() error {
	method, path, ok := strings.Cut(rt.Pattern, " ")
	if !ok || rt.Handle == nil {
		return fmt.Errorf("route %q: it has no method or no handler", rt.Pattern)
	}
	n, on := rt.Need, auth.On("")
	for _, s := range subjects {
		if path == s.prefix || strings.HasPrefix(path, s.prefix+"/") {
			on = s.on
		}
	}
	inRepository := n.On == auth.Repo
	problem := ""
	switch {
	case n.On == "":
		problem = "it does not say what it needs: set its Need, beginning with On"
	case on != "" && n.On != on, on == "" && n.On != auth.Site && n.On != auth.User:
		problem = fmt.Sprintf("its path is not about what it needs something of (%s)", n.On)
	case inRepository && (n.Role < actions.Read || n.Public):
		problem = "what a repository needs is a role: set Role to Read or more, and not Public"
	case !inRepository && n.Public && n.Role > actions.NoAccess:
		problem = "it cannot be for everybody and for some"
	case !inRepository && n.Role > actions.NoAccess && (n.Role != actions.Admin || len(n.Scopes) == 0):
		problem = "what only owners or admins may needs a scope"
	case n.On == auth.User && n.Public:
		problem = "who calls is not everybody"
	case rt.Polled && (!inRepository || method != http.MethodGet):
		problem = "only what reads a repository is polled"
	}
	if problem != "" {
		return fmt.Errorf("route %q: %s", rt.Pattern, problem)
	}
	return nil
}

// An endpoint is a route with the values of its headers, which are shared.
type endpoint struct {
	Route
	scopes      []string // X-Accepted-OAuth-Scopes, for classic tokens
	permissions []string // X-Accepted-GitHub-Permissions, for the others; nil for no such header
}

func newEndpoint(rt Route) *endpoint {
	op := &endpoint{Route: rt, scopes: []string{strings.Join(rt.Need.AcceptedScopes(), ", ")}}
	if rt.Need.Permission != "" {
		op.permissions = []string{rt.Need.Permission + "=" + string(rt.Need.AccessLevel())}
	}
	return op
}
