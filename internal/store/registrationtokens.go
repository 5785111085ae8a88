package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// CreateRegistrationToken adds t.
func (s *Store) CreateRegistrationToken(ctx context.Context, t *actions.RegistrationToken) error {
	return s.Update(ctx, func(tx *Tx) error {
		_, err := db.Exec(ctx, tx.ex, `insert into registration_tokens (hash, remove, owner_id, repo_id, creator_id, parent_id, expires_at) values ($1, $2, $3, $4, $5, nullif($6, 0), $7)`,
			t.Hash, db.Flag(t.Remove), t.Scope.OwnerID, t.Scope.RepoID, t.CreatorID, t.ParentID, db.Micros(t.ExpiresAt))
		if err != nil {
			return err
		}
		e, err := tx.auditIn(ctx, t.Scope, actions.AuditRegistrationToken)
		if err != nil {
			return err
		}
		purpose := "register"
		if t.Remove {
			purpose = "remove"
		}
		return tx.Audit(ctx, e.With("purpose", purpose))
	})
}

// RegistrationToken returns the registration or removal token whose SHA-256 is hash.
func (q queries) RegistrationToken(ctx context.Context, hash []byte) (*actions.RegistrationToken, error) {
	scan := func(r db.Row) (*actions.RegistrationToken, error) {
		t := new(actions.RegistrationToken)
		return t, r.Scan(&t.Hash, db.Bool(&t.Remove), &t.Scope.OwnerID, &t.Scope.RepoID, &t.CreatorID, &t.ParentID, db.Time(&t.ExpiresAt))
	}
	t, err := db.One(ctx, q.ex, scan, `select hash, remove, owner_id, repo_id, creator_id, coalesce(parent_id, 0), expires_at from registration_tokens where hash = $1`, hash)
	if err != nil {
		return nil, fmt.Errorf("registration token: %w", err)
	}
	return t, nil
}
