package logs_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A pair is two servers on one PostgreSQL; runners speak to the first.
type pair struct {
	*logstest.Fixture
	there *logs.Logs
	ahead atomic.Int64 // of the clock
}

func eachPair(t *testing.T, test func(t *testing.T, p *pair)) {
	t.Helper()
	storetest.EachSchema(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			t.Skip("one server has the file to itself")
		}
		p := &pair{}
		open := func(st *store.Store) logs.Config {
			return logs.Config{Store: st, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: func() time.Time {
				return time.Now().Add(time.Duration(p.ahead.Load()))
			}}
		}
		c := open(storetest.OpenURL(t, url))
		p.Fixture = logstest.New(t, c.Store, logs.Limits{})
		c.Blobs = p.Blobs
		p.Logs = logs.New(c)
		c = open(storetest.OpenURL(t, url))
		c.Blobs = p.Blobs
		p.there = logs.New(c)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for _, l := range []*logs.Logs{p.Logs, p.there} {
			go func() { ended <- l.Run(ctx) }()
		}
		t.Cleanup(func() {
			cancel()
			for range 2 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		})
		test(t, p)
	})
}

// follow follows a job at the second server, which the first one has heard.
func (p *pair) follow(ctx context.Context, j *actions.Job) <-chan logs.Event {
	p.T.Helper()
	events := p.there.Follow(ctx, j)
	p.await("the first server knows of it", func() bool { return p.Logs.Watched() > 0 })
	return events
}

func (p *pair) await(what string, ok func() bool) {
	p.T.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.T.Fatalf("not seen in 20 s: %s", what)
		}
	}
}

func TestAFollowerAtAnotherServerGetsLinesAsTheyArePrinted(t *testing.T) {
	eachPair(t, func(t *testing.T, p *pair) {
		j := p.Job("build")
		step := p.Step(j, 1, "Run").GUID
		p.Logs.Publish(j.ID, step, 1, []string{"before", "it", "looks"})
		events := p.follow(t.Context(), j)
		wantEvents(t, events, logs.Event{Step: step, Line: 1, Lines: []string{"before", "it", "looks"}})
		printed := time.Now()
		p.Logs.Publish(j.ID, step, 4, []string{"\x00", "\xff", "a\nb", "", "\x1b[31mrot\x1b[0m ü"})
		wantEvents(t, events, logs.Event{Step: step, Line: 4, Lines: []string{"\uFFFD", "\uFFFD", "a b", "", "\x1b[31mrot\x1b[0m ü"}})
		t.Logf("lines came after %s", time.Since(printed))
		second := p.there.Follow(t.Context(), j) // gets what is there, and nothing twice
		e, _ := next(t, second)
		for e.Line+int64(len(e.Lines)) <= 8 {
			more, _ := next(t, second)
			e.Lines = append(e.Lines, more.Lines...)
		}
		if d := cmp.Diff(logs.Event{Step: step, Line: 1, Lines: []string{"before", "it", "looks", "\uFFFD", "\uFFFD", "a b", "", "\x1b[31mrot\x1b[0m ü"}}, e); d != "" {
			t.Error(d)
		}
		p.Logs.Publish(j.ID, step, 20, []string{"later"})
		for _, events := range []<-chan logs.Event{events, second} {
			wantEvents(t, events, logs.Event{Step: step, Line: 20, Lines: []string{"later"}, Lost: true})
		}
		p.Complete(j, time.Now())
		p.Logs.End(j.ID)
		wantEnd(t, events)
		wantEnd(t, second)
		p.await("nothing is kept at the second server", func() bool { return p.there.LiveSize() == 0 && p.there.LiveJobs() == 0 })
	})
}

func TestLinesThatNobodyFollowsElsewhereStayWhereTheyAre(t *testing.T) {
	eachPair(t, func(t *testing.T, p *pair) {
		j, other := p.Job("build"), p.Job("other")
		inbox := p.there.Inbox()
		defer inbox.Close()
		ctx, leave := context.WithCancel(t.Context())
		here := p.Logs.Follow(ctx, j)
		events := p.follow(ctx, other)
		p.Logs.Publish(j.ID, "s", 1, []string{"not followed there"})
		wantEvents(t, here, logs.Event{Step: "s", Line: 1, Lines: []string{"not followed there"}})
		p.Logs.Publish(other.ID, "s", 1, []string{"followed"})
		wantEvents(t, events, logs.Event{Step: "s", Line: 1, Lines: []string{"followed"}})
		leave()
		wantEnd(t, events)
		p.await("what was followed is dropped", func() bool { return p.there.LiveSize() == 0 })
		p.ahead.Add(int64(2 * time.Minute)) // nobody has said again that they follow it
		p.Logs.Publish(other.ID, "s", 2, []string{"followed no more"})
		p.await("it counts as followed no more", func() bool { return p.Logs.Watched() == 0 })
		for range len(inbox.C()) {
			if m := <-inbox.C(); strings.Contains(m.Text, "not followed there") || strings.Contains(m.Text, "no more") {
				t.Errorf("the second server was sent %q", m.Text)
			}
		}
	})
}

func TestAJobThatPrintsWithoutEndSendsOnlyItsNewestLines(t *testing.T) {
	eachPair(t, func(t *testing.T, p *pair) {
		const lines, bytes = 100_000, 100
		j := p.Job("build")
		inbox := p.there.Inbox()
		defer inbox.Close()
		events := p.follow(t.Context(), j)
		begin := time.Now()
		for i := range lines {
			p.Logs.Publish(j.ID, "s", int64(i+1), []string{fmt.Sprintf("%0*d", bytes, i+1)})
		}
		last, got := int64(0), 0
		for last < lines {
			e, _ := next(t, events)
			if e.Lost != (e.Line > last+1) {
				t.Fatalf("after line %d came line %d, lost %t", last, e.Line, e.Lost)
			}
			last = e.Line + int64(len(e.Lines)) - 1
			got += len(e.Lines)
		}
		rounds := int(time.Since(begin)/(250*time.Millisecond)) + 2
		if most := rounds * (32 << 10) / bytes; got > most {
			t.Errorf("%d lines came in %s, want at most %d", got, time.Since(begin), most)
		}
		for range len(inbox.C()) {
			if m := <-inbox.C(); len(m.Text) > store.MaxMessage {
				t.Errorf("a message has %d bytes", len(m.Text))
			}
		}
	})
}
