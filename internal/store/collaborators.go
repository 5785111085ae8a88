package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// SetCollaborator gives account a permission on a repository; NoAccess takes it away.
func (q queries) SetCollaborator(ctx context.Context, repoID, accountID int64, p actions.Permission) error {
	if p == actions.NoAccess {
		return q.exec(ctx, AccessTopic(), `delete from collaborators where repo_id = $1 and account_id = $2`, repoID, accountID)
	}
	return q.exec(ctx, AccessTopic(), `insert into collaborators (repo_id, account_id, permission) values ($1, $2, $3)
		on conflict (repo_id, account_id) do update set permission = excluded.permission`, repoID, accountID, int(p))
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
