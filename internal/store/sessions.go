package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const sessionColumns = `id, runner_id, owner_name, created_at, polled_at, idle_since`

func scanSession(r db.Row) (*actions.Session, error) {
	s := new(actions.Session)
	return s, r.Scan(&s.ID, &s.RunnerID, &s.Owner, db.Time(&s.CreatedAt), db.Time(&s.PolledAt), db.Time(&s.IdleSince))
}

// SaveSession makes s the one session of its runner.
func (q queries) SaveSession(ctx context.Context, s *actions.Session) error {
	if _, err := db.Exec(ctx, q.ex, `delete from sessions where runner_id = $1 or id = $2`, s.RunnerID, s.ID); err != nil {
		return err
	}
	return q.exec(ctx, RunnerTopic(s.RunnerID), `insert into sessions (`+sessionColumns+`) values ($1, $2, $3, $4, $5, $6)`,
		s.ID, s.RunnerID, s.Owner, db.Micros(s.CreatedAt), db.Micros(s.PolledAt), db.Micros(s.IdleSince))
}

// RunnerSession returns the session of a runner.
func (q queries) RunnerSession(ctx context.Context, runnerID int64) (*actions.Session, error) {
	s, err := db.One(ctx, q.ex, scanSession, `select `+sessionColumns+` from sessions where runner_id = $1`, runnerID)
	if err != nil {
		return nil, fmt.Errorf("session of runner %d: %w", runnerID, err)
	}
	return s, nil
}

// TouchSession notes a poll. It need not be durable.
func (q queries) TouchSession(ctx context.Context, id string, now time.Time) error {
	_, err := db.Exec(ctx, q.ex, `update sessions set polled_at = $2 where id = $1`, id, db.Micros(now))
	return err
}

// SetIdle notes since when the runner says that it is idle while it holds a job;
// the zero time, that it does not. It need not be durable.
func (q queries) SetIdle(ctx context.Context, runnerID int64, since time.Time) error {
	return q.exec(ctx, RunnerTopic(runnerID), `update sessions set idle_since = $2 where runner_id = $1`, runnerID, db.Micros(since))
}

// DeleteSession ends the session of a runner, if it has one.
func (q queries) DeleteSession(ctx context.Context, runnerID int64) error {
	return q.exec(ctx, RunnerTopic(runnerID), `delete from sessions where runner_id = $1`, runnerID)
}
