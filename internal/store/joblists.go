package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// RunJobs lists a page of the jobs of an attempt, of all attempts for 0, in the
// order they were made, and how many there are. The row that holds what is wrong
// with a workflow file is no job.
func (q queries) RunJobs(ctx context.Context, runID int64, attempt int, p Page) ([]*actions.Job, int, error) {
	const where = ` from jobs where run_id = $1 and (attempt = $2 or $2 = 0) and key <> ''`
	jobs, err := db.All(ctx, q.ex, scanJob, `select `+jobColumns+where+` order by id limit $3 offset $4`, runID, attempt, p.Size, p.Offset())
	if err != nil {
		return nil, 0, fmt.Errorf("jobs of run %d: %w", runID, err)
	}
	n, err := db.One(ctx, q.ex, db.Value[int64], `select count(*)`+where, runID, attempt)
	if err != nil {
		return nil, 0, fmt.Errorf("jobs of run %d: %w", runID, err)
	}
	return jobs, int(n), nil
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
