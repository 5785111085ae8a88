package oidc

import (
	"context"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

// Published are the public keys that verifiers must know now. There is always one.
func (i *Issuer) Published(ctx context.Context) ([]token.JWK, error) {
	keys, err := i.keys(ctx)
	if err != nil {
		return nil, err
	}
	published := keys.Published(i.Now())
	out := make([]token.JWK, len(published))
	for n, k := range published {
		if out[n], err = token.ReadJWK(k.Certificate); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// signing is the key that signs now.
func (i *Issuer) signing(ctx context.Context) (*token.IDKey, error) {
	keys, err := i.keys(ctx)
	if err != nil {
		return nil, err
	}
	k := keys.Signing(i.Now())
	if k == nil {
		return nil, actions.Errorf(actions.Unavailable, "the clock of the server went back") // between two looks at it
	}
	if key, ok := i.private.Get(k.ID); ok {
		return key, nil
	}
	private, err := i.Vault.OpenSigningKey(k)
	if err != nil {
		return nil, err
	}
	key, err := token.ReadIDKey(k.Certificate, []byte(private.Reveal()))
	if err == nil {
		i.private.Put(k.ID, key, 1)
	}
	return key, err
}

// keys are all keys, with one that signs, and with the next one if it is due.
func (i *Issuer) keys(ctx context.Context) (actions.SigningKeys, error) {
	keys, err := i.known.FindAt(struct{}{}, i.Store.Revision(store.SigningKeysTopic()), func() (actions.SigningKeys, error) { return i.Store.SigningKeys(ctx) })
	if err != nil {
		return nil, err
	}
	if _, due := keys.Next(i.Now()); !due {
		return keys, nil
	}
	made, err, _ := i.making.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTime) // others wait for it, too
		defer cancel()
		return i.add(ctx, func(keys actions.SigningKeys, now time.Time) (actions.SigningKeys, time.Time, bool) {
			from, due := keys.Next(now)
			return keys, from, due
		})
	})
	switch {
	case err == nil:
		return made.(actions.SigningKeys), nil
	case keys.Signing(i.Now()) != nil:
		i.Log.WarnContext(ctx, "next key of OIDC tokens not made", "err", err)
		return keys, nil
	}
	return nil, err
}

// makeTime is how long it may take to make a key.
const makeTime = time.Minute

// A change says what a new key is to find: the keys that stay, and from when on it signs;
// or that none is due any more, since another server was first.
type change func(keys actions.SigningKeys, now time.Time) (kept actions.SigningKeys, signsFrom time.Time, due bool)

// add makes a key as change says, removes those that nobody must know any more, and
// returns all that there are then.
func (i *Issuer) add(ctx context.Context, change change) (keys actions.SigningKeys, err error) {
	key, err := token.NewIDKey(i.Random, i.Now()) // before the transaction: it takes a while
	if err != nil {
		return nil, err
	}
	private, err := key.Private()
	if err != nil {
		return nil, err
	}
	due := false
	err = i.Store.Update(ctx, func(tx *store.Tx) error {
		now := i.Now()
		there, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		k := &actions.SigningKey{ID: key.ID(), Certificate: key.Certificate(), CreatedAt: now}
		if keys, k.SignsFrom, due = change(there, now); !due {
			return nil
		}
		if err := i.Vault.SealSigningKey(ctx, tx, k, secret.New(string(private))); err != nil {
			return err
		}
		if err := tx.CreateSigningKey(ctx, k); err != nil {
			return err
		}
		keys = keys.With(k).Published(now)
		for _, old := range there {
			if !slices.Contains(keys, old) {
				if err := tx.DeleteSigningKey(ctx, old.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && due {
		i.Log.InfoContext(ctx, "key of OIDC tokens made", "key", key.ID())
	}
	return keys, err
}

// Rotate makes a new key that signs from now on, and returns all keys. The one that has
// signed until now is published until its tokens have expired, unless revoke says that
// nothing is to be believed that it has signed.
func (i *Issuer) Rotate(ctx context.Context, revoke bool) (actions.SigningKeys, error) {
	return i.add(ctx, func(keys actions.SigningKeys, now time.Time) (actions.SigningKeys, time.Time, bool) {
		if revoke {
			return nil, now, true
		}
		return keys.Used(now), now, true
	})
}
