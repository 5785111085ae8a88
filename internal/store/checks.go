package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A CheckRun is a check run with the run of a workflow that it is of.
type CheckRun struct {
	*actions.CheckRun
	WorkflowID      int64  // 0 for a check run of a tool, as the rest
	Workflow, Event string // name of the workflow, and what the run is of
}

// A CheckFilter narrows a list of check runs. Zero fields do not.
type CheckFilter struct {
	RepoID   int64
	ID       int64
	SuiteID  int64
	HeadSHA  string // full
	Name     string
	App      int64
	Status   actions.Status
	Tools    bool // of tools only
	Attempts bool // of all attempts, not only the current one, and all of a name
}

var jobCheckList = db.List[*CheckRun]{
	Table: `jobs j join runs r on r.id = j.run_id`, ID: `j.id`,
	Columns: prefixed("j", jobColumns) + `, r.head_sha, r.workflow_id, r.name, r.event, (select count(*) from annotations a where a.job_id = j.id)`,
	Scan: func(row db.Row) (*CheckRun, error) {
		j := new(actions.Job)
		c := &CheckRun{CheckRun: &actions.CheckRun{Job: j}}
		err := row.Scan(append(jobFields(j), &c.HeadSHA, &c.WorkflowID, &c.Workflow, &c.Event, &c.Annotations)...)
		c.ID, c.RepoID, c.SuiteID, c.Name, c.ExternalID, c.Status, c.Conclusion = j.ID, j.RepoID, j.RunID, j.Name, j.GUID, j.Status, j.Conclusion
		c.StartedAt, c.CompletedAt, c.CreatedAt = j.StartedAt, j.CompletedAt, j.CreatedAt
		return c, err
	},
}.Order(`j.id desc`)

// CheckRuns lists a page of check runs, newest first of those that tools report, then of
// jobs, and how many there are. What a workflow file that cannot be read was told is among
// them.
func (q queries) CheckRuns(ctx context.Context, f CheckFilter, p Page) ([]*CheckRun, int, error) {
	tools, total, err := q.toolChecks(ctx, f, p)
	if err != nil || f.Tools || f.SuiteID >= actions.ToolChecks || f.ID >= actions.ToolChecks || f.App != 0 && f.App != actions.ActionsApp {
		return tools, total, err
	}
	jobs, n, err := q.jobChecks(f).Slice(ctx, q.ex, max(p.Offset()-total, 0), p.Size-len(tools))
	if err != nil {
		return nil, 0, fmt.Errorf("check runs of repository %d: %w", f.RepoID, err)
	}
	return append(tools, jobs...), total + n, nil
}

func (q queries) jobChecks(f CheckFilter) db.List[*CheckRun] {
	l := jobCheckList.Where(`j.repo_id = ? and r.repo_id = ?`, f.RepoID, f.RepoID).Narrow(`j.id = ?`, f.ID).Narrow(`j.run_id = ?`, f.SuiteID).
		Narrow(`r.head_sha = ?`, f.HeadSHA).Narrow(`j.name = ?`, f.Name).Narrow(`j.status = ?`, f.Status)
	if !f.Attempts && f.ID == 0 {
		l = l.Where(`j.attempt = r.attempt`)
	}
	return l
}
