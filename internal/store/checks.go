package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A CheckRun is a job as its commit shows it.
type CheckRun struct {
	Job         *actions.Job
	HeadSHA     string
	Workflow    string // name
	Event       string // of the run
	Annotations int
}

// A CheckFilter narrows a list of check runs. Zero fields do not.
type CheckFilter struct {
	RepoID   int64
	JobID    int64
	RunID    int64  // also the check suite's
	HeadSHA  string // full
	Name     string
	Status   actions.Status
	Attempts bool // of all attempts, not only the current one
}

var checkList = db.List[*CheckRun]{
	Table: `jobs j join runs r on r.id = j.run_id`, ID: `j.id`,
	Columns: prefixed("j", jobColumns) + `, r.head_sha, r.name, r.event, (select count(*) from annotations a where a.job_id = j.id)`,
	Scan: func(row db.Row) (*CheckRun, error) {
		c := &CheckRun{Job: new(actions.Job)}
		return c, row.Scan(append(jobFields(c.Job), &c.HeadSHA, &c.Workflow, &c.Event, &c.Annotations)...)
	},
}.Order(`j.id desc`)

// CheckRuns lists a page of check runs, newest first, and how many there are.
// What a workflow file that cannot be read was told is among them.
func (q queries) CheckRuns(ctx context.Context, f CheckFilter, p Page) ([]*CheckRun, int, error) {
	l := checkList.Where(`j.repo_id = ? and r.repo_id = ?`, f.RepoID, f.RepoID).Narrow(`j.id = ?`, f.JobID).Narrow(`j.run_id = ?`, f.RunID).
		Narrow(`r.head_sha = ?`, f.HeadSHA).Narrow(`j.name = ?`, f.Name).Narrow(`j.status = ?`, f.Status)
	if !f.Attempts && f.JobID == 0 {
		l = l.Where(`j.attempt = r.attempt`)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("check runs of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}
