package runners

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/token"
)

// By is who makes a registration token: with them it ends. The zero value is the
// server itself.
type By struct {
	AccountID int64
	TokenID   int64 // that they show
}

// CreateToken makes a token with which runners can be added to a scope until it
// expires, or its creator or their token may do nothing any more; with remove, one with
// which they can be removed. None adds runners to a repository that may have none.
func (s *Runners) CreateToken(ctx context.Context, sc actions.Scope, by By, remove bool, life time.Duration) (text string, expires time.Time, err error) {
	if !remove {
		if err := s.mayRegister(ctx, sc); err != nil {
			return "", time.Time{}, err
		}
	}
	if text, err = token.New(token.Registration, s.random); err != nil {
		return "", time.Time{}, err
	}
	t := &actions.RegistrationToken{Hash: token.Hash(text), Remove: remove, Scope: sc, CreatorID: by.AccountID, ParentID: by.TokenID, ExpiresAt: s.now().Add(life)}
	if err := s.store.CreateRegistrationToken(ctx, t); err != nil {
		return "", time.Time{}, fmt.Errorf("registration token: %w", err)
	}
	return text, t.ExpiresAt, nil
}

// ErrToken is for a token with which no runner can be added or removed where that was
// asked for. It is the same whether or not there is such a place. Runners show it to
// people, and try again what is not NotFound.
var ErrToken = actions.Errorf(actions.NotFound, "this token adds or removes no runner here. It may be mistyped, older than an hour, or made for "+
	"another repository or organization, or --url may name the wrong one. Make a new token where the runner is to be")

// Nowhere is the scope that no token is good for.
func Nowhere() actions.Scope { return actions.Scope{OwnerID: -1, RepoID: -1} }

// CheckToken returns what is known of a token of [Runners.CreateToken]. One that is
// unknown, expired, only to remove runners, or of somebody who may do nothing any more
// is [ErrToken].
func (s *Runners) CheckToken(ctx context.Context, text string, remove bool) (*actions.RegistrationToken, error) {
	t, err := s.store.RegistrationToken(ctx, token.Hash(text))
	if actions.KindOf(err) == actions.NotFound || err == nil && !t.Allows(remove, s.now()) {
		return nil, ErrToken
	}
	if err != nil {
		return nil, err
	}
	return t, s.checkBy(ctx, By{t.CreatorID, t.ParentID})
}

// checkBy is [ErrToken] if who made a token may do nothing: with the token that they
// had, the account that this is of, or the one behind that.
func (s *Runners) checkBy(ctx context.Context, by By) error {
	if by.TokenID != 0 {
		t, err := s.store.Token(ctx, by.TokenID)
		if actions.KindOf(err) == actions.NotFound || err == nil && t.Expired(s.now()) {
			return ErrToken
		}
		if err == nil {
			err = s.checkAccount(ctx, t.CreatorID)
		}
		if err != nil {
			return err
		}
	}
	return s.checkAccount(ctx, by.AccountID)
}

func (s *Runners) checkAccount(ctx context.Context, id int64) error {
	if id == 0 {
		return nil
	}
	who, err := s.store.Account(ctx, id)
	if actions.KindOf(err) == actions.NotFound || err == nil && who.Suspended {
		return ErrToken
	}
	return err
}

// AdminToken makes the token that a registration or removal token is exchanged
// for (REG-2): it can do the same, in the same scope, and ends with the same account and token.
func (s *Runners) AdminToken(t *actions.RegistrationToken, remove bool) (string, error) {
	now := s.now()
	return s.keys.SignAdmin(token.Admin{Registration: t.Hash, Remove: remove, Expires: now.Add(actions.AdminTokenLife)}, now)
}

// CheckAdminToken says whether text is a token of [Runners.AdminToken], and who made
// the token that it was exchanged for, 0 for the server. One that is for another scope
// or purpose is [ErrToken], and so is one whose registration token the data does not know.
func (s *Runners) CheckAdminToken(ctx context.Context, text string, sc actions.Scope, remove bool) (by int64, is bool, err error) {
	admin, err := s.keys.Admin(text, s.now())
	if err != nil {
		return 0, false, nil
	}
	t, err := s.store.RegistrationToken(ctx, admin.Registration)
	if actions.KindOf(err) == actions.NotFound || err == nil && (t.Scope != sc || !remove && (admin.Remove || t.Remove)) {
		err = ErrToken
	}
	if err != nil {
		return 0, true, err
	}
	return t.CreatorID, true, s.checkBy(ctx, By{t.CreatorID, t.ParentID})
}

// Admits says whether credentials, a scheme of the Authorization header and what
// follows it, are a token to register runners in a scope, or with remove to remove
// them: one of [Runners.CreateToken], which runners show with a scheme of their own,
// or of [Runners.AdminToken]; and who made it, 0 for the server. One that is not good
// for that is [ErrToken]; credentials of any other kind are neither.
func (s *Runners) Admits(ctx context.Context, scheme, text string, sc actions.Scope, remove bool) (by int64, is bool, err error) {
	switch {
	case strings.EqualFold(scheme, "RemoteAuth"):
		good, err := s.CheckToken(ctx, text, remove)
		if err == nil && good.Scope != sc {
			err = ErrToken
		}
		if err != nil {
			return 0, true, err
		}
		return good.CreatorID, true, nil
	case strings.EqualFold(scheme, "Bearer"):
		return s.CheckAdminToken(ctx, text, sc, remove)
	}
	return 0, false, nil
}
