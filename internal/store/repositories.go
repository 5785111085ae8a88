package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const repositoryColumns = `id, name, description, homepage, topics, private, internal, archived, default_branch, options, created_at, updated_at, pushed_at, parent_id, network_id, forks`

var repositoryList = db.List[*actions.Repository]{
	Table: `repositories r`, ID: `r.id`, Joins: `join accounts o on o.id = r.owner_id`,
	Columns: prefixed("r", repositoryColumns) + `, ` + prefixed("o", accountColumns), Scan: scanRepository,
}.Order(`r.pushed_at desc, r.id desc`)

var repositorySelect = `select ` + repositoryList.Columns + ` from ` + repositoryList.Table + ` ` + repositoryList.Joins

func scanRepository(row db.Row) (*actions.Repository, error) {
	r := &actions.Repository{Options: actions.StandardOptions()}
	fields := []any{
		&r.ID, &r.Name, &r.Description, &r.Homepage,
		db.JSON(&r.Topics),
		db.Bool(&r.Private),
		db.Bool(&r.Internal),
		db.Bool(&r.Archived),
		&r.DefaultBranch,
		db.JSON(&r.Options), // over the standard
		db.Time(&r.CreatedAt),
		db.Time(&r.UpdatedAt),
		db.Time(&r.PushedAt),
		&r.ParentID, &r.NetworkID, &r.Forks,
	}
	err := row.Scan(append(fields, accountFields(&r.Owner)...)...)
	if r.NetworkID == 0 {
		r.NetworkID = r.ID
	}
	return r, err
}

// CreateRepository adds r, whose owner must exist, and sets its id. A name
// that the owner has already, in any case, is Invalid. Without options it gets the
// standard.
func (tx *Tx) CreateRepository(ctx context.Context, r *actions.Repository) error {
	if r.Options == (actions.RepositoryOptions{}) {
		r.Options = actions.StandardOptions()
	}
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into repositories
		(owner_id, name, name_key, description, homepage, topics, private, internal, archived, default_branch, options, created_at, updated_at, pushed_at,
		 parent_id, network_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) on conflict (owner_id, name_key) do nothing returning id`,
		r.Owner.ID, r.Name, strings.ToLower(r.Name), r.Description, r.Homepage, topics(r), db.Flag(r.Private), db.Flag(r.Internal), db.Flag(r.Archived),
		r.DefaultBranch, db.Text(r.Options),
		db.Micros(r.CreatedAt), db.Micros(r.UpdatedAt), db.Micros(r.PushedAt), r.ParentID, r.NetworkID)
	if actions.KindOf(err) == actions.NotFound {
		return actions.Errorf(actions.Invalid, "name already exists on this account")
	}
	if err != nil {
		return fmt.Errorf("repository %s: %w", r.FullName(), err)
	}
	if r.ID = id; r.NetworkID == 0 {
		r.NetworkID = id
	}
	tx.Publish(RecordTopic(id))
	if err := tx.countForks(ctx, r.ParentID, 1); err != nil {
		return err
	}
	if err := tx.forgetName(ctx, r.Owner.ID, r.Name); err != nil {
		return err
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditRepoCreate}.InRepo(r).With("visibility", r.Visibility()))
}

// CreateRepository is [Tx.CreateRepository] by itself.
func (s *Store) CreateRepository(ctx context.Context, r *actions.Repository) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.CreateRepository(ctx, r) })
}

// Repository returns the repository with the given id.
func (q queries) Repository(ctx context.Context, id int64) (*actions.Repository, error) {
	r, err := db.One(ctx, q.ex, scanRepository, repositorySelect+` where r.id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("repository %d: %w", id, err)
	}
	return r, nil
}

// RepositoryByName returns owner/name, in any case.
func (q queries) RepositoryByName(ctx context.Context, owner, name string) (*actions.Repository, error) {
	r, err := db.One(ctx, q.ex, scanRepository, repositorySelect+` where o.login_key = $1 and r.name_key = $2`,
		strings.ToLower(owner), strings.ToLower(name))
	if err != nil {
		return nil, fmt.Errorf("repository %s/%s: %w", owner, name, err)
	}
	return r, nil
}

// RepositoriesAfter lists up to limit repositories with ids greater than after,
// in the order of ids.
func (q queries) RepositoriesAfter(ctx context.Context, after int64, limit int) ([]*actions.Repository, error) {
	return db.All(ctx, q.ex, scanRepository, repositorySelect+` where r.id > $1 order by r.id limit $2`, after, limit)
}

// CountRepositories counts the repositories of an account.
func (q queries) CountRepositories(ctx context.Context, ownerID int64) (public, private int, err error) {
	scan := func(r db.Row) ([2]int, error) {
		var n [2]int
		return n, r.Scan(&n[0], &n[1])
	}
	n, err := db.One(ctx, q.ex, scan, `select count(case when private = 0 then 1 end), count(case when private = 1 then 1 end) from repositories where owner_id = $1`, ownerID)
	if err != nil {
		return 0, 0, fmt.Errorf("repositories of account %d: %w", ownerID, err)
	}
	return n[0], n[1], nil
}

