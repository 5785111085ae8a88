package actions

import "time"

// A Schedule is a cron line of a workflow on the default branch.
type Schedule struct {
	ID       int64
	RepoID   int64
	Path     string // workflow file
	Cron     string
	Timezone string    // IANA name; empty for UTC
	ActorID  int64     // who has written the line
	DueAt    time.Time // next; zero for never
}

// Same says whether two are the same line.
func (s *Schedule) Same(o *Schedule) bool {
	return s.Path == o.Path && s.Cron == o.Cron && s.Timezone == o.Timezone
}

// ScheduleFloor is the least time between two runs of a schedule (TRG-11).
const ScheduleFloor = 5 * time.Minute

// IsIdle says whether schedules of the repository have run for so long without anybody
// pushing that they stop (TRG-11); 0 for never. Those of private repositories go on.
func (r *Repository) IsIdle(after time.Duration, now time.Time) bool {
	last := r.PushedAt
	if last.IsZero() {
		last = r.CreatedAt
	}
	return after > 0 && !r.Private && now.Sub(last) > after
}
