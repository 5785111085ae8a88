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

const jobColumns = `id, run_id, repo_id, owner_id, attempt, guid, path, key, idx, total, matrix, name, labels, runner_group, wait, environment, continue_on_error, timeout, cancel_timeout, status, conclusion, outputs, runner_id, runner_name, runner_group_id, runner_group_name, created_at, queued_at, started_at, completed_at, locked_until, cancel_at, step_order`

func jobFields(j *actions.Job) []any {
	return []any{
		&j.ID, &j.RunID, &j.RepoID, &j.OwnerID, &j.Attempt, &j.GUID, callPath(&j.Path), &j.Key, &j.Index, &j.Total, &j.Matrix, &j.Name,
		db.JSON(&j.Labels),
		&j.Group,
		wait(&j.Wait),
		&j.Environment,
		db.Bool(&j.ContinueOnError),
		db.Duration(&j.Timeout),
		db.Duration(&j.CancelTimeout),
		&j.Status, &j.Conclusion,
		db.JSON(&j.Outputs),
		&j.RunnerID, &j.RunnerName, &j.RunnerGroupID, &j.RunnerGroup,
		db.Time(&j.CreatedAt),
		db.Time(&j.QueuedAt),
		db.Time(&j.StartedAt),
		db.Time(&j.CompletedAt),
		db.Time(&j.LockedUntil),
		db.Time(&j.CancelAt),
		&j.StepOrder,
	}
}

// wait scans a Wait, which is kept as its text.
func wait(w *actions.Wait) scanText {
	return scanText(func(s string) { *w = actions.ParseWait(s) })
}

// callPath scans the path of a job. Keys of jobs have no slash, which is between them.
func callPath(path *[]string) scanText {
	return scanText(func(s string) {
		if *path = nil; s != "" {
			*path = strings.Split(s, "/")
		}
	})
}

// A scanText takes the text of a column.
type scanText func(string)

// Scan calls the function.
func (f scanText) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("text is %T", src)
	}
	f(s)
	return nil
}

func scanJob(r db.Row) (*actions.Job, error) {
	j := new(actions.Job)
	return j, r.Scan(jobFields(j)...)
}

// CreateJobs adds jobs of one run and sets their ids, which have their order.
func (tx *Tx) CreateJobs(ctx context.Context, jobs []*actions.Job) error {
	if len(jobs) == 0 {
		return nil
	}
	tx.Publish(RepoTopic(jobs[0].RepoID), RunTopic(jobs[0].RunID))
	sets := make(map[string]int64) // most jobs of a run have the same labels
	for _, j := range jobs {
		key := actions.LabelKey(j.Group, j.Labels)
		if _, known := sets[key]; known {
			continue
		}
		set, err := tx.labelSet(ctx, key, j)
		if err != nil {
			return err
		}
		sets[key] = set
	}
	for piece, values := range db.Inserts(jobs, jobInserted) {
		if err := tx.createJobs(ctx, piece, values, sets); err != nil {
			return fmt.Errorf("jobs %s to %s of run %d: %w", piece[0].Key, piece[len(piece)-1].Key, jobs[0].RunID, err)
		}
	}
	return nil
}

// jobInserted is how many columns of a job are written when it is made.
const jobInserted = 26

func (tx *Tx) createJobs(ctx context.Context, jobs []*actions.Job, values string, sets map[string]int64) error {
	args := make([]any, 0, len(jobs)*jobInserted)
	for _, j := range jobs {
		args = append(args,
			j.RunID, j.RepoID, j.OwnerID, j.Attempt, j.GUID, strings.Join(j.Path, "/"), j.Key, j.Index, j.Total, string(j.Matrix), j.Name,
			sets[actions.LabelKey(j.Group, j.Labels)], db.Text(j.Labels), j.Group, j.Wait.String(), j.Environment, actions.EnvironmentKey(j.Environment), db.Flag(j.ContinueOnError),
			j.Timeout.Microseconds(), j.CancelTimeout.Microseconds(), j.Status, j.Conclusion, db.Text(j.Outputs),
			db.Micros(j.CreatedAt), db.Micros(j.QueuedAt), db.Micros(j.CompletedAt))
	}
	ids, err := db.All(ctx, tx.ex, db.Value[int64], `insert into jobs
		(run_id, repo_id, owner_id, attempt, guid, path, key, idx, total, matrix, name,
		 label_set_id, labels, runner_group, wait, environment, environment_key, continue_on_error,
		 timeout, cancel_timeout, status, conclusion, outputs,
		 created_at, queued_at, completed_at)
		values `+values+` returning id`, args...)
	if err != nil {
		return err
	}
	slices.Sort(ids) // rows are numbered in their order, and returned in any
	for i, j := range jobs {
		j.ID = ids[i]
	}
	return nil
}

