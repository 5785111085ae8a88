package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const runnerColumns = `id, owner_id, repo_id, name, labels, os, arch, version, ephemeral, no_update, client_id, public_key, created_at, last_seen_at, url,
	group_id, coalesce((select g.name from runner_groups g where g.id = runners.group_id), '` + actions.DefaultGroup + `')`

func scanRunner(row db.Row) (*actions.Runner, error) {
	r := new(actions.Runner)
	return r, row.Scan(&r.ID, &r.Scope.OwnerID, &r.Scope.RepoID, &r.Name, db.JSON(&r.Labels), &r.OS, &r.Arch, &r.Version,
		db.Bool(&r.Ephemeral), db.Bool(&r.NoUpdate), &r.ClientID, &r.PublicKey, db.Time(&r.CreatedAt), db.Time(&r.LastSeenAt), &r.URL, &r.GroupID, &r.Group)
}

// CreateRunner adds r and sets its id. A name that the scope has, in any case, is a
// Conflict.
func (tx *Tx) CreateRunner(ctx context.Context, r *actions.Runner) error {
	same, _, err := tx.Runners(ctx, r.Scope, r.Name, Page{Number: 1, Size: 1})
	if err != nil {
		return err
	}
	if err := tx.enterGroup(ctx, r); err != nil {
		return err
	}
	taken := actions.Errorf(actions.Conflict, "Already exists - A runner with the name %s already exists.", r.Name)
	if len(same) > 0 {
		return taken
	}
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into runners
		(owner_id, repo_id, name, labels, os, arch, version, ephemeral, no_update, client_id, public_key, created_at, url, group_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict (owner_id, repo_id, name) do nothing returning id`,
		r.Scope.OwnerID, r.Scope.RepoID, r.Name, db.Text(r.Labels), r.OS, r.Arch, r.Version, db.Flag(r.Ephemeral), db.Flag(r.NoUpdate), r.ClientID, r.PublicKey, db.Micros(r.CreatedAt), r.URL, r.GroupID)
	if actions.KindOf(err) == actions.NotFound {
		return taken
	}
	if err != nil {
		return fmt.Errorf("runner %s: %w", r.Name, err)
	}
	r.ID = id
	if r.JIT {
		return tx.auditRunner(ctx, r, actions.AuditConfigureJIT)
	}
	if err := tx.numberLabelsOf(ctx, r); err != nil {
		return err
	}
	return tx.auditRunner(ctx, r, actions.AuditRegisterRunner)
}

// enterGroup puts a new runner into its group, the default one where it says none. One
// that its scope does not have is NotFound.
func (tx *Tx) enterGroup(ctx context.Context, r *actions.Runner) error {
	if r.GroupID == 0 || r.GroupID == actions.DefaultGroupID {
		r.GroupID, r.Group = actions.DefaultGroupID, actions.DefaultGroup
		return nil
	}
	if r.Scope.RepoID != 0 {
		return actions.Errorf(actions.NotFound, "runner group %d", r.GroupID)
	}
	g, err := tx.RunnerGroup(ctx, r.Scope, r.GroupID)
	if err == nil {
		r.Group = g.Name
	}
	return err
}

func (tx *Tx) auditRunner(ctx context.Context, r *actions.Runner, name string) error {
	e, err := tx.auditIn(ctx, r.Scope, name)
	if err != nil {
		return err
	}
	return tx.Audit(ctx, e.With("runner_id", strconv.FormatInt(r.ID, 10)).With("runner_name", r.Name).
		With("runner_group_id", strconv.FormatInt(r.GroupID, 10)).With("runner_group_name", r.Group).
		With("ephemeral", strconv.FormatBool(r.Ephemeral)))
}

// CreateRunner is [Tx.CreateRunner] by itself.
func (s *Store) CreateRunner(ctx context.Context, r *actions.Runner) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.CreateRunner(ctx, r) })
}

// SeeRunner notes a poll of a runner, with what it says of itself. It need not be durable.
func (q queries) SeeRunner(ctx context.Context, r *actions.Runner, now time.Time) error {
	_, err := db.Exec(ctx, q.ex, `update runners set os = $2, arch = $3, version = $4, last_seen_at = $5 where id = $1`, r.ID, r.OS, r.Arch, r.Version, db.Micros(now))
	return err
}

// DescribeRunner is [queries.SeeRunner] for a runner that says something new of itself.
func (q queries) DescribeRunner(ctx context.Context, r *actions.Runner, now time.Time) error {
	q.ex.Publish(RunnerRecordTopic(r.ID))
	return q.SeeRunner(ctx, r, now)
}

// Runner returns the runner with the given id.
func (q queries) Runner(ctx context.Context, id int64) (*actions.Runner, error) {
	r, err := db.One(ctx, q.ex, scanRunner, `select `+runnerColumns+` from runners where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("runner %d: %w", id, err)
	}
	return r, nil
}