// DeleteRepository removes a repository with its runs, the tokens of its jobs
// and its runners. The blobs of its runs become dead, and its files are to be removed:
// see [Store.DeletedRepositories].
func (tx *Tx) DeleteRepository(ctx context.Context, id int64, now time.Time) error {
	gone, err := tx.Repository(ctx, id)
	if err != nil {
		return err
	}
	tx.Publish(RepoTopic(id), RecordTopic(id), DeletedTopic())
	const (
		die   = `insert into dead_blobs (blob, created_at) select distinct blob, cast($2 as bigint) from `
		dying = ` where job_id in (select j.id from runs r join jobs j on j.run_id = r.id where r.repo_id = $1) on conflict do nothing`
	)
	for _, table := range []string{"log_parts", "summaries"} {
		if _, err := db.Exec(ctx, tx.ex, die+table+dying, id, db.Micros(now)); err != nil {
			return fmt.Errorf("repository %d: %w", id, err)
		}
	}
	if _, err := db.Exec(ctx, tx.ex, die+`object_blocks where object_id in (select id from objects where repo_id = $1) on conflict do nothing`, id, db.Micros(now)); err != nil {
		return fmt.Errorf("repository %d: %w", id, err)
	}
	runners, err := db.All(ctx, tx.ex, scanRunner, `delete from runners where repo_id = $1 returning `+runnerColumns, id)
	if err == nil {
		err = tx.rememberDeleted(ctx, runners...)
	}
	if err != nil {
		return fmt.Errorf("repository %d: %w", id, err)
	}
	for _, statement := range []string{
		`delete from tokens where job_id <> 0 and job_id in (select j.id from runs r join jobs j on j.run_id = r.id where r.repo_id = $1)`,
		`delete from registration_tokens where repo_id = $1`,
		`insert into deleted_repositories (id) values ($1) on conflict do nothing`,
		`delete from settings where scope = '` + inRepository + `' and id = $1`,
	} {
		if _, err := db.Exec(ctx, tx.ex, statement, id); err != nil {
			return fmt.Errorf("repository %d: %w", id, err)
		}
	}
	err = tx.leaveNetwork(ctx, gone)
	if err == nil {
		err = db.ExecOne(ctx, tx.ex, `delete from repositories where id = $1`, id)
	}
	if err == nil {
		_, err = db.Exec(ctx, tx.ex, `delete from texts where `+noRunHasText)
	}
	if err != nil {
		return fmt.Errorf("repository %d: %w", id, err)
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditRepoDestroy}.InRepo(gone).With("visibility", gone.Visibility()))
}

// topics are those of r as they are stored: a list, also where there are none.
func topics(r *actions.Repository) any {
	if r.Topics == nil {
		return "[]"
	}
	return db.Text(r.Topics)
}

// UpdateRepository saves what may change of r, but its name: see [Tx.RenameRepository].
func (tx *Tx) UpdateRepository(ctx context.Context, r *actions.Repository) error {
	was, err := tx.Repository(ctx, r.ID)
	if err != nil {
		return err
	}
	tx.Publish(RepoTopic(r.ID), RecordTopic(r.ID))
	_, err = db.Exec(ctx, tx.ex, `update repositories set description = $2, homepage = $3, topics = $4, private = $5, internal = $6, archived = $7,
		default_branch = $8, options = $9, updated_at = $10 where id = $1`,
		r.ID, r.Description, r.Homepage, topics(r), db.Flag(r.Private), db.Flag(r.Internal), db.Flag(r.Archived),
		r.DefaultBranch, db.Text(r.Options), db.Micros(r.UpdatedAt))
	if err != nil {
		return err
	}
	if was.Private != r.Private {
		if err := tx.publishReady(ctx, r.ID); err != nil {
			return err
		}
	}
	for _, e := range repositoryChanges(was, r) {
		if err := tx.Audit(ctx, e.InRepo(r)); err != nil {
			return err
		}
	}
	return nil
}

// repositoryChanges are the entries of the audit log for what has changed of a repository.
func repositoryChanges(was, is *actions.Repository) (list []actions.AuditEntry) {
	entry := func(a actions.AuditAction) actions.AuditEntry { return actions.AuditEntry{Action: a} }
	if was.Visibility() != is.Visibility() {
		list = append(list, entry(actions.AuditRepoAccess).With("previous_visibility", was.Visibility()).With("visibility", is.Visibility()))
	}
	if was.DefaultBranch != is.DefaultBranch {
		list = append(list, entry(actions.AuditRepoBranch).With("old_branch", was.DefaultBranch).With("default_branch", is.DefaultBranch))
	}
	if was.Archived != is.Archived {
		what := actions.AuditRepoUnarchived
		if is.Archived {
			what = actions.AuditRepoArchived
		}
		list = append(list, entry(what).With("visibility", is.Visibility()))
	}
	for _, topic := range is.Topics {
		if !slices.Contains(was.Topics, topic) {
			list = append(list, entry(actions.AuditRepoAddTopic).With("topic", topic))
		}
	}
	for _, topic := range was.Topics {
		if !slices.Contains(is.Topics, topic) {
			list = append(list, entry(actions.AuditRepoRemoveTopic).With("topic", topic))
		}
	}
	return list
}

// SetPushed notes when refs moved last.
func (tx *Tx) SetPushed(ctx context.Context, id int64, now time.Time) error {
	tx.Publish(RepoTopic(id), RecordTopic(id))
	_, err := db.Exec(ctx, tx.ex, `update repositories set pushed_at = $2, updated_at = $2 where id = $1`, id, db.Micros(now))
	return err
}
