package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

var jobList = db.List[*actions.Job]{
	Table: `jobs`, ID: `id`, Columns: jobColumns, Scan: scanJob,
}.Order(`id`)

// RunJobs lists a page of the jobs of an attempt, of all attempts for 0, in the
// order they were made, and how many there are. The row that holds what is wrong
// with a workflow file is no job.
func (q queries) RunJobs(ctx context.Context, runID int64, attempt int, p Page) ([]*actions.Job, int, error) {
	jobs, total, err := jobList.Where(`run_id = ?`, runID).Narrow(`attempt = ?`, attempt).Where(`key <> ''`).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("jobs of run %d: %w", runID, err)
	}
	return jobs, total, nil
}
