package runnerapi

import (
	"crypto/rsa"
	"crypto/x509"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

const runnerTokenLife = time.Hour

// oauthToken serves POST /_runner/token/: a runner's assertion for a token (§3.1).
func (a *API) oauthToken(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		return actions.Errorf(actions.Malformed, "form: %w", err)
	}
	if r.PostForm.Get("grant_type") != wire.GrantClientCredentials || r.PostForm.Get("client_assertion_type") != wire.AssertionJWTBearer {
		return actions.Errorf(actions.Malformed, "want grant_type %s with a client assertion of type %s", wire.GrantClientCredentials, wire.AssertionJWTBearer)
	}
	assertion := r.PostForm.Get("client_assertion")
	client, err := token.AssertionClient(assertion)
	if err != nil {
		return err
	}
	if uuid.Validate(client) != nil {
		return actions.Errorf(actions.Malformed, "the client is no GUID")
	}
	runner, err := a.Store.RunnerByClient(r.Context(), strings.ToLower(client))
	if err != nil {
		return err
	}
	key, err := publicKey(runner)
	if err != nil {
		return err
	}
	now := a.Now()
	if _, err := token.VerifyAssertion(assertion, client, key, audiences(baseOf(r)), now); err != nil {
		return err
	}
	text, err := a.Keys.SignRunner(token.Runner{ID: runner.ID, Expires: now.Add(runnerTokenLife)}, now)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.TokenResponse{
		AccessToken: text, ExpiresIn: wire.Int(runnerTokenLife / time.Second), TokenType: "Bearer",
	})
}

// audiences are what the runners that come in by b call this server. A proxy may
// have taken TLS off without saying so.
func audiences(b base) []string {
	_, rest, _ := strings.Cut(b.token(), "://")
	return []string{"http://" + rest, "https://" + rest}
}

func publicKey(r *actions.Runner) (*rsa.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(r.PublicKey)
	if err != nil {
		return nil, err
	}
	rsaKey, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, actions.Errorf(actions.Internal, "runner %d has a key of type %T", r.ID, key)
	}
	return rsaKey, nil
}
