package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const statusColumns = `id, repo_id, sha, context, state, description, target_url, created_at`

func scanStatus(r db.Row) (*actions.CommitStatus, error) {
	s := new(actions.CommitStatus)
	fields := []any{&s.ID, &s.RepoID, &s.SHA, &s.Context, &s.State, &s.Description, &s.TargetURL, db.Time(&s.CreatedAt)}
	return s, r.Scan(append(fields, accountFields(&s.Creator)...)...)
}

var statusList = db.List[*actions.CommitStatus]{
	Table: `statuses s join accounts a on a.id = s.creator_id`, ID: `s.id`,
	Columns: prefixed("s", statusColumns) + `, ` + prefixed("a", accountColumns), Scan: scanStatus,
}.Order(`s.id desc`)

// CreateStatus adds a status and sets its id.
func (tx *Tx) CreateStatus(ctx context.Context, s *actions.CommitStatus) error {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into statuses (repo_id, sha, context, context_key, state, description, target_url, creator_id, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
		s.RepoID, s.SHA, s.Context, strings.ToLower(s.Context), s.State, s.Description, s.TargetURL, s.Creator.ID, db.Micros(s.CreatedAt))
	if err != nil {
		return fmt.Errorf("status of %s in repository %d: %w", s.SHA, s.RepoID, err)
	}
	s.ID = id
	tx.Publish(RepoTopic(s.RepoID))
	return nil
}

// CountStatuses is how many statuses a commit has, with one context and in all.
func (q queries) CountStatuses(ctx context.Context, repoID int64, sha, name string) (of, all int, err error) {
	all, err = db.One(ctx, q.ex, db.Value[int], `select count(*) from statuses where repo_id = $1 and sha = $2`, repoID, sha)
	if err == nil {
		of, err = db.One(ctx, q.ex, db.Value[int], `select count(*) from statuses where repo_id = $1 and sha = $2 and context_key = $3`, repoID, sha, strings.ToLower(name))
	}
	return of, all, err
}

// Statuses lists a page of the statuses of a commit, newest first, and how many there are.
func (q queries) Statuses(ctx context.Context, repoID int64, sha string, p Page) ([]*actions.CommitStatus, int, error) {
	return statusList.Where(`s.repo_id = ? and s.sha = ?`, repoID, sha).Page(ctx, q.ex, p)
}

// LatestStatuses lists the newest status of each context of a commit, newest first.
func (q queries) LatestStatuses(ctx context.Context, repoID int64, sha string) ([]*actions.CommitStatus, error) {
	return statusList.Where(`s.repo_id = ? and s.sha = ?`, repoID, sha).
		Where(`not exists (select 1 from statuses n where n.repo_id = s.repo_id and n.sha = s.sha and n.context_key = s.context_key and n.id > s.id)`).All(ctx, q.ex)
}
