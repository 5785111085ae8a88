// Package vault keeps the secrets and variables of organizations, repositories and
// environments, and says which secrets a job gets. (Which variables it finds, package
// settings says.)
//
// A client sends the value of a secret encrypted for the public key of the holder
// ([Vault.PublicKey]). [Vault.SaveSecret] opens it, encrypts it with the newest master key
// and stores that; the value is in memory for so long and never else, until a runner
// acquires a job: [Vault.Secrets] decrypts what the job may have. Whatever was moved to
// another row does not open, and is given to nobody.
//
// The private keys of OIDC tokens are encrypted in the same way ([Vault.SealSigningKey]),
// and opened by the package that signs.
//
// The master keys are in a file ([secret.Keyring]), and the database has their ids.
// [Vault.Start] makes the first key where the database names none, and refuses to go on
// without one that it names. [Rotate] encrypts everything anew with a new key, while
// servers run: what they save meanwhile is by the key that is the newest in the same
// transaction, and a key is dropped only when no row needs it.
package vault

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Vault is safe for concurrent use.
type Vault struct {
	store *store.Store
	keys  *secret.Keyring
	now   func() time.Time
}

// New makes a vault.
func New(st *store.Store, keys *secret.Keyring, now func() time.Time) *Vault {
	return &Vault{st, keys, now}
}

// place is where the secrets of a holder are kept.
func place(h actions.Holder) secret.Place { return secret.Place{Kind: string(h.Kind()), ID: h.ID()} }

func identity(s *actions.Secret) secret.Identity {
	return secret.Identity{Place: place(s.Holder), Name: s.Name}
}

// PublicKey is what clients encrypt the secrets of a holder with, for now.
func (v *Vault) PublicKey(ctx context.Context, h actions.Holder) (secret.PublicKey, error) {
	id, err := v.store.NewestSecretKey(ctx)
	if err != nil {
		return secret.PublicKey{}, err
	}
	return v.keys.PublicKey(id, place(h))
}
