package trigger

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cron"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxSchedules = 1000 // of a repository
	dueAtOnce    = 100  // that are read at a time
	longestSleep = time.Hour
)

// scheduled are the cron lines of workflow files, as far as a repository may have them.
func scheduled(p *actions.Push, files []*file) []*actions.Schedule {
	var list []*actions.Schedule
	for _, f := range files {
		if f.workflow == nil {
			continue
		}
		on := f.workflow.On.Event("schedule")
		if on == nil {
			continue
		}
		for _, line := range on.Schedules {
			s := &actions.Schedule{RepoID: p.RepoID, Path: f.path, Cron: line.Cron, Timezone: line.Timezone, ActorID: p.ActorID}
			if len(list) < maxSchedules {
				list = append(list, s)
			}
		}
	}
	return list
}

// misses are those of list that others lacks.
func misses(list, others []*actions.Schedule) []*actions.Schedule {
	return slices.DeleteFunc(slices.Clone(list), func(s *actions.Schedule) bool { return slices.ContainsFunc(others, s.Same) })
}

// reschedule makes the schedules of a repository those of the files of its default
// branch. A line that was there stays due when it was, and whoever wrote it is its actor.
func (t *Trigger) reschedule(ctx context.Context, tx *store.Tx, repoID int64, wanted []*actions.Schedule) error {
	known, err := tx.Schedules(ctx, repoID)
	if err != nil {
		return err
	}
	for _, s := range misses(known, wanted) {
		if err := tx.DeleteSchedule(ctx, s.ID); err != nil {
			return err
		}
	}
	for _, s := range misses(wanted, known) {
		s.DueAt = due(s, t.now())
		if err := tx.CreateSchedule(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// due is when a schedule is due next after a time; zero for never.
func due(s *actions.Schedule, after time.Time) time.Time {
	c, err := cron.Parse(s.Cron, s.Timezone)
	if err != nil {
		return time.Time{}
	}
	return c.Next(after)
}

// RunSchedules starts what is due until ctx ends. It sleeps until the next schedule is
// due. One that was due while no server ran starts once, late.
func (t *Trigger) RunSchedules(ctx context.Context, base shape.Base) error {
	changed := t.store.Subscribe(store.SchedulesTopic())
	defer changed.Close()
	for {
		changed.Take()
		sleep := longestSleep
		more, err := t.StartDue(ctx, base)
		var next time.Time
		if err == nil && !more {
			next, err = t.store.NextSchedule(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			t.log.ErrorContext(ctx, "schedules wait", "err", err)
			sleep = longestPause
		case more:
			sleep = 0
		case !next.IsZero():
			sleep = min(sleep, max(next.Sub(t.now()), 0))
		}
		timer := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-woken(changed.C(), err == nil):
		}
		timer.Stop()
	}
}

// StartDue notes an event for each schedule that is due, and says whether there may be
// more. Of several servers one notes it, in the transaction that says when it is due next.
func (t *Trigger) StartDue(ctx context.Context, base shape.Base) (more bool, err error) {
	list, err := t.store.DueSchedules(ctx, t.now(), dueAtOnce)
	if err != nil {
		return false, err
	}
	for _, s := range list { // one that fails is no reason for others to wait
		err = errors.Join(err, t.startDue(ctx, base, s))
	}
	return len(list) == dueAtOnce, err
}

func (t *Trigger) startDue(ctx context.Context, base shape.Base, s *actions.Schedule) error {
	next := due(s, t.now())
	if floor := s.DueAt.Add(actions.ScheduleFloor); !next.IsZero() && next.Before(floor) {
		next = due(s, floor.Add(-time.Nanosecond))
	}
	return t.store.Update(ctx, func(tx *store.Tx) error {
		mine, err := tx.AdvanceSchedule(ctx, s, next)
		if err != nil || !mine {
			return err
		}
		repo, err := tx.Repository(ctx, s.RepoID)
		if err != nil {
			return unlessGone(err)
		}
		w, err := tx.WorkflowByPath(ctx, s.RepoID, s.Path)
		if err != nil || w.State != actions.Active {
			return unlessGone(err)
		}
		if repo.IsIdle(t.idleAfter, t.now()) {
			return t.idle(ctx, tx, repo, w)
		}
		actor, err := tx.Account(ctx, s.ActorID)
		if err != nil {
			return unlessGone(err)
		}
		_, err = t.Happen(ctx, tx, &event.Event{
			Name: "schedule", Repo: repo, Actor: actor, Base: base, Workflow: s.Path, Schedule: &event.Schedule{Cron: s.Cron, Timezone: s.Timezone},
		})
		return err
	})
}

// idle disables a workflow whose repository nobody pushes to any more.
func (t *Trigger) idle(ctx context.Context, tx *store.Tx, repo *actions.Repository, w *actions.Workflow) error {
	w.State, w.UpdatedAt = actions.DisabledInactivity, t.now()
	if err := tx.SaveWorkflow(ctx, w); err != nil {
		return err
	}
	e := actions.AuditEntry{Action: actions.AuditWorkflowDisable}.InRepo(repo).With("workflow_id", strconv.FormatInt(w.ID, 10)).With("path", w.Path)
	return tx.Audit(ctx, e.With("reason", string(w.State)))
}
