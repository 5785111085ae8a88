package rest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/version"
)

// NoticeHeader says, in an answer, what else has changed that its reader may not
// expect.
const NoticeHeader = "X-Understudy-Notice"

// commonHeaders are those that never differ. Their values are shared.
var commonHeaders = map[string][]string{
	"X-Github-Media-Type":     {"github.v3; format=json"},
	"X-Ratelimit-Resource":    {"core"},
	"Vary":                    {"Accept, Authorization, Cookie, X-GitHub-OTP, X-GitHub-Api-Version, Accept-Encoding"},
	"X-Content-Type-Options":  {"nosniff"},
	"X-Frame-Options":         {"deny"},
	"Content-Security-Policy": {"default-src 'none'"},
	"Referrer-Policy":         {"no-referrer"},
}

// SetRate says what its caller has left of its requests.
func SetRate(h http.Header, r limit.Rate) {
	h["X-Ratelimit-Limit"] = []string{strconv.Itoa(r.Limit)}
	h["X-Ratelimit-Remaining"] = []string{strconv.Itoa(r.Remaining)}
	h["X-Ratelimit-Used"] = []string{strconv.Itoa(r.Limit - r.Remaining)}
	h["X-Ratelimit-Reset"] = []string{strconv.FormatInt(r.Reset.Unix(), 10)}
}

func (a *API) setCommonHeaders(h http.Header, r *http.Request) {
	maps.Copy(h, commonHeaders)
	SetRate(h, limit.Of(r.Context()).Rate(a.Now()))
	if _, ok := h["X-Github-Request-Id"]; !ok {
		n, m := rand.Uint64(), rand.Uint32()
		h["X-Github-Request-Id"] = []string{fmt.Sprintf("%04X:%06X:%06X:%08X", n>>48, n>>24&0xffffff, n&0xffffff, m)}
	}
}

// selectVersion is the version that the request asks for, which the answer names.
func selectVersion(h http.Header, r *http.Request) (version.Version, error) {
	v, err := version.Parse(r.Header.Get(version.Header))
	if err != nil {
		return "", actions.Errorf(actions.Malformed, "%w", err)
	}
	h["X-Github-Api-Version-Selected"] = []string{string(v)}
	return v, nil
}

// SetExpiration says until when the caller's token is good, if people keep it and it
// expires.
func SetExpiration(h http.Header, c *auth.Caller) {
	if c.Token != nil && c.Token.Personal() && !c.Token.ExpiresAt.IsZero() {
		h["Github-Authentication-Token-Expiration"] = []string{c.Token.ExpiresAt.UTC().Format("2006-01-02 15:04:05 MST")}
	}
}

// setScopeHeaders says what the token may and what the operation wants.
func setScopeHeaders(h http.Header, c *auth.Caller, op *endpoint) {
	SetExpiration(h, c)
	switch {
	case c.Anonymous():
	case c.Token.Kind == actions.Classic:
		h["X-Oauth-Scopes"] = []string{strings.Join(c.Token.Scopes, ", ")}
		h["X-Accepted-Oauth-Scopes"] = op.scopes
	case op.permissions != nil:
		h["X-Accepted-Github-Permissions"] = op.permissions
	}
}

var (
	cachePublic  = []string{"public, max-age=60, s-maxage=60"}
	cachePrivate = []string{"private, max-age=60, s-maxage=60"}
)

// setCacheControl says that what somebody is told for their token is theirs.
func setCacheControl(h http.Header, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		h["Cache-Control"] = cachePublic
		return
	}
	h["Cache-Control"] = cachePrivate
}
