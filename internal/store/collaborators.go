package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// SetCollaborator gives account a permission on a repository; NoAccess takes it away.
// An account that was deleted meanwhile is NotFound.
func (s *Store) SetCollaborator(ctx context.Context, repoID, accountID int64, p actions.Permission) error {
	return s.Update(ctx, func(tx *Tx) error {
		had, err := tx.Collaborator(ctx, repoID, accountID)
		if err != nil || had == p {
			return err
		}
		if err := tx.saveCollaborator(ctx, repoID, accountID, p); err != nil {
			return err
		}
		return tx.auditCollaborator(ctx, repoID, accountID, had, p)
	})
}

func (tx *Tx) saveCollaborator(ctx context.Context, repoID, accountID int64, p actions.Permission) error {
	if p == actions.NoAccess {
		return tx.exec(ctx, AccessTopic(), `delete from collaborators where repo_id = $1 and account_id = $2`, repoID, accountID)
	}
	if err := tx.StillThere(ctx, accountID); err != nil {
		return err
	}
	return tx.exec(ctx, AccessTopic(), `insert into collaborators (repo_id, account_id, permission) values ($1, $2, $3)
		on conflict (repo_id, account_id) do update set permission = excluded.permission`, repoID, accountID, int(p))
}

func (tx *Tx) auditCollaborator(ctx context.Context, repoID, accountID int64, had, has actions.Permission) error {
	r, err := tx.Repository(ctx, repoID)
	if err != nil {
		return err
	}
	a, err := tx.Account(ctx, accountID)
	if err != nil {
		return err
	}
	e := actions.AuditEntry{Action: actions.AuditRepoUpdateMember}.InRepo(r).Of(a)
	switch {
	case had == actions.NoAccess:
		e.Action = actions.AuditRepoAddMember
	case has == actions.NoAccess:
		e.Action = actions.AuditRepoRemoveMember
	}
	return tx.Audit(ctx, e.With("old_repo_permission", had.String()).With("new_repo_permission", has.String()))
}

// Collaborator is what account was given on a repository, NoAccess for nothing.
func (q queries) Collaborator(ctx context.Context, repoID, accountID int64) (actions.Permission, error) {
	p, err := db.One(ctx, q.ex, db.Value[int64], `select permission from collaborators where repo_id = $1 and account_id = $2`, repoID, accountID)
	if actions.KindOf(err) == actions.NotFound {
		return actions.NoAccess, nil
	}
	if err != nil {
		return actions.NoAccess, fmt.Errorf("collaborator %d of repository %d: %w", accountID, repoID, err)
	}
	return actions.Permission(p), nil
}
