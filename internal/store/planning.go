package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// What planning reads and writes. A plan is made from one revision of a run and
// is written only if the run is still at it. Its jobs may have been acquired
// meanwhile, so each statement says what it expects of its job, and answers false
// when that is not so.

func scanPlanJob(r db.Row) (j plan.Job, err error) {
	return j, r.Scan(&j.ID, callPath(&j.Path), &j.Key, &j.Index, &j.Total, wait(&j.Wait), &j.Environment, db.Bool(&j.ContinueOnError), &j.Status, &j.Conclusion,
		db.JSON(&j.Outputs), db.Time(&j.CompletedAt))
}

// PlanJobs lists the jobs of an attempt as planning sees them, less the matrix,
// in the order they were made. The check run of a workflow file is not among them.
func (q queries) PlanJobs(ctx context.Context, runID int64, attempt int) ([]plan.Job, error) {
	return db.All(ctx, q.ex, scanPlanJob, `select id, path, key, idx, total, wait, environment, continue_on_error, status, conclusion, outputs, completed_at
		from jobs where run_id = $1 and attempt = $2 and key <> '' order by id`, runID, attempt)
}

// RequestedRuns lists runs that were made before t and have no jobs yet.
func (q queries) RequestedRuns(ctx context.Context, t time.Time) ([]int64, error) {
	return db.All(ctx, q.ex, db.Value[int64], `select id from runs where status = 'requested' and created_at < $1 order by id limit 100`, db.Micros(t))
}

// ReviseRun notes that the jobs of a run change, at r.UpdatedAt. False means that
// the run is not at the revision of r any more.
func (tx *Tx) ReviseRun(ctx context.Context, r *actions.Run) (bool, error) {
	tx.Publish(RepoTopic(r.RepoID), RunTopic(r.ID))
	n, err := db.Exec(ctx, tx.ex, `update runs set revision = revision + 1, updated_at = $3 where id = $1 and revision = $2`,
		r.ID, r.Revision, db.Micros(r.UpdatedAt))
	return changed("run", r.ID, n, err)
}

// EndJob saves the end of a job whose status was the given one. Unless lease is
// zero, the job's lock must be that one: its runner has not renewed it.
func (tx *Tx) EndJob(ctx context.Context, j *actions.Job, was actions.Status, lease time.Time) (bool, error) {
	tx.publishJob(j)
	n, err := db.Exec(ctx, tx.ex, `update jobs set wait = '', status = 'completed', conclusion = $2, outputs = $3, completed_at = $4,
		cancel_at = $5, locked_until = 0 where id = $1 and status = $6 and (locked_until = $7 or $7 = 0)`,
		j.ID, j.Conclusion, db.Text(j.Outputs), db.Micros(j.CompletedAt), db.Micros(j.CancelAt), was, db.Micros(lease))
	return changed("job", j.ID, n, err)
}

// TellJob saves that a job in progress was told to cancel.
func (tx *Tx) TellJob(ctx context.Context, j *actions.Job) (bool, error) {
	tx.publishJob(j)
	n, err := db.Exec(ctx, tx.ex, `update jobs set cancel_at = $2 where id = $1 and status = 'in_progress'`, j.ID, db.Micros(j.CancelAt))
	return changed("job", j.ID, n, err)
}

// ReleaseJob saves what a job waits for now that it waits for something else than
// before: for a runner, mostly.
func (tx *Tx) ReleaseJob(ctx context.Context, j *actions.Job) (bool, error) {
	tx.publishJob(j)
	n, err := db.Exec(ctx, tx.ex, `update jobs set wait = $3, queued_at = $2 where id = $1 and status = 'queued'`,
		j.ID, db.Micros(j.QueuedAt), j.Wait.String())
	return changed("job", j.ID, n, err)
}

func changed(what string, id, n int64, err error) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("%s %d: %w", what, id, err)
	}
	return n > 0, nil
}

// CancelAttempt saves that somebody asked for an attempt to be cancelled.
func (q queries) CancelAttempt(ctx context.Context, a *actions.Attempt) error {
	_, err := db.Exec(ctx, q.ex, `update attempts set cancel_at = $3, forced = $4 where run_id = $1 and number = $2`,
		a.RunID, a.Number, db.Micros(a.CancelAt), db.Flag(a.Forced))
	if err != nil {
		return fmt.Errorf("attempt %d of run %d: %w", a.Number, a.RunID, err)
	}
	return nil
}
