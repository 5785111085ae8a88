package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const scheduleColumns = `id, repo_id, path, cron, timezone, actor_id, due_at`

func scanSchedule(r db.Row) (*actions.Schedule, error) {
	s := new(actions.Schedule)
	return s, r.Scan(&s.ID, &s.RepoID, &s.Path, &s.Cron, &s.Timezone, &s.ActorID, db.Time(&s.DueAt))
}

// Schedules lists those of a repository.
func (q queries) Schedules(ctx context.Context, repoID int64) ([]*actions.Schedule, error) {
	return db.All(ctx, q.ex, scanSchedule, `select `+scheduleColumns+` from schedules where repo_id = $1 order by id`, repoID)
}

// CreateSchedule adds a schedule, unless there is one like it.
func (tx *Tx) CreateSchedule(ctx context.Context, s *actions.Schedule) error {
	tx.Publish(SchedulesTopic())
	_, err := db.Exec(ctx, tx.ex, `insert into schedules (repo_id, path, cron, timezone, actor_id, due_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (repo_id, path, cron, timezone) do nothing`, s.RepoID, s.Path, s.Cron, s.Timezone, s.ActorID, db.Micros(s.DueAt))
	if err != nil {
		return fmt.Errorf("schedule of %s in repository %d: %w", s.Path, s.RepoID, err)
	}
	return nil
}

// DeleteSchedule removes a schedule.
func (tx *Tx) DeleteSchedule(ctx context.Context, id int64) error {
	_, err := db.Exec(ctx, tx.ex, `delete from schedules where id = $1`, id)
	return err
}

// DueSchedules lists schedules that are due by now, those first that have waited longest.
func (q queries) DueSchedules(ctx context.Context, now time.Time, most int) ([]*actions.Schedule, error) {
	return db.All(ctx, q.ex, scanSchedule, `select `+scheduleColumns+` from schedules where due_at > 0 and due_at <= $1 order by due_at, id limit $2`, db.Micros(now), most)
}

// NextSchedule is when the next schedule is due; zero for never.
func (q queries) NextSchedule(ctx context.Context) (time.Time, error) {
	var next time.Time
	scan := func(r db.Row) (time.Time, error) { return next, r.Scan(db.Time(&next)) }
	_, err := db.One(ctx, q.ex, scan, `select cast(coalesce(min(due_at), 0) as bigint) from schedules where due_at > 0`)
	return next, err
}

// AdvanceSchedule takes a schedule that is due, and says when it is due next: of several
// servers one does.
func (tx *Tx) AdvanceSchedule(ctx context.Context, s *actions.Schedule, next time.Time) (bool, error) {
	n, err := db.Exec(ctx, tx.ex, `update schedules set due_at = $3 where id = $1 and due_at = $2`, s.ID, db.Micros(s.DueAt), db.Micros(next))
	if err != nil {
		return false, fmt.Errorf("schedule %d: %w", s.ID, err)
	}
	return n > 0, nil
}