// JobStatus returns the status of a job.
func (q queries) JobStatus(ctx context.Context, id int64) (actions.Status, error) {
	s, err := db.One(ctx, q.ex, db.Value[actions.Status], `select status from jobs where id = $1`, id)
	if err != nil {
		return "", fmt.Errorf("job %d: %w", id, err)
	}
	return s, nil
}

// Job returns the job with the given id.
func (q queries) Job(ctx context.Context, id int64) (*actions.Job, error) {
	j, err := db.One(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("job %d: %w", id, err)
	}
	return j, nil
}

// RepoJob returns the job of a repository with the given id.
func (q queries) RepoJob(ctx context.Context, repoID, id int64) (*actions.Job, error) {
	j, err := db.One(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where id = $1 and repo_id = $2`, id, repoID)
	if err != nil {
		return nil, fmt.Errorf("job %d: %w", id, err)
	}
	return j, nil
}

// JobByGUID returns the job that the runner protocol knows by guid.
func (q queries) JobByGUID(ctx context.Context, guid string) (*actions.Job, error) {
	j, err := db.One(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where guid = $1`, guid)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", guid, err)
	}
	return j, nil
}

// Jobs lists the jobs of an attempt in the order they were made; attempt 0
// lists those of all attempts.
func (q queries) Jobs(ctx context.Context, runID int64, attempt int) ([]*actions.Job, error) {
	return jobList.Where(`run_id = ?`, runID).Narrow(`attempt = ?`, attempt).All(ctx, q.ex)
}

// publishJob tells who reads a job, and the runner that holds it.
func (tx *Tx) publishJob(j *actions.Job) {
	tx.Publish(RepoTopic(j.RepoID), RunTopic(j.RunID), JobTopic(j.ID))
	if j.RunnerID != 0 && !j.CancelAt.IsZero() {
		tx.Publish(RunnerTopic(j.RunnerID)) // which may wait at another server
	}
}

// UpdateJob saves what changes in a job's life.
func (tx *Tx) UpdateJob(ctx context.Context, j *actions.Job) error {
	tx.publishJob(j)
	_, err := db.Exec(ctx, tx.ex, `update jobs set wait = $2, status = $3, conclusion = $4, outputs = $5, runner_id = $6, runner_name = $7,
		started_at = $8, completed_at = $9, locked_until = $10, cancel_at = $11, step_order = $12, queued_at = $13,
		runner_group_id = $14, runner_group_name = $15 where id = $1`,
		j.ID, j.Wait.String(), j.Status, j.Conclusion, db.Text(j.Outputs), j.RunnerID, j.RunnerName,
		db.Micros(j.StartedAt), db.Micros(j.CompletedAt), db.Micros(j.LockedUntil), db.Micros(j.CancelAt), j.StepOrder, db.Micros(j.QueuedAt), j.RunnerGroupID, j.RunnerGroup)
	if err != nil {
		return fmt.Errorf("job %d: %w", j.ID, err)
	}
	return nil
}

// RenewJob moves the lock of a job in progress, and says whether there was one.
func (q queries) RenewJob(ctx context.Context, id int64, until time.Time) (bool, error) {
	n, err := db.Exec(ctx, q.ex, `update jobs set locked_until = $2 where id = $1 and status = 'in_progress'`, id, db.Micros(until))
	return n > 0, err
}

// JobsInProgress lists the jobs that runners have.
func (q queries) JobsInProgress(ctx context.Context) ([]*actions.Job, error) {
	return db.All(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where status = 'in_progress' order by id`)
}

// OverdueJobs lists the jobs in progress whose lease or time has ended at t, and
// those that were told to cancel.
func (q queries) OverdueJobs(ctx context.Context, t time.Time) ([]*actions.Job, error) {
	return db.All(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where status = 'in_progress'
		and (locked_until < $1 or started_at + timeout < $1 or cancel_at <> 0) order by id`, db.Micros(t))
}

// RunnerJob returns the job that a runner holds, NotFound for none.
func (q queries) RunnerJob(ctx context.Context, runnerID int64) (*actions.Job, error) {
	return db.One(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where runner_id = $1 and status = 'in_progress' order by id limit 1`, runnerID)
}

// CancelledJob returns the job that ended last of those that were cancelled while a
// runner had them, NotFound for none.
func (q queries) CancelledJob(ctx context.Context, runnerID int64) (*actions.Job, error) {
	return db.One(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where runner_id = $1 and status = 'completed' and cancel_at <> 0 order by id desc limit 1`, runnerID)
}

// QueuedBefore lists jobs that have waited for a runner since before t, the
// longest wait first. What waits for something else does not wait for one.
func (q queries) QueuedBefore(ctx context.Context, t time.Time) ([]*actions.Job, error) {
	return db.All(ctx, q.ex, scanJob, `select `+jobColumns+` from jobs where status = 'queued' and wait = '' and queued_at > 0 and queued_at < $1
		order by queued_at limit 100`, db.Micros(t))
}
