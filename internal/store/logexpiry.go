package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// An UndatedLog is an attempt of which nobody has decided when its logs expire.
type UndatedLog struct {
	RunID, RepoID int64
	Number        int
	StartedAt     time.Time
}

// UndatedLogs lists some of those attempts, which older servers have made.
func (q queries) UndatedLogs(ctx context.Context, limit int) ([]*UndatedLog, error) {
	scan := func(r db.Row) (*UndatedLog, error) {
		u := new(UndatedLog)
		return u, r.Scan(&u.RunID, &u.Number, &u.RepoID, db.Time(&u.StartedAt))
	}
	return db.All(ctx, q.ex, scan, `select a.run_id, a.number, r.repo_id, a.started_at from attempts a join runs r on r.id = a.run_id
		where a.logs_expire_at <> 0 and a.logs_expire_at = -1 limit $1`, limit)
}

// DateLogs says when the logs of an attempt expire.
func (tx *Tx) DateLogs(ctx context.Context, runID int64, number int, at time.Time) error {
	_, err := db.Exec(ctx, tx.ex, `update attempts set logs_expire_at = $3 where run_id = $1 and number = $2`, runID, number, db.Micros(at))
	return err
}

// ExpiredLogs lists some attempts, the run and the number of each, whose logs' time is
// over, and that were over themselves at a moment in the past.
func (q queries) ExpiredLogs(ctx context.Context, now, over time.Time, limit int) ([]actions.Attempt, error) {
	scan := func(r db.Row) (a actions.Attempt, err error) {
		err = r.Scan(&a.RunID, &a.Number)
		return a, err
	}
	return db.All(ctx, q.ex, scan, `select run_id, number from attempts
		where logs_expire_at <> 0 and logs_expire_at > 0 and logs_expire_at <= $1 and status = 'completed' and completed_at <= $2
		order by logs_expire_at limit $3`, db.Micros(now), db.Micros(over), limit)
}

// ExpireLogs deletes the logs of some [queries.ExpiredLogs], and says of how many. Their
// blobs become dead.
func (tx *Tx) ExpireLogs(ctx context.Context, now, over time.Time, limit int) (int, error) {
	list, err := tx.ExpiredLogs(ctx, now, over, limit)
	if err != nil {
		return 0, err
	}
	const theirs = ` where job_id in (select id from jobs where run_id = $1 and attempt = $2)`
	for _, a := range list {
		_, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select distinct blob, cast($3 as bigint) from log_parts`+theirs+` on conflict do nothing`, a.RunID, a.Number, db.Micros(now))
		if err == nil {
			_, err = db.Exec(ctx, tx.ex, `delete from log_parts`+theirs, a.RunID, a.Number)
		}
		if err == nil {
			err = tx.DateLogs(ctx, a.RunID, a.Number, time.Time{})
		}
		if err != nil {
			return 0, fmt.Errorf("logs of attempt %d of run %d: %w", a.Number, a.RunID, err)
		}
		tx.Publish(RunTopic(a.RunID))
	}
	return len(list), nil
}
