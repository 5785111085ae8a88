package rest

import (
	"net/http"
	"strings"
)

// A page of another site may call the API with a token, as at GitHub. Without one the
// answers are not for it: whoever reads the page may reach a server that the site's owner
// does not, and see there what is public.
var (
	corsOrigin  = []string{"*"}
	corsExposed = []string{"ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used, " +
		"X-RateLimit-Resource, X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, X-GitHub-Media-Type, X-GitHub-SSO, " +
		"X-GitHub-Request-Id, X-GitHub-Api-Version-Selected, Deprecation, Sunset"}
	corsHeaders = []string{"Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, Accept-Encoding, " +
		"X-GitHub-OTP, X-Requested-With, User-Agent, GraphQL-Features, X-GitHub-Api-Version, X-GitHub-Next-Global-ID, X-Fetch-Package"}
	corsMethods = []string{"GET, POST, PATCH, PUT, DELETE"}
	corsMaxAge  = []string{"86400"}
)

// cors sets what browsers ask of answers for pages of other sites, and says whether the
// request is one that a browser sends before its own: it is answered then.
func (a *API) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	h, asked := w.Header(), r.Header.Get("Access-Control-Request-Method")
	preflight := r.Method == http.MethodOptions && asked != "" && r.Header.Get("Origin") != ""
	signed := r.Header.Get("Authorization") != "" ||
		preflight && strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "authorization")
	if signed || a.CORSAnonymous {
		h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = corsOrigin, corsExposed
	}
	if !preflight {
		return false
	}
	if signed || a.CORSAnonymous {
		h["Access-Control-Allow-Headers"], h["Access-Control-Allow-Methods"], h["Access-Control-Max-Age"] = corsHeaders, corsMethods, corsMaxAge
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}
