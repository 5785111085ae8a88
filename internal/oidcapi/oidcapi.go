// Package oidcapi is where jobs ask for OIDC tokens, and where others read what they need
// to verify one. All of it is below the address of the issuer ([oidc.Path]), as on GitHub
// Enterprise Server.
//
// A job asks with its own token, the one for steps or its runner's, at the URL that only a
// job with the permission `id-token: write` is told. The token must have the
// permission, too, and be that of the job in the path, and the job must be in progress. Who
// verifies tokens needs none: the discovery document and the keys are for everybody.
package oidcapi

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/oidc"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Config is what the surface needs. All fields are required.
type Config struct {
	Issuer *oidc.Issuer
	Jobs   *auth.Jobs
	Log    *slog.Logger
}

// An API serves what is below [oidc.Path].
type API struct {
	Config
	mux *http.ServeMux
}

// New makes the surface.
func New(c Config) *API {
	a := &API{Config: c, mux: http.NewServeMux()}
	for pattern, h := range map[string]handler{
		"GET " + wire.IDTokenPath + "{plan}/{job}":               a.idToken,
		"POST " + wire.IDTokenPath + "{plan}/{job}":              a.idToken, // as curl does with -d '{}'
		"GET " + oidc.Path + "/.well-known/openid-configuration": a.discovery,
		"GET " + oidc.Path + "/.well-known/jwks":                 a.keys,
		oidc.Path + "/": func(http.ResponseWriter, *http.Request) error {
			return actions.Errorf(actions.NotFound, "no such service")
		},
	} {
		a.mux.Handle(pattern, a.wrap(h))
	}
	return a
}

// ServeHTTP serves the table.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

type handler func(w http.ResponseWriter, r *http.Request) error

// wrap answers errors as the Actions toolkit reads them: it shows the message. What the
// server cannot do now it tries again after 503 only.
func (a *API) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		err := h(w, r)
		if err == nil {
			return
		}
		if over := r.Context().Err(); over != nil && errors.Is(err, over) {
			return
		}
		status := httpjson.StatusOf(actions.KindOf(err))
		switch actions.KindOf(err) { //nolint:exhaustive // the others are the caller's mistakes
		case actions.Internal:
			a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
			status = http.StatusServiceUnavailable
		case actions.Invalid:
			status = http.StatusBadRequest
		case actions.Unauthorized:
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		w.Header().Set("Cache-Control", "no-store")
		body := struct {
			Message string `json:"message"`
		}{httpjson.Message(err)}
		if err := httpjson.Write(w, status, body); err != nil {
			a.Log.ErrorContext(r.Context(), "error not answered", "route", r.Pattern, "err", err)
		}
	})
}

// idToken serves /_services/token/idtoken/{plan}/{job}.
func (a *API) idToken(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	job, t, err := a.Jobs.Steps(r)
	switch {
	case err != nil:
		return err
	case !strings.EqualFold(r.PathValue("plan"), t.PlanGUID), !strings.EqualFold(r.PathValue("job"), t.GUID):
		return actions.Errorf(actions.NotFound, "the job is not the token's")
	case !t.IDTokens:
		return actions.Errorf(actions.Forbidden, "job %d may not ask for OIDC tokens: it lacks the permission id-token: write", job.ID)
	case job.Status != actions.InProgress:
		return actions.Errorf(actions.Forbidden, "job %d is %s: only a job in progress gets OIDC tokens", job.ID, job.Status)
	}
	audience, err := audienceOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	value, err := a.Issuer.Token(r.Context(), job, audience)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Value string `json:"value"`
	}{value})
}

// maxAudience is how many bytes an audience has at most.
const maxAudience = 2048

// audienceOf is the audience that a query asks for, empty for none.
func audienceOf(query string) (string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", actions.Errorf(actions.Malformed, "the query cannot be read: %w", err)
	}
	audience := values.Get("audience")
	switch {
	case len(values["audience"]) > 1:
		return "", actions.Errorf(actions.Malformed, "audience is there %d times: a token is for one", len(values["audience"]))
	case len(audience) > maxAudience:
		return "", actions.Errorf(actions.Malformed, "audience has %d bytes, at most are %d", len(audience), maxAudience)
	case !utf8.ValidString(audience) || strings.ContainsFunc(audience, unicode.IsControl):
		return "", actions.Errorf(actions.Malformed, "audience is no text")
	}
	return audience, nil
}

// publicTime is for how long the public documents may be remembered on the way. A key that
// is made by hand signs at once.
const publicTime = "public, max-age=60"

// discovery serves /_services/token/.well-known/openid-configuration.
func (a *API) discovery(w http.ResponseWriter, _ *http.Request) error {
	issuer := a.Issuer.URL()
	w.Header().Set("Cache-Control", publicTime)
	return httpjson.Write(w, http.StatusOK, struct {
		Issuer        string   `json:"issuer"`
		Keys          string   `json:"jwks_uri"`
		SubjectTypes  []string `json:"subject_types_supported"`
		ResponseTypes []string `json:"response_types_supported"`
		Claims        []string `json:"claims_supported"`
		Algorithms    []string `json:"id_token_signing_alg_values_supported"`
		Scopes        []string `json:"scopes_supported"`
	}{
		issuer, issuer + "/.well-known/jwks",
		[]string{"public", "pairwise"},
		[]string{"id_token"},
		append([]string{"sub", "aud", "exp", "iat", "iss", "jti", "nbf"}, actions.IDClaims()...),
		[]string{"RS256"},
		[]string{"openid"},
	})
}

// keys serves /_services/token/.well-known/jwks.
func (a *API) keys(w http.ResponseWriter, r *http.Request) error {
	keys, err := a.Issuer.Published(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", publicTime)
	return httpjson.Write(w, http.StatusOK, struct {
		Keys []token.JWK `json:"keys"`
	}{keys})
}
