package vault

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
)

// signingKey is the identity of the private key of OIDC tokens with the id.
func signingKey(id string) secret.Identity {
	return secret.Identity{Place: secret.Place{Kind: "signing key"}, Name: id}
}

// SealSigningKey encrypts the private key of k with the newest master key, for a
// transaction that saves k.
func (v *Vault) SealSigningKey(ctx context.Context, tx *store.Tx, k *actions.SigningKey, private secret.Value) (err error) {
	if k.KeyID, err = tx.NewestSecretKey(ctx); err != nil {
		return err
	}
	k.Sealed, err = v.keys.Seal(k.KeyID, signingKey(k.ID), private)
	return err
}

// OpenSigningKey decrypts the private key of k.
func (v *Vault) OpenSigningKey(k *actions.SigningKey) (secret.Value, error) {
	return openSigningKey(v.keys, k)
}

func openSigningKey(keys *secret.Keyring, k *actions.SigningKey) (secret.Value, error) {
	value, err := keys.Open(k.KeyID, signingKey(k.ID), k.Sealed)
	if err != nil {
		return value, fmt.Errorf("the key %s of OIDC tokens cannot be decrypted: %w", k.ID, err)
	}
	return value, nil
}

// resealSigningKeys encrypts the keys of OIDC tokens with the newest master key. They are
// few.
func resealSigningKeys(ctx context.Context, st *store.Store, keys *secret.Keyring) error {
	return st.Update(ctx, func(tx *store.Tx) error {
		newest, err := tx.NewestSecretKey(ctx)
		if err != nil {
			return err
		}
		list, err := tx.SigningKeysByOtherKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range list {
			value, err := openSigningKey(keys, k)
			if err != nil {
				return err
			}
			sealed, err := keys.Seal(newest, signingKey(k.ID), value)
			if err != nil {
				return err
			}
			if err := tx.ResealSigningKey(ctx, k.ID, newest, sealed); err != nil {
				return err
			}
		}
		return nil
	})
}
