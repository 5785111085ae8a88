package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

const jobColumns = `id, run_id, repo_id, owner_id, attempt, guid, key, idx, total, matrix, name, labels, runner_group, held, continue_on_error, timeout, cancel_timeout, status, conclusion, outputs, runner_id, runner_name, created_at, started_at, completed_at, locked_until, cancel_at, step_order`

func jobFields(j *actions.Job) []any {
	return []any{
		&j.ID, &j.RunID, &j.RepoID, &j.OwnerID, &j.Attempt, &j.GUID, &j.Key, &j.Index, &j.Total, &j.Matrix, &j.Name,
		decoded{&j.Labels},
		&j.Group,
		truth{&j.Held},
		truth{&j.ContinueOnError},
		span{&j.Timeout},
		span{&j.CancelTimeout},
		&j.Status, &j.Conclusion,
		decoded{&j.Outputs},
		&j.RunnerID, &j.RunnerName,
		moment{&j.CreatedAt},
		moment{&j.StartedAt},
		moment{&j.CompletedAt},
		moment{&j.LockedUntil},
		moment{&j.CancelAt},
		&j.StepOrder,
	}
}

func scanJob(r row) (*actions.Job, error) {
	j := new(actions.Job)
	return j, r.Scan(jobFields(j)...)
}

// CreateJob adds j and sets its id.
func (tx *Tx) CreateJob(ctx context.Context, j *actions.Job) error {
	tx.Changed(j.RepoID, j.RunID)
	set, err := tx.labelSet(ctx, j.Labels)
	if err != nil {
		return err
	}
	id, err := one(ctx, tx.queries, value[int64], `insert into jobs
		(run_id, repo_id, owner_id, attempt, guid, key, idx, total, matrix, name, label_set_id, labels, runner_group, held,
		 continue_on_error, timeout, cancel_timeout, status, conclusion, outputs, created_at, completed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) returning id`,
		j.RunID, j.RepoID, j.OwnerID, j.Attempt, j.GUID, j.Key, j.Index, j.Total, string(j.Matrix), j.Name, set, text(j.Labels), j.Group, flag(j.Held),
		flag(j.ContinueOnError), j.Timeout.Microseconds(), j.CancelTimeout.Microseconds(), j.Status, j.Conclusion, text(j.Outputs),
		micros(j.CreatedAt), micros(j.CompletedAt))
	if err != nil {
		return fmt.Errorf("job %s of run %d: %w", j.Key, j.RunID, err)
	}
	j.ID = id
	return nil
}

