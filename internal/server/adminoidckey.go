package server

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/oidc"
	"github.com/understudy-ci/understudy/internal/vault"
)

// OIDCKeys are the keys that sign OIDC tokens, or have signed some that are valid still.
func (a *Admin) OIDCKeys(ctx context.Context) (actions.SigningKeys, error) {
	keys, err := a.store.SigningKeys(ctx)
	return keys.Published(a.deps.Now()), err
}

// RotateOIDCKey makes a new key that signs OIDC tokens from now on, and returns its id. file
// has the keys of secrets, "" for the one of the data directory. With revoke no other key
// is good any more.
func (a *Admin) RotateOIDCKey(ctx context.Context, file string, revoke bool) (id string, err error) {
	keys, err := a.Keys(file)
	if err != nil {
		return "", err
	}
	issuer := oidc.New(oidc.Config{
		Store: a.store, Vault: vault.New(a.store, keys, a.deps.Now), Log: a.deps.Log, Now: a.deps.Now, Random: a.deps.Random,
	})
	all, err := issuer.Rotate(operator(ctx), revoke)
	if err != nil {
		return "", err
	}
	return all[len(all)-1].ID, nil
}
