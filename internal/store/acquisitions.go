package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// An Acquisition is a job that a runner asks for, and what decides whether it gets it.
type Acquisition struct {
	Job        *actions.Job
	RunStatus  actions.Status
	Held       int64 // the job in progress that the runner has, 0 for none
	Registered bool  // the runner still is
	Suspended  bool  // the account is that began the attempt
	GroupID    int64 // the group that the runner is in
	Work       actions.Work
}

var acquisitionColumns = prefixed("j", jobColumns) + `, (select r.status from runs r where r.id = j.run_id),
	coalesce((select h.id from jobs h where h.runner_id = $2 and h.status = 'in_progress' order by h.id limit 1), 0),
	(select count(*) from runners where id = $2), coalesce((select group_id from runners where id = $2), 0),
	(select a.suspended from runs r join accounts a on a.id = r.triggering_id where r.id = j.run_id), ` + strings.ReplaceAll(workColumns, "jobs.", "j.")

// Acquisition reads the job with the GUID for the runner. NotFound means that there is no
// such job.
func (q queries) Acquisition(ctx context.Context, guid string, runnerID int64) (*Acquisition, error) {
	a, err := db.One(ctx, q.ex, scanAcquisition, `select `+acquisitionColumns+` from jobs j where j.guid = $1`, guid, runnerID)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", guid, err)
	}
	return a, nil
}

func scanAcquisition(r db.Row) (*Acquisition, error) {
	a := &Acquisition{Job: new(actions.Job)}
	err := r.Scan(append(jobFields(a.Job), &a.RunStatus, &a.Held, &a.Registered, &a.GroupID, db.Bool(&a.Suspended),
		db.Bool(&a.Work.Public), &a.Work.Repo, &a.Work.Path, &a.Work.Ref, &a.Work.SHA)...)
	a.Work.RepoID, a.Work.OwnerID = a.Job.RepoID, a.Job.OwnerID
	return a, err
}