// Job returns the job with the given id.
func (q queries) Job(ctx context.Context, id int64) (*actions.Job, error) {
	j, err := one(ctx, q, scanJob, `select `+jobColumns+` from jobs where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("job %d: %w", id, err)
	}
	return j, nil
}

// RepoJob returns the job of a repository with the given id.
func (q queries) RepoJob(ctx context.Context, repoID, id int64) (*actions.Job, error) {
	j, err := one(ctx, q, scanJob, `select `+jobColumns+` from jobs where id = $1 and repo_id = $2`, id, repoID)
	if err != nil {
		return nil, fmt.Errorf("job %d: %w", id, err)
	}
	return j, nil
}

// JobByGUID returns the job that the runner protocol knows by guid.
func (q queries) JobByGUID(ctx context.Context, guid string) (*actions.Job, error) {
	j, err := one(ctx, q, scanJob, `select `+jobColumns+` from jobs where guid = $1`, guid)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", guid, err)
	}
	return j, nil
}

// Jobs lists the jobs of an attempt in the order they were made; attempt 0
// lists those of all attempts.
func (q queries) Jobs(ctx context.Context, runID int64, attempt int) ([]*actions.Job, error) {
	return all(ctx, q, scanJob, `select `+jobColumns+` from jobs where run_id = $1 and (attempt = $2 or $2 = 0) order by id`, runID, attempt)
}

// UpdateJob saves what changes in a job's life.
func (tx *Tx) UpdateJob(ctx context.Context, j *actions.Job) error {
	tx.Changed(j.RepoID, j.RunID)
	_, err := exec(ctx, tx.queries, `update jobs set held = $2, status = $3, conclusion = $4, outputs = $5, runner_id = $6, runner_name = $7,
		started_at = $8, completed_at = $9, locked_until = $10, cancel_at = $11, step_order = $12 where id = $1`,
		j.ID, flag(j.Held), j.Status, j.Conclusion, text(j.Outputs), j.RunnerID, j.RunnerName,
		micros(j.StartedAt), micros(j.CompletedAt), micros(j.LockedUntil), micros(j.CancelAt), j.StepOrder)
	if err != nil {
		return fmt.Errorf("job %d: %w", j.ID, err)
	}
	return nil
}

// RenewJob moves the lock of a job in progress, and says whether there was one.
func (q queries) RenewJob(ctx context.Context, id int64, until time.Time) (bool, error) {
	n, err := exec(ctx, q, `update jobs set locked_until = $2 where id = $1 and status = 'in_progress'`, id, micros(until))
	return n > 0, err
}

// RunningJobs lists all jobs that a runner holds.
func (q queries) RunningJobs(ctx context.Context) ([]*actions.Job, error) {
	return all(ctx, q, scanJob, `select `+jobColumns+` from jobs where status = 'in_progress' order by id`)
}

// RunnerJob returns the job that a runner holds, NotFound for none.
func (q queries) RunnerJob(ctx context.Context, runnerID int64) (*actions.Job, error) {
	return one(ctx, q, scanJob, `select `+jobColumns+` from jobs where runner_id = $1 and status = 'in_progress' order by id limit 1`, runnerID)
}

// QueuedBefore lists the jobs that have waited for a runner since before t.
func (q queries) QueuedBefore(ctx context.Context, t time.Time) ([]*actions.Job, error) {
	return all(ctx, q, scanJob, `select `+jobColumns+` from jobs where status = 'queued' and created_at < $1 order by id limit 100`, micros(t))
}

// A LabelSet is one distinct runs-on of the jobs of this server.
type LabelSet struct {
	ID     int64
	Labels []string
}

func scanLabelSet(r row) (*LabelSet, error) {
	s := new(LabelSet)
	return s, r.Scan(&s.ID, decoded{&s.Labels})
}

// labelSet is the id of the set of labels, made if it is new.
func (q queries) labelSet(ctx context.Context, labels []string) (int64, error) {
	key := actions.LabelKey(labels)
	id, err := one(ctx, q, value[int64], `select id from label_sets where key = $1`, key)
	if actions.KindOf(err) == actions.NotFound {
		id, err = one(ctx, q, value[int64], `insert into label_sets (key, labels) values ($1, $2)
			on conflict (key) do update set labels = label_sets.labels returning id`, key, text(labels))
	}
	if err != nil {
		return 0, fmt.Errorf("labels %v: %w", labels, err)
	}
	return id, nil
}

// WaitingLabelSets lists the label sets that jobs wait with. It steps through the
// index of waiting jobs from one set to the next, however many jobs each has.
func (q queries) WaitingLabelSets(ctx context.Context) ([]*LabelSet, error) {
	const next = `select min(label_set_id) from jobs where status = 'queued' and held = 0`
	return all(ctx, q, scanLabelSet, `with recursive waiting (id) as (
		select * from (`+next+`) first
		union all
		select (`+next+` and label_set_id > waiting.id) from waiting where waiting.id is not null)
		select s.id, s.labels from waiting join label_sets s on s.id = waiting.id`)
}

// A Waiting is what the queue needs to know of a job that waits for a runner.
type Waiting struct {
	ID, RepoID, OwnerID, LabelSetID int64
	GUID                            string
	Labels                          []string
}

func scanWaiting(r row) (*Waiting, error) {
	w := new(Waiting)
	return w, r.Scan(&w.ID, &w.RepoID, &w.OwnerID, &w.LabelSetID, &w.GUID, decoded{&w.Labels})
}

const waitingColumns = `id, repo_id, owner_id, label_set_id, guid, labels`

// NextJobs lists the oldest jobs with one label set that wait for a runner of
// the scope. Each of the three scopes has its own index.
func (q queries) NextJobs(ctx context.Context, labelSetID int64, sc actions.Scope, limit int) ([]*Waiting, error) {
	const free = ` from jobs where status = 'queued' and held = 0 and label_set_id = $1`
	switch {
	case sc.RepoID != 0:
		return all(ctx, q, scanWaiting, `select `+waitingColumns+free+` and repo_id = $2 order by id limit $3`, labelSetID, sc.RepoID, limit)
	case sc.OwnerID != 0:
		return all(ctx, q, scanWaiting, `select `+waitingColumns+free+` and owner_id = $2 order by id limit $3`, labelSetID, sc.OwnerID, limit)
	}
	return all(ctx, q, scanWaiting, `select `+waitingColumns+free+` order by id limit $2`, labelSetID, limit)
}

// WaitingJob returns the job as the queue sees it, NotFound if it waits no more.
func (q queries) WaitingJob(ctx context.Context, id int64) (*Waiting, error) {
	return one(ctx, q, scanWaiting, `select `+waitingColumns+` from jobs where id = $1 and status = 'queued' and held = 0`, id)
}
