package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// RenameRepository gives r another name. Who asks for the old one finds r, until
// another repository takes it: see [Store.RepositoryByFormerName]. A name that the
// owner has already, in any case, is Invalid.
func (tx *Tx) RenameRepository(ctx context.Context, r *actions.Repository, name string, now time.Time) error {
	other, err := tx.RepositoryByName(ctx, r.Owner.Login, name)
	if err == nil && other.ID != r.ID {
		return actions.Errorf(actions.Invalid, "name already exists on this account")
	}
	if err != nil && actions.KindOf(err) != actions.NotFound {
		return err
	}
	tx.Publish(RepoTopic(r.ID), RecordTopic(r.ID))
	old := r.Name
	r.Name, r.UpdatedAt = name, now
	err = db.ExecOne(ctx, tx.ex, `update repositories set name = $2, name_key = $3, updated_at = $4 where id = $1`,
		r.ID, name, strings.ToLower(name), db.Micros(now))
	if err == nil {
		_, err = db.Exec(ctx, tx.ex, `insert into former_names (owner_id, name_key, repo_id) values ($1, $2, $3)
			on conflict (owner_id, name_key) do update set repo_id = excluded.repo_id`, r.Owner.ID, strings.ToLower(old), r.ID)
	}
	if err == nil {
		err = tx.forgetName(ctx, r.Owner.ID, name)
	}
	if err != nil {
		return fmt.Errorf("repository %d: %w", r.ID, err)
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditRepoRename}.InRepo(r).With("old_name", old).With("visibility", r.Visibility()))
}

// forgetName makes a name lead to nothing but the repository that has it.
func (tx *Tx) forgetName(ctx context.Context, ownerID int64, name string) error {
	_, err := db.Exec(ctx, tx.ex, `delete from former_names where owner_id = $1 and name_key = $2`, ownerID, strings.ToLower(name))
	return err
}

// RepositoryByFormerName returns the repository that had a name, in any case, before it
// got the one that it has.
func (q queries) RepositoryByFormerName(ctx context.Context, owner, name string) (*actions.Repository, error) {
	r, err := db.One(ctx, q.ex, scanRepository, repositorySelect+` join former_names f on f.repo_id = r.id and f.owner_id = r.owner_id
		where o.login_key = $1 and f.name_key = $2`, strings.ToLower(owner), strings.ToLower(name))
	if err != nil {
		return nil, fmt.Errorf("repository that was %s/%s: %w", owner, name, err)
	}
	return r, nil
}
