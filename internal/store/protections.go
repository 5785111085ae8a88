package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const protectionColumns = `repo_id, branch, rules, created_at, updated_at`

func scanProtection(r db.Row) (*actions.BranchProtection, error) {
	p := new(actions.BranchProtection)
	return p, r.Scan(&p.RepoID, &p.Branch, db.JSON(&p.Rules), db.Time(&p.CreatedAt), db.Time(&p.UpdatedAt))
}

// Protections are the protected branches of a repository, by their short names.
func (q queries) Protections(ctx context.Context, repoID int64) (map[string]*actions.BranchProtection, error) {
	list, err := db.All(ctx, q.ex, scanProtection, `select `+protectionColumns+` from protections where repo_id = $1`, repoID)
	if err != nil {
		return nil, fmt.Errorf("protected branches of repository %d: %w", repoID, err)
	}
	found := make(map[string]*actions.BranchProtection, len(list))
	for _, p := range list {
		found[p.Branch] = p
	}
	return found, nil
}

// CountProtections is how many branches of a repository are protected.
func (q queries) CountProtections(ctx context.Context, repoID int64) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from protections where repo_id = $1`, repoID)
}

// Protection returns what a branch requires; NotFound where it requires nothing.
func (q queries) Protection(ctx context.Context, repoID int64, branch string) (*actions.BranchProtection, error) {
	p, err := db.One(ctx, q.ex, scanProtection, `select `+protectionColumns+` from protections where repo_id = $1 and branch = $2`, repoID, branch)
	if err != nil {
		return nil, fmt.Errorf("protection of %s in repository %d: %w", branch, repoID, err)
	}
	return p, nil
}

// SaveProtection keeps what a branch requires.
func (tx *Tx) SaveProtection(ctx context.Context, p *actions.BranchProtection) error {
	_, err := db.Exec(ctx, tx.ex, `insert into protections (repo_id, branch, rules, created_at, updated_at) values ($1, $2, $3, $4, $5)
		on conflict (repo_id, branch) do update set rules = excluded.rules, updated_at = excluded.updated_at`,
		p.RepoID, p.Branch, db.Text(p.Rules), db.Micros(p.CreatedAt), db.Micros(p.UpdatedAt))
	if err != nil {
		return fmt.Errorf("protection of %s in repository %d: %w", p.Branch, p.RepoID, err)
	}
	tx.Publish(RepoTopic(p.RepoID))
	return nil
}

// DeleteProtection ends it.
func (tx *Tx) DeleteProtection(ctx context.Context, p *actions.BranchProtection) error {
	return tx.exec(ctx, RepoTopic(p.RepoID), `delete from protections where repo_id = $1 and branch = $2`, p.RepoID, p.Branch)
}
