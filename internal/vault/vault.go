// Package vault keeps the secrets and variables of organizations, repositories and
// environments, and says which of them a job gets.
//
// A client sends the value of a secret encrypted for the public key of the holder
// ([Vault.PublicKey]). [Vault.SaveSecret] opens it, encrypts it with the newest master key
// and stores that; the value is in memory for so long and never else, until a runner
// acquires a job: [Vault.Secrets] decrypts what the job may have. Whatever was moved to
// another row does not open, and is given to nobody.
//
// The master keys are in a file ([secret.Keyring]), and the database has their ids.
// [Vault.Start] makes the first key where the database names none, and refuses to go on
// without one that it names. [Rotate] encrypts everything anew with a new key, while
// servers run: what they save meanwhile is by the key that is the newest in the same
// transaction, and a key is dropped only when no row needs it.
package vault

import (
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Vault is safe for concurrent use.
type Vault struct {
	store *store.Store
	keys  *secret.Keyring
	log   *slog.Logger
	now   func() time.Time
	vars  *recent.Cache[int64, *Variables] // of runs, by repository
}

// How much is remembered of the variables of repositories.
const (
	maxRepositories = 1000
	maxRemembered   = 32 << 20 // bytes
)

// New makes a vault.
func New(st *store.Store, keys *secret.Keyring, log *slog.Logger, now func() time.Time) *Vault {
	return &Vault{store: st, keys: keys, log: log, now: now, vars: recent.New[int64, *Variables](maxRepositories, maxRemembered)}
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
