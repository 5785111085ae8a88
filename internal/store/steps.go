package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const stepColumns = `job_id, guid, number, name, status, conclusion, started_at, completed_at`

func scanStep(r db.Row) (*actions.Step, error) {
	s := new(actions.Step)
	return s, r.Scan(&s.JobID, &s.GUID, &s.Number, &s.Name, &s.Status, &s.Conclusion, db.Time(&s.StartedAt), db.Time(&s.CompletedAt))
}

// SaveStep adds a step of job j or replaces what is known of it.
func (tx *Tx) SaveStep(ctx context.Context, j *actions.Job, s *actions.Step) error {
	tx.Publish(RepoTopic(j.RepoID), RunTopic(j.RunID))
	_, err := db.Exec(ctx, tx.ex, `insert into steps (`+stepColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (job_id, guid) do update set number = excluded.number, name = excluded.name, status = excluded.status,
		conclusion = excluded.conclusion, started_at = excluded.started_at, completed_at = excluded.completed_at`,
		j.ID, s.GUID, s.Number, s.Name, s.Status, s.Conclusion, db.Micros(s.StartedAt), db.Micros(s.CompletedAt))
	if err != nil {
		return fmt.Errorf("step %s of job %d: %w", s.GUID, j.ID, err)
	}
	return nil
}

// CloseSteps ends the steps of a job that is over: those in progress with the
// conclusion of the job, the others as skipped.
func (tx *Tx) CloseSteps(ctx context.Context, j *actions.Job) error {
	_, err := db.Exec(ctx, tx.ex, `update steps set conclusion = case when status = 'in_progress' then $2 else 'skipped' end,
		status = 'completed', completed_at = $3 where job_id = $1 and status <> 'completed'`, j.ID, j.Conclusion, db.Micros(j.CompletedAt))
	if err != nil {
		return fmt.Errorf("steps of job %d: %w", j.ID, err)
	}
	return nil
}

// Steps lists the steps of a job by number.
func (q queries) Steps(ctx context.Context, jobID int64) ([]*actions.Step, error) {
	return db.All(ctx, q.ex, scanStep, `select `+stepColumns+` from steps where job_id = $1 order by number, guid`, jobID)
}

// SilentSteps lists the steps of a job that ran, are over, and have no part of a log,
// nor one that stands in for it: such a part is of the step's GUID behind prefix.
func (q queries) SilentSteps(ctx context.Context, jobID int64, prefix string) ([]*actions.Step, error) {
	return db.All(ctx, q.ex, scanStep, `select `+stepColumns+` from steps s where job_id = $1 and status = 'completed' and conclusion <> 'skipped'
		and started_at <> 0 and not exists (select 1 from log_parts l where l.job_id = s.job_id and (l.step = s.guid or l.step = $2 || s.guid))
		order by number, guid`, jobID, prefix)
}

// CountSteps counts the steps of a job.
func (q queries) CountSteps(ctx context.Context, jobID int64) (int64, error) {
	return db.One(ctx, q.ex, db.Value[int64], `select count(*) from steps where job_id = $1`, jobID)
}

// RunSteps lists the steps of all jobs of an attempt by job and number;
// attempt 0 stands for all.
func (q queries) RunSteps(ctx context.Context, runID int64, attempt int) ([]*actions.Step, error) {
	return db.All(ctx, q.ex, scanStep, `select `+prefixed("s", stepColumns)+` from steps s join jobs j on j.id = s.job_id
		where j.run_id = $1 and (j.attempt = $2 or $2 = 0) order by s.job_id, s.number, s.guid`, runID, attempt)
}

// SetStepOrder notes the newest step update of a job in progress and says
// whether it was newer than what was known: an older update must be ignored.
func (q queries) SetStepOrder(ctx context.Context, jobID, order int64) (bool, error) {
	n, err := db.Exec(ctx, q.ex, `update jobs set step_order = $2 where id = $1 and step_order < $2 and status = 'in_progress'`, jobID, order)
	return n > 0, err
}

// StepsOf returns the steps of some jobs, those of each by number.
func (q queries) StepsOf(ctx context.Context, jobIDs []int64) (map[int64][]*actions.Step, error) {
	byJob := make(map[int64][]*actions.Step, len(jobIDs))
	for args, marks := range db.Batches(jobIDs) {
		steps, err := db.All(ctx, q.ex, scanStep, `select `+stepColumns+` from steps where job_id in (`+marks+`) order by job_id, number, guid`, args...)
		if err != nil {
			return nil, fmt.Errorf("steps of %d jobs: %w", len(jobIDs), err)
		}
		for _, s := range steps {
			byJob[s.JobID] = append(byJob[s.JobID], s)
		}
	}
	return byJob, nil
}
