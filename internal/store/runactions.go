package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// maxRunActions is how many actions of an attempt are written down. A job may name as
// many as there are.
const maxRunActions = 2000

const runActionColumns = `run_id, attempt, name, ref, sha, origin, host, kept_at, asked_at`

func scanLocked(r db.Row) (*actions.LockedAction, error) {
	l := new(actions.LockedAction)
	return l, r.Scan(&l.RunID, &l.Attempt, &l.Name, &l.Ref, &l.SHA, &l.Origin, &l.Host, db.Time(&l.KeptAt), db.Time(&l.AskedAt))
}

// LockActions writes down what the actions of an attempt of a run stand for.
func (tx *Tx) LockActions(ctx context.Context, runID int64, attempt int, list []*actions.LockedAction) error {
	n, err := db.One(ctx, tx.ex, db.Value[int64], `select count(*) from run_actions where run_id = $1 and attempt = $2`, runID, attempt)
	if err != nil {
		return fmt.Errorf("actions of run %d: %w", runID, err)
	}
	for _, l := range list[:min(len(list), max(0, maxRunActions-int(n)))] {
		_, err := db.Exec(ctx, tx.ex, `insert into run_actions (`+runActionColumns+`, name_key) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			on conflict (run_id, attempt, name_key, ref, sha) do update set origin = excluded.origin, host = excluded.host,
			kept_at = excluded.kept_at, asked_at = excluded.asked_at`,
			runID, attempt, l.Name, l.Ref, l.SHA, l.Origin, l.Host, db.Micros(l.KeptAt), db.Micros(l.AskedAt), strings.ToLower(l.Name))
		if err != nil {
			return fmt.Errorf("actions of run %d: %w", runID, err)
		}
	}
	tx.Publish(RunTopic(runID))
	return nil
}

// LockedActions lists what the actions of an attempt stood for, by name, and how many
// there are.
func (q queries) LockedActions(ctx context.Context, runID int64, attempt int, page Page) ([]*actions.LockedAction, int, error) {
	total, err := db.One(ctx, q.ex, db.Value[int64], `select count(*) from run_actions where run_id = $1 and attempt = $2`, runID, attempt)
	if err != nil || total == 0 {
		return nil, 0, err
	}
	list, err := db.All(ctx, q.ex, scanLocked, `select `+runActionColumns+` from run_actions where run_id = $1 and attempt = $2
		order by name_key, ref, sha limit $3 offset $4`, runID, attempt, page.Size, page.Offset())
	return list, int(total), err
}
