package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// How many runs a repository has, by workflow, is kept with the runs, so that their
// list need not count them. Runs that begin at the same time would wait for one row,
// so a total is spread over some, by the run's id. Earlier versions kept a total for
// each conclusion; its column is empty in rows that are written now.

const totalSlots = 8

// runTotal sums up how many runs a repository has, or one of its workflows.
const runTotal = `select cast(coalesce(sum(total), 0) as bigint) from run_totals where repo_id = $1 and (workflow_id = $2 or $2 = 0)`

const (
	addTotal = `insert into run_totals (repo_id, workflow_id, conclusion, slot, total) `
	ofRun    = ` from runs where id = $1 `
	onTotal  = ` on conflict (repo_id, workflow_id, conclusion, slot) do update set total = run_totals.total + excluded.total`
)

var runSlot = `id % ` + strconv.Itoa(totalSlots)

// countRun adds n to the total that a run is part of.
func (tx *Tx) countRun(ctx context.Context, id, n int64) error {
	_, err := db.Exec(ctx, tx.ex, addTotal+`select repo_id, workflow_id, '', `+runSlot+`, cast($2 as bigint)`+ofRun+onTotal, id, n)
	if err != nil {
		return fmt.Errorf("total of run %d: %w", id, err)
	}
	return nil
}
