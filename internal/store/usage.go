package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// A StartedJob is a job that a runner took, with its labels.
type StartedJob struct {
	ID     int64
	Labels []string
}

// StartedJobs lists the jobs of all attempts of a run that a runner took, in the order
// they were made.
func (q queries) StartedJobs(ctx context.Context, runID int64) ([]StartedJob, error) {
	list, err := db.All(ctx, q.ex, func(r db.Row) (j StartedJob, err error) {
		return j, r.Scan(&j.ID, db.JSON(&j.Labels))
	}, `select j.id, s.labels from jobs j join label_sets s on s.id = j.label_set_id
		where j.run_id = $1 and j.started_at <> 0 order by j.id`, runID)
	if err != nil {
		return nil, fmt.Errorf("started jobs of run %d: %w", runID, err)
	}
	return list, nil
}

// maxUsageRuns is how many runs are looked at for the labels of a workflow's jobs.
const maxUsageRuns = 1000

// StartedLabels lists the different labels of the jobs that runners took, of the newest
// 1000 runs of a workflow that began at a time or later.
func (q queries) StartedLabels(ctx context.Context, repoID, workflowID int64, since time.Time) ([][]string, error) {
	list, err := db.All(ctx, q.ex, func(r db.Row) (labels []string, err error) {
		return labels, r.Scan(db.JSON(&labels))
	}, `select labels from label_sets where id in (
		select j.label_set_id from (
			select id from runs where repo_id = $1 and workflow_id = $2 and created_at >= $3 order by created_at desc, id desc limit $4) r
		join jobs j on j.run_id = r.id where j.started_at <> 0) order by id`, repoID, workflowID, db.Micros(since), maxUsageRuns)
	if err != nil {
		return nil, fmt.Errorf("labels of workflow %d: %w", workflowID, err)
	}
	return list, nil
}