// RunnerByClient returns the runner whose OAuth client is clientID.
func (q queries) RunnerByClient(ctx context.Context, clientID string) (*actions.Runner, error) {
	r, err := db.One(ctx, q.ex, scanRunner, `select `+runnerColumns+` from runners where client_id = $1`, clientID)
	if err != nil {
		return nil, fmt.Errorf("runner of client %s: %w", clientID, err)
	}
	return r, nil
}

var runnerList = db.List[*actions.Runner]{
	Table: `runners`, ID: `id`, Columns: runnerColumns, Scan: scanRunner,
}.Order(`id`)

// Runners lists a page of the runners of exactly one scope, by id, and how
// many there are. A name that is not empty narrows to that one runner, in any case.
func (q queries) Runners(ctx context.Context, sc actions.Scope, name string, p Page) ([]*actions.Runner, int, error) {
	list, total, err := runnerList.Where(`owner_id = ? and repo_id = ?`, sc.OwnerID, sc.RepoID).Narrow(`lower(name) = lower(?)`, name).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("runners: %w", err)
	}
	return list, total, nil
}

// BusyRunners says which of some runners hold a job.
func (q queries) BusyRunners(ctx context.Context, ids []int64) (map[int64]bool, error) {
	busy := make(map[int64]bool, len(ids))
	for args, marks := range db.Batches(ids) {
		held, err := db.All(ctx, q.ex, db.Value[int64], `select distinct runner_id from jobs where status = 'in_progress' and runner_id in (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("busy runners: %w", err)
		}
		for _, id := range held {
			busy[id] = true
		}
	}
	return busy, nil
}

// RunnersServing lists up to limit runners of the scopes that work for a
// repository: its own, its owner's and the site's. The newest seen come first.
func (q queries) RunnersServing(ctx context.Context, ownerID, repoID int64, limit int) ([]*actions.Runner, error) {
	rs, err := db.All(ctx, q.ex, scanRunner, `select `+runnerColumns+` from runners
		where (owner_id = 0 and repo_id = 0) or (owner_id = $1 and repo_id = 0) or (owner_id = 0 and repo_id = $2)
		order by last_seen_at desc limit $3`, ownerID, repoID, limit)
	if err != nil {
		return nil, fmt.Errorf("runners of repository %d: %w", repoID, err)
	}
	return rs, nil
}

// DeleteRunner is [Tx.DeleteRunner] by itself.
func (s *Store) DeleteRunner(ctx context.Context, id int64) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.DeleteRunner(ctx, id) })
}

// DeleteRunner removes a runner and its session.
func (tx *Tx) DeleteRunner(ctx context.Context, id int64) error {
	r, err := db.One(ctx, tx.ex, scanRunner, `delete from runners where id = $1 returning `+runnerColumns, id)
	if err != nil {
		return fmt.Errorf("runner %d: %w", id, err)
	}
	tx.Publish(RunnerTopic(id), RunnerRecordTopic(id))
	if err := tx.rememberDeleted(ctx, r); err != nil {
		return err
	}
	return tx.auditRunner(ctx, r, actions.AuditRemoveRunner)
}

// DeleteEphemeral removes a runner that was registered for one job. Its poll goes
// on: the runner knows, and polls until it ends. The audit log has said when it was
// registered that it is for one job, and says nothing now.
func (tx *Tx) DeleteEphemeral(ctx context.Context, id int64) error {
	r, err := db.One(ctx, tx.ex, scanRunner, `delete from runners where id = $1 and ephemeral = 1 returning `+runnerColumns, id)
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("runner %d: %w", id, err)
	}
	tx.Publish(RunnerRecordTopic(id))
	return tx.rememberDeleted(ctx, r)
}
