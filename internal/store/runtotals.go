package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// How many runs a repository has, by workflow and by conclusion, is kept with the
// runs, so that their list need not count them. Runs that end at the same time
// would wait for one row, so a total is spread over some, by the run's id.

const totalSlots = 8

// runTotal sums up what a RunFilter that is counted asks for.
const runTotal = `select cast(coalesce(sum(total), 0) as bigint) from run_totals where repo_id = $1 and (workflow_id = $2 or $2 = 0)
	and (conclusion = $3 or $3 = '' or ($3 = 'completed' and conclusion <> ''))`

// counted tells whether run_totals knows how many runs the filter leaves. Runs
// that are not completed are few; what else narrows a list has an index to count in.
func (f RunFilter) counted() bool {
	if isStatus(f.Status) && f.Status != string(actions.Completed) {
		return false
	}
	return f == RunFilter{RepoID: f.RepoID, WorkflowID: f.WorkflowID, Status: f.Status}
}

const (
	addTotal = `insert into run_totals (repo_id, workflow_id, conclusion, slot, total) `
	ofRun    = ` from runs where id = $1 `
	onTotal  = ` on conflict (repo_id, workflow_id, conclusion, slot) do update set total = run_totals.total + excluded.total`
)

var runSlot = `id % ` + strconv.Itoa(totalSlots)

// countRun adds n to the total that a run is part of.
func (tx *Tx) countRun(ctx context.Context, id, n int64) error {
	_, err := db.Exec(ctx, tx.ex, addTotal+`select repo_id, workflow_id, conclusion, `+runSlot+`, cast($2 as bigint)`+ofRun+onTotal, id, n)
	if err != nil {
		return fmt.Errorf("total of run %d: %w", id, err)
	}
	return nil
}

// recountRun moves a run from one total to another, if its conclusion changes.
func (tx *Tx) recountRun(ctx context.Context, r *actions.Run) error {
	const changes = ofRun + `and conclusion <> $2`
	_, err := db.Exec(ctx, tx.ex, addTotal+`select repo_id, workflow_id, conclusion, `+runSlot+`, -1`+changes+
		` union all select repo_id, workflow_id, $2, `+runSlot+`, 1`+changes+onTotal, r.ID, r.Conclusion)
	if err != nil {
		return fmt.Errorf("total of run %d: %w", r.ID, err)
	}
	return nil
}
