package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const attemptColumns = `run_id, number, plan_id, status, conclusion, started_at, completed_at, cancel_at, forced, debug`

var attemptSelect = `select ` + prefixed("a", attemptColumns) + `, ` + prefixed("t", accountColumns) +
	` from attempts a join accounts t on t.id = a.triggering_id`

func scanAttempt(r db.Row) (*actions.Attempt, error) {
	a := new(actions.Attempt)
	fields := []any{
		&a.RunID, &a.Number, &a.PlanID, &a.Status, &a.Conclusion,
		db.Time(&a.StartedAt),
		db.Time(&a.CompletedAt),
		db.Time(&a.CancelAt),
		db.Bool(&a.Forced),
		db.Bool(&a.Debug),
	}
	return a, r.Scan(append(fields, accountFields(&a.Triggering)...)...)
}

// CreateAttempt adds a.
func (q queries) CreateAttempt(ctx context.Context, a *actions.Attempt) error {
	_, err := db.Exec(ctx, q.ex, `insert into attempts
		(run_id, number, plan_id, triggering_id, status, conclusion, started_at, completed_at, cancel_at, forced, debug, logs_expire_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		a.RunID, a.Number, a.PlanID, a.Triggering.ID, a.Status, a.Conclusion,
		db.Micros(a.StartedAt), db.Micros(a.CompletedAt), db.Micros(a.CancelAt), db.Flag(a.Forced), db.Flag(a.Debug), db.Micros(a.LogsExpireAt))
	if err != nil {
		return fmt.Errorf("attempt %d of run %d: %w", a.Number, a.RunID, err)
	}
	return nil
}

// Attempt returns the attempt of a run with the given number.
func (q queries) Attempt(ctx context.Context, runID int64, number int) (*actions.Attempt, error) {
	a, err := db.One(ctx, q.ex, scanAttempt, attemptSelect+` where a.run_id = $1 and a.number = $2`, runID, number)
	if err != nil {
		return nil, fmt.Errorf("attempt %d of run %d: %w", number, runID, err)
	}
	return a, nil
}

// UpdateAttempt saves a's status, conclusion, end and cancellation.
func (q queries) UpdateAttempt(ctx context.Context, a *actions.Attempt) error {
	_, err := db.Exec(ctx, q.ex, `update attempts set status = $3, conclusion = $4, completed_at = $5, cancel_at = $6, forced = $7 where run_id = $1 and number = $2`,
		a.RunID, a.Number, a.Status, a.Conclusion, db.Micros(a.CompletedAt), db.Micros(a.CancelAt), db.Flag(a.Forced))
	if err != nil {
		return fmt.Errorf("attempt %d of run %d: %w", a.Number, a.RunID, err)
	}
	return nil
}
