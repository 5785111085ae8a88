package auth

import (
	"context"
	"crypto/rand"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/token"
)

// NewSecret makes the text of a token of that kind, and the hash that
// [actions.Token] keeps of it.
func NewSecret(kind actions.TokenKind) (text string, hash []byte, err error) {
	shape := token.Classic
	switch kind {
	case actions.FineGrained:
		shape = token.FineGrained
	case actions.JobToken:
		shape = token.Installation
	case actions.Classic, actions.WebSession:
	}
	text, err = token.New(shape, rand.Reader)
	return text, token.Hash(text), err
}

// Create adds t with a new secret, which it returns. Nothing else ever can.
func (a *Auth) Create(ctx context.Context, t *actions.Token) (text string, err error) {
	if text, t.Hash, err = NewSecret(t.Kind); err != nil {
		return "", err
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = a.now()
	}
	return text, a.store.CreateToken(ctx, t)
}

// Revoke removes a token. It is refused everywhere once Revoke has returned.
func (a *Auth) Revoke(ctx context.Context, id int64) error {
	return a.store.DeleteToken(ctx, id)
}

// shaped says whether a text could be a token that NewSecret made: any other is
// refused without a look into the database.
func shaped(text string) bool {
	_, ok := token.KindOf(text)
	return ok
}

// RevokePersonal removes a token that somebody keeps, by its text, and returns it; nil
// for any other text.
func (a *Auth) RevokePersonal(ctx context.Context, text string) (*actions.Token, error) {
	if len(text) > maxToken || !shaped(text) {
		return nil, nil
	}
	t, err := a.store.TokenByHash(ctx, token.Hash(text))
	if actions.KindOf(err) == actions.NotFound || err == nil && !t.Personal() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t, a.store.DeleteToken(ctx, t.ID)
}
