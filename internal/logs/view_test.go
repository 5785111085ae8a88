package logs_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// nextView is the next event about the live view.
func nextView(t *testing.T, events <-chan logs.Event) logs.View {
	t.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if e.View != "" {
				return e.View
			}
		case <-late:
			t.Fatal("nothing came")
		}
	}
}

// viewed are logs with the clock.
func viewed(t *testing.T, now func() time.Time) *logstest.Fixture {
	t.Helper()
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	f.Logs = logs.New(logs.Config{Store: f.Store, Blobs: f.Blobs, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: now})
	return f
}

// stopped is a clock that only a test moves.
func stopped() (now func() time.Time, pass func(time.Duration)) {
	var at atomic.Int64
	began := time.Now()
	return func() time.Time { return began.Add(time.Duration(at.Load())) }, func(d time.Duration) { at.Add(int64(d)) }
}

func TestTheLiveViewIsGoneWhileTheRunnerHasNoConnection(t *testing.T) {
	now, pass := stopped()
	f := viewed(t, now)
	j := f.Job("build")
	if f.Logs.ViewGone(j) {
		t.Error("gone, though the job has just begun")
	}
	pass(time.Hour)
	if !f.Logs.ViewGone(j) {
		t.Error("not gone, though the runner never connected")
	}
	events := f.Logs.Follow(t.Context(), j)
	if v := nextView(t, events); v != logs.ViewGone {
		t.Errorf("view is %s, want that it is gone", v)
	}
	closed := f.Logs.Connected(j.ID)
	if v := nextView(t, events); v != logs.ViewBack {
		t.Errorf("view is %s, want that it is back", v)
	}
	pass(time.Hour)
	if f.Logs.ViewGone(j) {
		t.Error("gone, though the runner is connected")
	}
	closed()
	if f.Logs.ViewGone(j) {
		t.Error("gone, though the runner may connect again at once")
	}
	pass(11 * time.Second)
	f.Logs.Publish(j.ID, f.Step(j, 1, "Run").GUID, 1, []string{"a"}) // makes the follower look at its clock
	if v := nextView(t, events); v != logs.ViewGone {
		t.Errorf("view is %s, want that it is gone", v)
	}
	f.Complete(j, time.Now())
	if f.Logs.ViewGone(j) {
		t.Error("gone, though the job is over")
	}
}

// No follower asks: it hears of it when the time has come.
func TestAFollowerHearsWhenTheLiveViewIsGoneWithoutAnythingElseHappening(t *testing.T) {
	var ahead atomic.Int64
	f := viewed(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	j := f.Job("build")
	f.Logs.Connected(j.ID)()
	ahead.Add(int64(10*time.Second - 50*time.Millisecond))
	events := f.Logs.Follow(t.Context(), j)
	for nextView(t, events) != logs.ViewGone { // it is told first that there is one, unless that took long
	}
}

// A server that has started again knows nothing of connections: runners get their time.
func TestAfterAStartRunnersHaveTimeToConnect(t *testing.T) {
	now, pass := stopped()
	f := viewed(t, now)
	j := f.Job("build")
	j.StartedAt = j.StartedAt.Add(-time.Hour)
	if f.Logs.ViewGone(j) {
		t.Error("gone, though the server has just started")
	}
	queued := *j
	queued.Status = actions.Queued
	if pass(time.Hour); f.Logs.ViewGone(&queued) {
		t.Error("gone, though no runner has the job")
	}
}

func TestAFollowerAtAnotherServerKnowsOfTheConnection(t *testing.T) {
	eachPair(t, func(t *testing.T, p *pair) {
		j := p.Job("build")
		p.Logs.Connected(j.ID)
		p.ahead.Add(int64(30 * time.Second))
		events := p.follow(t.Context(), j)
		p.await("the second server has heard of the connection", func() bool { return p.there.HeldElsewhere(j.ID) })
		p.ahead.Add(int64(30 * time.Second)) // longer than a runner has to connect
		if p.there.ViewGone(j) {
			t.Error("gone at the second server, though the first has the connection")
		}
		p.ahead.Add(int64(time.Minute)) // the first server is not heard any more
		p.Logs.Publish(j.ID, p.Step(j, 1, "Run").GUID, 1, []string{"a"})
		for nextView(t, events) != logs.ViewGone { // it was told first that there is one
		}
	})
}
