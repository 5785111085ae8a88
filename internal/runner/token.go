package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	assertionLifetime = 5 * time.Minute
	clockSkew         = 30 * time.Second // how far our clock may be ahead
)

// tokens keeps the runner's access token: it is used until a 401, and then
// fetched once for all who saw that 401.
type tokens struct {
	fetch func(context.Context) (string, error)
	turn  chan struct{} // size 1: held while fetching

	mu      sync.Mutex
	current string
}

func (t *tokens) get() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

// drop forgets the token.
func (t *tokens) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = ""
}

// after is a token other than bad, which a server has refused or which is "".
func (t *tokens) after(ctx context.Context, bad string) (string, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-t.turn }()
	if now := t.get(); now != bad && now != "" {
		return now, nil
	}
	fresh, err := t.fetch(ctx)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = fresh
	return fresh, nil
}

// withToken calls f with a token, and once more with a new one when the first
// is refused.
func (t *tokens) withToken(ctx context.Context, f func(auth string) error) error {
	token := t.get()
	if token != "" {
		if err := f("Bearer " + token); statusOf(err) != http.StatusUnauthorized {
			return err
		}
	}
	token, err := t.after(ctx, token)
	if err != nil {
		return err
	}
	return f("Bearer " + token)
}

// fetchToken asks for an access token by a signed assertion. It is ErrUnknown
// when the server says that it does not know the client.
func (r *Runner) fetchToken(ctx context.Context) (string, error) {
	assertion, err := r.assertion()
	if err != nil {
		return "", fmt.Errorf("assertion: %w", forGood(err))
	}
	form := url.Values{
		"grant_type":            {wire.GrantClientCredentials},
		"client_assertion_type": {wire.AssertionJWTBearer},
		"client_assertion":      {assertion},
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.client.AuthorizationURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", forGood(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := r.http.send(req)
	if err != nil {
		return "", tokenError(err)
	}
	defer resp.Body.Close()
	defer discard(resp.Body)
	var t wire.TokenResponse
	if err := decode(resp, &t); err != nil {
		return "", err
	}
	if t.AccessToken == "" {
		return "", errors.New("the answer holds no token")
	}
	return t.AccessToken, nil
}

func tokenError(err error) error {
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return err
	}
	var t wire.TokenError
	if json.Unmarshal(e.body, &t) == nil && t.Error == wire.ErrInvalidClient {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

func (r *Runner) assertion() (string, error) {
	var method jwt.SigningMethod = jwt.SigningMethodRS256
	if r.client.RequireFIPS {
		method = jwt.SigningMethodPS256
	}
	now := r.cfg.Now().Add(-clockSkew)
	return jwt.NewWithClaims(method, jwt.MapClaims{
		"iss": r.client.ClientID, "sub": r.client.ClientID, "aud": r.client.AuthorizationURL,
		"jti": uuid.NewString(), "nbf": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	}).SignedString(r.key)
}
