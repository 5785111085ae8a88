package trigger_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// scheduledAt is a workflow with cron lines.
func scheduledAt(lines ...string) string {
	return "name: Cron\non: {schedule: [{cron: '" + strings.Join(lines, "'}, {cron: '") + "'}]}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
}

// at0 is when the clocks of these tests begin.
var at0 = time.Date(2026, 11, 30, 18, 0, 0, 0, time.UTC)

// clocked is a bench whose servers have a clock that the test moves.
func clocked(t *testing.T, st *store.Store) (*bench, func(time.Duration)) {
	t.Helper()
	b := newBench(t, st)
	var now atomic.Int64
	b.now = func() time.Time { return at0.Add(time.Duration(now.Load())) }
	b.Trigger = b.serve()
	return b, func(to time.Duration) { now.Store(int64(to)) }
}

// tick does what the loops of some servers do when something may be due.
func (b *bench) tick(servers ...*trigger.Trigger) {
	b.t.Helper()
	for _, s := range servers {
		for {
			more, err := s.StartDue(b.t.Context(), base)
			b.must(err)
			if !more {
				break
			}
		}
	}
	for _, s := range servers {
		b.must(s.Reconcile(b.t.Context(), base))
	}
}

func (b *bench) wantRuns(n int, when string) {
	b.t.Helper()
	if got := b.runs(); len(got) != n {
		b.t.Fatalf("%s: %d runs, want %d: %q", when, len(got), n, got)
	}
}

func TestAScheduleStartsRunsOnceAlsoOverARestart(t *testing.T) { // TRG-11
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b, clock := clocked(t, st)
		b.Commit("first", dir+"cron.yml", scheduledAt("*/30 * * * *", "0 0 31 2 *"))
		b.push(false, "refs/heads/other")
		b.tick(b.Trigger)
		b.wantRuns(0, "of another branch")
		b.push(false, "refs/heads/main")
		other := b.serve()
		clock(29 * time.Minute)
		b.tick(b.Trigger, other)
		b.wantRuns(0, "before it is due")
		clock(30 * time.Minute)
		b.tick(b.Trigger, other)
		b.wantRuns(1, "when it is due, at two servers")
		clock(5 * time.Hour) // nobody ran
		again := b.serve()
		b.tick(again, other)
		b.wantRuns(2, "late, once")
		clock(5*time.Hour + 30*time.Minute)
		b.tick(again)
		b.wantRuns(3, "in time again")
		b.want("Cron schedule refs/heads/main", "Cron schedule refs/heads/main", "Cron schedule refs/heads/main")
		b.Commit("second", dir+"cron.yml", scheduledAt("0 0 * * *"))
		b.push(false, "refs/heads/main")
		clock(5*time.Hour + 59*time.Minute)
		b.tick(again)
		b.wantRuns(3, "after the line was changed")
		clock(24 * time.Hour)
		b.tick(again)
		b.wantRuns(4, "by the new line")
		list, err := st.Schedules(t.Context(), b.repo.ID)
		if err != nil || len(list) != 1 || list[0].ActorID != b.owner.ID {
			t.Errorf("schedules %+v, %v", list, err)
		}
	})
}

func TestSchedulesAreThoseOfTheBranchThatBecomesTheDefaultOne(t *testing.T) { // TRG-11
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b, clock := clocked(t, st)
		repositories := repository.New(st, b.git, slog.New(slog.NewTextHandler(t.Output(), nil)), b.now)
		become := func(branch string) {
			t.Helper()
			_, err := repositories.Update(t.Context(), b.repo.ID, repository.Change{DefaultBranch: &branch})
			b.must(err)
			b.tick(b.Trigger, b.serve())
		}
		b.Commit("first", dir+"cron.yml", scheduledAt("0 * * * *"), dir+"old.yml", scheduledAt("10 * * * *"))
		b.push(false, "refs/heads/main")
		b.Git("rm", "-q", dir+"old.yml")
		b.Commit("second", dir+"cron.yml", scheduledAt("30 * * * *"))
		b.push(false, "refs/heads/next")
		become("next")
		state := func(want actions.WorkflowState) {
			t.Helper()
			w, err := st.WorkflowByPath(t.Context(), b.repo.ID, dir+"old.yml")
			if err != nil || w.State != want {
				t.Errorf("the workflow that only main has is %+v, %v; want %s", w, err, want)
			}
		}
		state(actions.Deleted)
		clock(29 * time.Minute)
		b.tick(b.Trigger)
		b.wantRuns(0, "by the lines of the branch before")
		clock(30 * time.Minute)
		b.tick(b.Trigger)
		clock(89 * time.Minute)
		b.tick(b.Trigger)
		b.want("Cron schedule refs/heads/next")
		become("main")
		state(actions.Active)
		clock(110 * time.Minute)
		b.tick(b.Trigger)
		b.wantRuns(1, "by lines that are not there any more")
		clock(130 * time.Minute)
		b.tick(b.Trigger)
		b.want("Cron schedule refs/heads/next", "Cron schedule refs/heads/main", "Cron schedule refs/heads/main")
	})
}

