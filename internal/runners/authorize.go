package runners

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

const runnerTokenLife = time.Hour

// Authorize gives a runner token for an assertion that the runner signed with its
// key (AUTH-1), and says how long the token lives. An assertion is good once, and only
// if it is for the address by which the runner was registered; for a runner of which
// that is not known, here, where the request came to. NotFound means that there is no
// such runner: it was deleted, or the data does not know it.
func (s *Runners) Authorize(ctx context.Context, assertion, here string) (text string, life time.Duration, err error) {
	said, err := token.AssertionClient(assertion)
	if err != nil {
		return "", 0, err
	}
	if uuid.Validate(said) != nil {
		return "", 0, actions.Errorf(actions.Malformed, "the client is no GUID")
	}
	client := strings.ToLower(said)
	r, err := s.store.RunnerByClient(ctx, client)
	if actions.KindOf(err) == actions.NotFound {
		return "", 0, s.noClient(ctx, client)
	}
	if err != nil {
		return "", 0, err
	}
	key, err := publicKey(r)
	if err != nil {
		return "", 0, err
	}
	at, now := r.URL, s.now()
	if at == "" {
		at = here
	}
	proof, err := token.VerifyAssertion(assertion, said, key, audiences(at), now)
	if err != nil {
		return "", 0, err
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error { return tx.UseAssertion(ctx, proof.Hash, proof.Expires, now) })
	if err != nil {
		return "", 0, err
	}
	if !s.pace.wait(ctx, r, s.pollTime) { // not before it is proved who calls
		return "", 0, errTooOften
	}
	text, err = s.keys.SignRunner(token.Runner{ID: r.ID, ClientID: r.ClientID, Expires: now.Add(runnerTokenLife)}, now)
	return text, runnerTokenLife, err
}

// audiences are what a runner that knows the server by an address signs for. A proxy
// may have taken TLS off without saying so.
func audiences(address string) []string {
	_, rest, _ := strings.Cut(address, "://")
	return []string{"http://" + rest + wire.TokenPath, "https://" + rest + wire.TokenPath}
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

// Authenticate returns the runner whose token text is. Its time of last contact
// may be out of date. A bad token is Unauthorized, and so is that of a runner which the
// data does not know. A runner that was deleted is Gone.
func (s *Runners) Authenticate(ctx context.Context, text string) (*actions.Runner, error) {
	t, err := s.keys.Runner(text, s.now())
	if err != nil {
		return nil, err
	}
	r, err := s.Known(ctx, t.ID)
	switch {
	case err == nil && t.IsOf(r):
		return r, nil
	case err != nil && actions.KindOf(err) != actions.NotFound:
		return nil, err
	}
	return nil, s.noRunner(ctx, t)
}

// Known returns a runner as [Runners.Authenticate] does. It is not to be changed.
func (s *Runners) Known(ctx context.Context, id int64) (*actions.Runner, error) {
	revision := s.store.Revision(store.RunnerRecordTopic(id), store.DeletedTopic())
	return s.known.FindAt(id, revision, func() (*actions.Runner, error) { return s.store.Runner(ctx, id) })
}
