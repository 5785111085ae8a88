package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const signingKeyColumns = `id, certificate, key_id, sealed, created_at, signs_from`

func scanSigningKey(r db.Row) (*actions.SigningKey, error) {
	k := new(actions.SigningKey)
	return k, r.Scan(&k.ID, &k.Certificate, &k.KeyID, &k.Sealed, db.Time(&k.CreatedAt), db.Time(&k.SignsFrom))
}

// SigningKeys lists the keys of OIDC tokens. They are few: see [actions.SigningKeys].
func (q queries) SigningKeys(ctx context.Context) (actions.SigningKeys, error) {
	list, err := db.All(ctx, q.ex, scanSigningKey, `select `+signingKeyColumns+` from signing_keys order by signs_from, created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("keys of OIDC tokens: %w", err)
	}
	return list, nil
}

// SigningKeysByOtherKeys lists the keys of OIDC tokens that are encrypted with another
// master key than the newest.
func (q queries) SigningKeysByOtherKeys(ctx context.Context) (actions.SigningKeys, error) {
	return db.All(ctx, q.ex, scanSigningKey, `select `+signingKeyColumns+` from signing_keys
		where key_id in (select id from secret_keys where newest = 0) order by id`)
}

// CreateSigningKey adds a key of OIDC tokens.
func (tx *Tx) CreateSigningKey(ctx context.Context, k *actions.SigningKey) error {
	err := tx.exec(ctx, SigningKeysTopic(), `insert into signing_keys (`+signingKeyColumns+`) values ($1, $2, $3, $4, $5, $6)`,
		k.ID, k.Certificate, k.KeyID, k.Sealed, db.Micros(k.CreatedAt), db.Micros(k.SignsFrom))
	if err != nil {
		return fmt.Errorf("key %s of OIDC tokens: %w", k.ID, err)
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditSigningKeyCreate}.With("key_id", k.ID))
}

// DeleteSigningKey removes a key of OIDC tokens. Nothing that it has signed can be
// verified any more.
func (tx *Tx) DeleteSigningKey(ctx context.Context, id string) error {
	if err := tx.exec(ctx, SigningKeysTopic(), `delete from signing_keys where id = $1`, id); err != nil {
		return fmt.Errorf("key %s of OIDC tokens: %w", id, err)
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditSigningKeyDestroy}.With("key_id", id))
}

// ResealSigningKey replaces the ciphertext of a key of OIDC tokens.
func (tx *Tx) ResealSigningKey(ctx context.Context, id, keyID string, sealed []byte) error {
	return tx.exec(ctx, SigningKeysTopic(), `update signing_keys set key_id = $2, sealed = $3 where id = $1`, id, keyID, sealed)
}
