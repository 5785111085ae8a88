package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// rememberDeleted remembers that a runner was deleted, for [queries.RunnerDeleted].
func (tx *Tx) rememberDeleted(ctx context.Context, runners ...*actions.Runner) error {
	for _, r := range runners {
		_, err := db.Exec(ctx, tx.ex, `insert into deleted_runners (client_id, expires_at) values ($1, $2) on conflict (client_id) do nothing`,
			r.ClientID, db.Micros(tx.now().Add(r.RememberedFor())))
		if err != nil {
			return fmt.Errorf("deleted runner %d: %w", r.ID, err)
		}
	}
	return nil
}

// RunnerDeleted says whether the runner whose OAuth client is clientID was deleted, as
// long as that is remembered: see [actions.Runner.RememberedFor].
func (q queries) RunnerDeleted(ctx context.Context, clientID string) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int], `select count(*) from deleted_runners where client_id = $1`, clientID)
	if err != nil {
		return false, fmt.Errorf("deleted runner of client %s: %w", clientID, err)
	}
	return n > 0, nil
}

// ForgetDeletedRunners forgets runners whose deletion was remembered long enough, and
// of the others those that are too many.
func (q queries) ForgetDeletedRunners(ctx context.Context, now time.Time) error {
	const tooMany = `coalesce((select expires_at from deleted_runners order by expires_at desc limit 1 offset $2), 0)`
	_, err := db.Exec(ctx, q.ex, `delete from deleted_runners where expires_at <= $1 or expires_at <= `+tooMany, db.Micros(now), actions.MaxDeletedRunners)
	if err != nil {
		return fmt.Errorf("deleted runners: %w", err)
	}
	return nil
}