func TestASchedulesRunsAreFiveMinutesApart(t *testing.T) { // TRG-11
	b, clock := clocked(t, storetest.Open(t))
	b.Commit("first", dir+"cron.yml", scheduledAt("* * * * *"))
	b.push(false, "refs/heads/main")
	for m := range 12 {
		clock(time.Duration(m) * time.Minute)
		b.tick(b.Trigger)
	}
	b.wantRuns(3, "at minutes 1, 6 and 11")
}

func TestSchedulesOfDisabledWorkflowsStartNothing(t *testing.T) { // TRG-11
	b, clock := clocked(t, storetest.Open(t))
	b.Commit("first", dir+"cron.yml", scheduledAt("0 * * * *"))
	b.push(false, "refs/heads/main")
	w, err := b.st.WorkflowByPath(t.Context(), b.repo.ID, dir+"cron.yml")
	b.must(err)
	b.must(b.SetWorkflowState(t.Context(), b.repo.ID, w.ID, actions.DisabledManually))
	clock(time.Hour)
	b.tick(b.Trigger)
	b.wantRuns(0, "disabled")
	b.must(b.SetWorkflowState(t.Context(), b.repo.ID, w.ID, actions.Active))
	clock(2 * time.Hour)
	b.tick(b.Trigger)
	b.wantRuns(1, "enabled again")
}

func TestSchedulesOfPublicRepositoriesStopWhenNobodyPushes(t *testing.T) { // TRG-11
	b, clock := clocked(t, storetest.Open(t))
	b.idleAfter = 60 * 24 * time.Hour
	b.Trigger = b.serve()
	b.Commit("first", dir+"cron.yml", scheduledAt("0 0 * * *"))
	b.push(false, "refs/heads/main")
	clock(59 * 24 * time.Hour)
	b.tick(b.Trigger)
	b.wantRuns(1, "after 59 days")
	clock(62 * 24 * time.Hour)
	b.tick(b.Trigger)
	b.wantRuns(1, "after 62 days")
	w, err := b.st.WorkflowByPath(t.Context(), b.repo.ID, dir+"cron.yml")
	if err != nil || w.State != actions.DisabledInactivity {
		t.Errorf("the workflow is %+v, %v", w, err)
	}
}

func TestTenThousandCronLinesAreBounded(t *testing.T) {
	b, _ := clocked(t, storetest.Open(t))
	var lines []string
	for i := range 10_000 {
		lines = append(lines, fmt.Sprintf("%d %d %d * *", i%60, i/60%24, 1+i/1440))
	}
	b.Commit("first", dir+"cron.yml", scheduledAt(lines...))
	b.push(false, "refs/heads/main")
	if list, err := b.st.Schedules(t.Context(), b.repo.ID); err != nil || len(list) != 1000 {
		t.Errorf("%d schedules, %v; want 1000", len(list), err)
	}
}

// The loops of a server start what is due, and hear of new lines while they sleep.
func TestAServerStartsWhatIsDue(t *testing.T) {
	b, clock := clocked(t, storetest.Open(t))
	b.Commit("first", dir+"cron.yml", scheduledAt("30 * * * *"))
	b.push(false, "refs/heads/main")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- b.Trigger.Run(ctx, base) }()
	go func() { done <- b.RunSchedules(ctx, base) }()
	heard := b.st.Subscribe(store.RepoTopic(b.repo.ID))
	defer heard.Close()
	clock(time.Hour)
	b.Commit("second", dir+"other.yml", scheduledAt("0 0 1 1 *")) // which wakes the loop
	b.push(false, "refs/heads/main")
	for len(b.runs()) == 0 {
		select {
		case <-heard.C():
		case <-time.After(time.Minute):
			t.Fatal("no run after a minute")
		}
	}
	stop()
	b.must(<-done)
	b.must(<-done)
}
