package logs

import (
	"context"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// An Event is lines of a step, without time stamps, for people who watch; or it says
// what has become of the live view, and nothing else.
type Event struct {
	Step  string   // GUID
	Line  int64    // number of the first line within the step, from 1
	Lines []string // UTF-8, one line each; not to be changed
	Lost  bool     // lines before these, which the follower has not got, were left out
	View  View     // empty for lines
}

// Follow streams what a job prints: the last lines of what is stored of each
// step, what is in memory, and then what comes, at once. When the job is over it
// sends the last stored lines that nobody has shown live, and the stream ends, as
// it does when ctx is done. What a job prints to another server comes a short time
// later. A reader that is slow gets a gap, and [Event].Lost says so. One whose job has lost
// its runner's connection for live lines gets what is stored meanwhile, and [Event].View says so.
func (l *Logs) Follow(ctx context.Context, job *actions.Job) <-chan Event {
	f := &follower{logs: l, job: job, seen: map[string]int64{}, events: make(chan Event)}
	wake := make(chan struct{}, 1)
	live, leave := l.hub.join(job.ID, wake) // before the store is read, so that nothing falls in between
	changed := l.store.Subscribe(store.RunTopic(job.RunID), store.LinesTopic(job.ID))
	f.live = live
	if job.Status != actions.Completed {
		l.store.Announce(store.WatchedTopic(job.ID))
	}
	go func() {
		defer close(f.events)
		defer leave()
		defer changed.Close()
		f.stored(ctx, time.Time{})
		f.run(ctx, wake, changed)
		f.stored(ctx, never)
	}()
	return f.events
}

type follower struct {
	logs   *Logs
	job    *actions.Job
	live   *live
	next   uint64           // sequence number of the chunk to read
	seen   map[string]int64 // by step: the last line sent
	events chan Event
	gone   bool // it was told that the live view is gone

	toldView bool // it was told whether that is so
}

func (f *follower) run(ctx context.Context, wake <-chan struct{}, changed *store.Subscription) {
	over := f.over(ctx)
	for {
		ended, ok := f.drain(ctx)
		if ended || over || !ok {
			return
		}
		again, ok := f.view(ctx)
		if !ok {
			return
		}
		select {
		case <-wake:
		case <-again:
		case <-changed.C():
			if topics, all := changed.Take(); all || slices.Contains(topics, store.LinesTopic(f.job.ID)) {
				f.stored(ctx, time.Time{})
			}
			over = f.over(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// over tells whether the job has ended, also when its runner never said so.
func (f *follower) over(ctx context.Context) bool {
	job, err := f.logs.store.Job(ctx, f.job.ID)
	if actions.KindOf(err) == actions.NotFound {
		return true
	}
	if err != nil {
		if ctx.Err() == nil {
			f.logs.log.WarnContext(ctx, "job of a follower not read", "job", f.job.ID, "err", err)
		}
		return false
	}
	f.job = job
	return job.Status == actions.Completed
}

// drain sends what is new. ok is false when ctx is done.
func (f *follower) drain(ctx context.Context) (ended, ok bool) {
	for {
		news, next, ended := f.logs.hub.since(f.live, f.next)
		f.next = next
		if len(news) == 0 {
			return ended, true
		}
		for _, c := range news {
			if !f.send(ctx, Event{Step: c.step, Line: c.line, Lines: c.lines}) {
				return ended, false
			}
		}
	}
}

// stored sends the last lines of what is stored of each step. What was over by due, and has
// no log, gets none any more.
func (f *follower) stored(ctx context.Context, due time.Time) {
	log, err := f.logs.find(ctx, f.job, due)
	if err == nil {
		for _, s := range log.shown() {
			if linesOf(s.spans) <= f.seen[s.step] {
				continue
			}
			var e Event
			if e, err = f.logs.tail(ctx, s); err != nil || !f.send(ctx, e) {
				break
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		f.logs.log.WarnContext(ctx, "stored lines not shown", "job", f.job.ID, "err", err)
	}
}

// send sends the lines of e that were not sent yet. It is false when ctx is done.
func (f *follower) send(ctx context.Context, e Event) bool {
	seen := f.seen[e.Step]
	if known := seen + 1 - e.Line; known > 0 {
		if known >= int64(len(e.Lines)) {
			return true
		}
		e.Lines, e.Line = e.Lines[known:], e.Line+known
	}
	if len(e.Lines) == 0 {
		return true
	}
	e.Lost = e.Line > seen+1
	f.seen[e.Step] = e.Line + int64(len(e.Lines)) - 1
	select {
	case f.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
