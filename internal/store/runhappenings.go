package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// NoteRun records that a run has got on to what action says, an event workflow_run, if
// some workflow of its repository may be started by that and the run stands behind fewer
// than most others.
func (tx *Tx) NoteRun(ctx context.Context, runID, repoID int64, action string, attempt, most int, now time.Time) error {
	h := actions.Happening{Name: "workflow_run", Action: action, RunID: runID, Attempt: attempt}
	n, err := db.Exec(ctx, tx.ex, `insert into pushes (repo_id, actor_id, silent, updates, settled, event, created_at)
		select r.repo_id, r.triggering_id, 0, '[]', 1, cast($2 as text), cast($3 as bigint) from runs r where r.id = $1 and r.chain < $4
		and exists (select 1 from workflows w where w.repo_id = r.repo_id and w.state = 'active' and (w.events = '' or w.events like '% workflow_run %'))`,
		runID, db.Text(h), db.Micros(now), most)
	if err != nil {
		return fmt.Errorf("%s of run %d: %w", action, runID, err)
	}
	if n > 0 {
		tx.Publish(HappeningTopic(repoID))
	}
	return nil
}
