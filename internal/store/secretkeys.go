package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// SecretKeys lists the ids of the master keys that secrets, and keys of OIDC tokens, are encrypted with, the
// newest last.
func (q queries) SecretKeys(ctx context.Context) ([]string, error) {
	return db.All(ctx, q.ex, db.Value[string], `select id from secret_keys order by newest, created_at, id`)
}

// NewestSecretKey is the id of the master key that new secrets are encrypted with.
func (q queries) NewestSecretKey(ctx context.Context) (string, error) {
	id, err := db.One(ctx, q.ex, db.Value[string], `select id from secret_keys where newest = 1`)
	if err != nil {
		return "", fmt.Errorf("master key of secrets: %w", err)
	}
	return id, nil
}

// AddSecretKey makes a master key the newest.
func (tx *Tx) AddSecretKey(ctx context.Context, id string, now time.Time) error {
	if _, err := db.Exec(ctx, tx.ex, `update secret_keys set newest = 0 where newest = 1`); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx.ex, `insert into secret_keys (id, newest, created_at) values ($1, 1, $2)
		on conflict (id) do update set newest = 1`, id, db.Micros(now))
	if err != nil {
		return fmt.Errorf("master key %s: %w", id, err)
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditSecretKeyCreate}.With("key_id", id))
}

// DropSecretKeys removes the master keys that nothing is encrypted with any more, but
// the newest.
func (tx *Tx) DropSecretKeys(ctx context.Context) error {
	gone, err := db.All(ctx, tx.ex, db.Value[string], `delete from secret_keys where newest = 0
		and not exists (select 1 from secrets s where s.key_id = secret_keys.id)
		and not exists (select 1 from signing_keys k where k.key_id = secret_keys.id) returning id`)
	if err != nil {
		return fmt.Errorf("master keys: %w", err)
	}
	for _, id := range gone {
		if err := tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditSecretKeyDestroy}.With("key_id", id)); err != nil {
			return err
		}
	}
	return nil
}

// DiscardSecretKey removes a master key that is lost, with all secrets that are
// encrypted with it, and says how many those were. Keys of OIDC tokens go with it, too.
func (tx *Tx) DiscardSecretKey(ctx context.Context, id string) (secrets int64, err error) {
	if _, err := db.One(ctx, tx.ex, db.Value[string], `select id from secret_keys where id = $1`, id); err != nil {
		return 0, fmt.Errorf("master key %s: %w", id, err)
	}
	if _, err := db.Exec(ctx, tx.ex, `delete from selected_repositories where selected_for = $2 and exists (select 1 from secrets s
		where s.org_id = selected_repositories.org_id and s.name = selected_repositories.name and s.key_id = $1)`, id, actions.SelectedForSecret); err != nil {
		return 0, err
	}
	if secrets, err = db.Exec(ctx, tx.ex, `delete from secrets where key_id = $1`, id); err != nil {
		return 0, err
	}
	signing, err := db.All(ctx, tx.ex, db.Value[string], `select id from signing_keys where key_id = $1 order by id`, id)
	if err != nil {
		return 0, err
	}
	for _, k := range signing {
		if err := tx.DeleteSigningKey(ctx, k); err != nil {
			return 0, err
		}
	}
	if err := db.ExecOne(ctx, tx.ex, `delete from secret_keys where id = $1`, id); err != nil {
		return 0, err
	}
	return secrets, tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditSecretKeyDestroy}.With("key_id", id).With("secrets", fmt.Sprint(secrets)))
}

// SecretsByOtherKeys lists up to limit secrets that are encrypted with another master
// key than the newest.
func (q queries) SecretsByOtherKeys(ctx context.Context, limit int) ([]*actions.Secret, error) {
	return db.All(ctx, q.ex, scanSecret, `select `+secretColumns+` from secrets
		where key_id in (select id from secret_keys where newest = 0) order by key_id, id limit $1`, limit)
}

// ResealSecret replaces the ciphertext of a secret, unless it has got another meanwhile.
func (tx *Tx) ResealSecret(ctx context.Context, s *actions.Secret, keyID string, sealed []byte) error {
	_, err := db.Exec(ctx, tx.ex, `update secrets set key_id = $3, sealed = $4 where id = $1 and key_id = $2`, s.ID, s.KeyID, keyID, sealed)
	return err
}
