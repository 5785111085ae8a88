package runnerapi

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

// oauthToken serves POST /_runner/token/: a runner's assertion for a token (AUTH-1).
func (a *API) oauthToken(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		return actions.Errorf(actions.Malformed, "form: %w", err)
	}
	if r.PostForm.Get("grant_type") != wire.GrantClientCredentials || r.PostForm.Get("client_assertion_type") != wire.AssertionJWTBearer {
		return actions.Errorf(actions.Malformed, "want grant_type %s with a client assertion of type %s", wire.GrantClientCredentials, wire.AssertionJWTBearer)
	}
	text, life, err := a.Runners.Authorize(r.Context(), r.PostForm.Get("client_assertion"), string(baseOf(r)))
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.TokenResponse{
		AccessToken: text, ExpiresIn: wire.Int(life / time.Second), TokenType: "Bearer",
	})
}
