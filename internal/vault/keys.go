package vault

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
)

// Start makes sure that there is a master key, and that the key file has all that the
// database names. A key is made only where the database names none.
func (v *Vault) Start(ctx context.Context) error {
	named, err := v.store.SecretKeys(ctx)
	if err != nil {
		return err
	}
	if len(named) == 0 {
		if named, err = v.first(ctx); err != nil {
			return err
		}
	}
	return v.keys.Check(named)
}

// first makes the first master key known to the database. Of servers that start
// together one does, and all learn which keys are named then.
func (v *Vault) first(ctx context.Context) (named []string, err error) {
	ids, err := v.keys.IDs()
	if err != nil {
		return nil, err
	}
	var id string
	if len(ids) > 0 {
		id = ids[len(ids)-1]
	} else {
		err := v.keys.Update(func(e *secret.Editor) (err error) {
			if id = e.Newest(); id == "" {
				id, err = e.Generate()
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("key of secrets: %w", err)
		}
	}
	err = v.store.Update(ctx, func(tx *store.Tx) (err error) {
		if named, err = tx.SecretKeys(ctx); err != nil || len(named) > 0 {
			return err
		}
		named = []string{id}
		return tx.AddSecretKey(ctx, id, v.now())
	})
	return named, err
}

// batch is how many secrets are encrypted anew in one transaction.
const batch = 100

// Rotate makes a new master key, encrypts every secret and every key of OIDC tokens with it, and drops all others
// from the database and from the file. Whenever it is interrupted, every secret has its
// key still, and the next rotation ends what this one began. It returns the id of the
// new key, and how many secrets were encrypted anew.
func Rotate(ctx context.Context, st *store.Store, keys *secret.Keyring, now func() time.Time) (id string, secrets int, err error) {
	named, err := st.SecretKeys(ctx)
	if err != nil {
		return "", 0, err
	}
	if len(named) == 0 {
		return "", 0, actions.Errorf(actions.NotFound, "there is no key yet: a server makes the first one when it starts")
	}
	if err := keys.Check(named); err != nil {
		return "", 0, err
	}
	err = keys.Update(func(e *secret.Editor) error { // the lock of the file: no other rotation drops the key before the database has it
		if id, err = e.Generate(); err != nil {
			return err
		}
		return st.Update(ctx, func(tx *store.Tx) error { return tx.AddSecretKey(ctx, id, now()) })
	})
	if err != nil {
		return "", 0, err
	}
	for {
		n, err := reseal(ctx, st, keys)
		secrets += n
		if err != nil {
			return id, secrets, err
		}
		if n == 0 {
			break
		}
	}
	if err := resealSigningKeys(ctx, st, keys); err != nil {
		return id, secrets, err
	}
	return id, secrets, drop(ctx, st, keys)
}

// reseal encrypts a batch of secrets with the newest key, and says how many.
func reseal(ctx context.Context, st *store.Store, keys *secret.Keyring) (n int, err error) {
	err = st.Update(ctx, func(tx *store.Tx) error {
		n = 0
		newest, err := tx.NewestSecretKey(ctx)
		if err != nil {
			return err
		}
		list, err := tx.SecretsByOtherKeys(ctx, batch)
		if err != nil {
			return err
		}
		for _, s := range list {
			value, err := keys.Open(s.KeyID, identity(s), s.Sealed)
			if err != nil {
				return unreadable(s, err)
			}
			sealed, err := keys.Seal(newest, identity(s), value)
			if err != nil {
				return err
			}
			if err := tx.ResealSecret(ctx, s, newest, sealed); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// unreadable is the error for a secret that does not open.
func unreadable(s *actions.Secret, err error) error {
	return fmt.Errorf("the secret %s of %s %d cannot be decrypted: %w", s.Name, s.Holder.Kind(), s.Holder.ID(), err)
}

// drop removes the keys that nothing is encrypted with, from the database and then from
// the file.
func drop(ctx context.Context, st *store.Store, keys *secret.Keyring) error {
	return keys.Update(func(e *secret.Editor) error {
		if err := st.Update(ctx, func(tx *store.Tx) error { return tx.DropSecretKeys(ctx) }); err != nil {
			return err
		}
		named, err := st.SecretKeys(ctx)
		if err != nil {
			return err
		}
		return e.Keep(named)
	})
}

// Discard forgets a master key that is lost, and deletes the secrets that were encrypted
// with it. A key that the file has is not lost, and stays. It says how many secrets
// were deleted.
func Discard(ctx context.Context, st *store.Store, keys *secret.Keyring, id string) (secrets int64, err error) {
	if keys.Check([]string{id}) == nil {
		return 0, actions.Errorf(actions.Conflict, "%s has the key %s: it is not lost", keys.Path(), id)
	}
	err = st.Update(ctx, func(tx *store.Tx) error {
		secrets, err = tx.DiscardSecretKey(ctx, id)
		return err
	})
	return secrets, err
}
