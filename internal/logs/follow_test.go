package logs_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// next returns the next event with lines, and false when the stream has ended.
func next(t *testing.T, events <-chan logs.Event) (logs.Event, bool) {
	t.Helper()
	for {
		select {
		case e, ok := <-events:
			if e.View == "" {
				return e, ok
			} // no runner is connected in these tests, which counts for slow ones
		case <-time.After(20 * time.Second):
			t.Fatal("nothing came")
		}
	}
}

func wantEvents(t *testing.T, events <-chan logs.Event, want ...logs.Event) {
	t.Helper()
	for _, w := range want {
		e, _ := next(t, events)
		if d := cmp.Diff(w, e); d != "" {
			t.Fatal(d)
		}
	}
}

func wantEnd(t *testing.T, events <-chan logs.Event) {
	t.Helper()
	if e, ok := next(t, events); ok {
		t.Fatalf("got %v, want the end", e)
	}
}

func TestFollowerGetsWhatIsStoredWhatIsKnownAndWhatComes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		j := f.Job("build")
		two, one := f.Step(j, 2, "Run"), f.Step(j, 1, "Set up job")
		put(t, f.Logs, j, two.GUID, 1, bom+"2026-11-20T12:43:29.6859909Z a\n2026-11-20T12:43:29.6859909Z b\r\n")
		put(t, f.Logs, j, one.GUID, 1, "2026-11-20T12:43:29Z up\nno stamp \xff\n")
		f.Logs.Publish(j.ID, two.GUID, 1, []string{"a", "b", "c"})
		events := f.Logs.Follow(t.Context(), j)
		wantEvents(t, events,
			logs.Event{Step: one.GUID, Line: 1, Lines: []string{"up", "no stamp \uFFFD"}},
			logs.Event{Step: two.GUID, Line: 1, Lines: []string{"a", "b"}},
			logs.Event{Step: two.GUID, Line: 3, Lines: []string{"c"}})
		f.Logs.Publish(j.ID, two.GUID, 0, []string{"d"})
		f.Logs.Publish(j.ID, two.GUID, 3, []string{"c", "d", "e"}) // after a new connection
		f.Logs.Publish(j.ID, two.GUID, 9, []string{"i"})
		wantEvents(t, events,
			logs.Event{Step: two.GUID, Line: 4, Lines: []string{"d"}},
			logs.Event{Step: two.GUID, Line: 5, Lines: []string{"e"}},
			logs.Event{Step: two.GUID, Line: 9, Lines: []string{"i"}, Lost: true})
		put(t, f.Logs, j, two.GUID, 2, "c\nd\ne\nf\ng\nh\ni\nlast\n")
		f.Logs.End(j.ID)
		wantEvents(t, events, logs.Event{Step: two.GUID, Line: 10, Lines: []string{"last"}})
		wantEnd(t, events)
	})
}

func TestStreamEndsWhenTheServerEndsTheJob(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	j := f.Job("build")
	events := f.Logs.Follow(t.Context(), j)
	f.Logs.Publish(j.ID, "s", 1, []string{"x"})
	wantEvents(t, events, logs.Event{Step: "s", Line: 1, Lines: []string{"x"}})
	f.Complete(j, time.Now())
	wantEnd(t, events)
	f.Logs.End(j.ID)
	wantEnd(t, f.Logs.Follow(t.Context(), j))
}

func TestStreamEndsWithItsContext(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	j := f.Job("build")
	ctx, cancel := context.WithCancel(t.Context())
	events := f.Logs.Follow(ctx, j)
	cancel()
	wantEnd(t, events)
}

func TestSlowFollowerLosesLinesAndIsTold(t *testing.T) {
	limits := logs.DefaultLimits()
	limits.Live = 4 << 10
	f := logstest.New(t, storetest.Open(t), limits)
	j := f.Job("build")
	events := f.Logs.Follow(t.Context(), j)
	for i := range 10_000 {
		f.Logs.Publish(j.ID, "s", int64(i+1), []string{fmt.Sprint(i + 1)})
	}
	f.Logs.End(j.ID)
	got, last, lost := 0, int64(0), 0
	for e := range events {
		if e.Lost != (e.Line > last+1) {
			t.Fatalf("after line %d came %v", last, e)
		}
		if e.Lost {
			lost++
		}
		last = e.Line
		got++
	}
	if last != 10_000 || lost == 0 || got > 5000 {
		t.Errorf("%d events, %d gaps, the last is %d", got, lost, last)
	}
}

