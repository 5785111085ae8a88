package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Claim is a job that a runner asks for, and what decides whether it gets it.
type Claim struct {
	Job        *actions.Job
	RunStatus  actions.Status
	Held       int64 // the job in progress that the runner has, 0 for none
	Registered bool  // the runner still is
}

var claimColumns = prefixed("j", jobColumns) + `, (select r.status from runs r where r.id = j.run_id),
	coalesce((select h.id from jobs h where h.runner_id = $2 and h.status = 'in_progress' order by h.id limit 1), 0),
	(select count(*) from runners where id = $2)`

// Claim reads the job with the GUID for the runner. NotFound means that there is no
// such job.
func (q queries) Claim(ctx context.Context, guid string, runnerID int64) (*Claim, error) {
	c, err := db.One(ctx, q.ex, scanClaim, `select `+claimColumns+` from jobs j where j.guid = $1`, guid, runnerID)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", guid, err)
	}
	return c, nil
}

func scanClaim(r db.Row) (*Claim, error) {
	c := &Claim{Job: new(actions.Job)}
	return c, r.Scan(append(jobFields(c.Job), &c.RunStatus, &c.Held, &c.Registered)...)
}