func TestLateFollowerGetsTheEndOfALongLog(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	j := f.Job("build")
	s := f.Step(j, 1, "Run")
	var b strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&b, "2026-11-20T12:43:29.6859909Z %s%d\n", strings.Repeat("x", 200), i+1)
		if b.Len() > 1<<19 {
			put(t, f.Logs, j, s.GUID, f.Logs.NewPart(), b.String())
			b.Reset()
		}
	}
	put(t, f.Logs, j, s.GUID, f.Logs.NewPart(), b.String()+strings.Repeat("ä", 5000))
	e, _ := next(t, f.Logs.Follow(t.Context(), j))
	if e.Line+int64(len(e.Lines))-1 != 30_001 || len(e.Lines) != 2000 || !e.Lost {
		t.Fatalf("%d lines from %d, lost %t", len(e.Lines), e.Line, e.Lost)
	}
	if got, want := e.Lines[0], fmt.Sprint(strings.Repeat("x", 200), e.Line); got != want {
		t.Errorf("line %d is %q", e.Line, got)
	}
	if got := e.Lines[1999]; got != strings.Repeat("ä", 512) {
		t.Errorf("cut line has %d bytes: %q", len(got), got)
	}
}

func TestLinesInMemoryAreBounded(t *testing.T) {
	limits := logs.DefaultLimits()
	limits.Live, limits.AllLive = 64<<10, 256<<10
	f := logstest.New(t, storetest.Open(t), limits)
	for i := range 100 {
		for range 100 {
			f.Logs.Publish(int64(i+1), "s", 0, []string{strings.Repeat("x", 1000)})
		}
	}
	if size := f.Logs.LiveSize(); size > 256<<10 {
		t.Errorf("%d bytes are held", size)
	}
	if err := f.Logs.Sweep(t.Context()); err != nil { // none of these jobs is there
		t.Fatal(err)
	}
	if size, jobs := f.Logs.LiveSize(), f.Logs.LiveJobs(); size != 0 || jobs != 0 {
		t.Errorf("after the sweep %d bytes of %d jobs are held", size, jobs)
	}
}

func BenchmarkPublishToAFollower(b *testing.B) {
	f := logstest.New(b, storetest.Open(b), logs.Limits{})
	j := f.Job("build")
	events := f.Logs.Follow(b.Context(), j)
	lines := []string{"a line of a log as they are"}
	for b.Loop() {
		f.Logs.Publish(j.ID, "s", 0, lines)
		<-events
	}
}

func BenchmarkPutPart(b *testing.B) {
	f := logstest.New(b, storetest.Open(b), logs.Limits{Part: 1 << 30, Job: 1 << 50, Parts: 1 << 40})
	j := f.Job("build")
	s := f.Step(j, 1, "Run")
	text := strings.Repeat("2026-11-20T12:43:29.6859909Z a line of a log as they are\n", (4<<20)/57)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		put(b, f.Logs, j, s.GUID, 1, text)
	}
}

// The runner sends to one server, and a page is open at another.
func TestAFollowerAtAnotherServerGetsLinesAsTheyAreStored(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			t.Skip("one server has the file to itself")
		}
		f, st := logstest.New(t, storetest.OpenURL(t, url), logs.Limits{}), storetest.OpenURL(t, url)
		there := logs.New(logs.Config{Store: st, Blobs: f.Blobs, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		j := f.Job("build")
		step := f.Step(j, 1, "Run").GUID
		events := there.Follow(t.Context(), j)
		put(t, f.Logs, j, step, 1, "a\nb\n")
		wantEvents(t, events, logs.Event{Step: step, Line: 1, Lines: []string{"a", "b"}})
		put(t, f.Logs, j, step, 2, "c\n")
		wantEvents(t, events, logs.Event{Step: step, Line: 3, Lines: []string{"c"}})
		f.Complete(j, time.Now())
		wantEnd(t, events)
	})
}
