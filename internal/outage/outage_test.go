package outage_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/outage"
)

func open(t *testing.T, dir string, now func() time.Time) *outage.Outages {
	t.Helper()
	o, err := outage.Open(dir, now, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// run is a process that is there for a while, and is killed.
func run(t *testing.T, dir string, now func() time.Time, life time.Duration) *outage.Outages {
	t.Helper()
	o := open(t, dir, now)
	if err := o.Back(); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithTimeout(t.Context(), life)
	defer kill()
	if err := o.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAServerKnowsWhenItWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, start := t.TempDir(), time.Now()
		o := run(t, dir, time.Now, 90*time.Second)
		if spans := o.Between(start, time.Now()); len(spans) > 0 {
			t.Errorf("before its first end: %v", spans)
		}
		killed := time.Now()
		time.Sleep(45 * time.Second)
		back := time.Now()
		run(t, dir, time.Now, 20*time.Second)
		time.Sleep(5 * time.Second)
		o = run(t, dir, time.Now, time.Second)
		spans := o.Between(killed, back)
		if len(spans) != 1 || spans[0].From.After(killed) || spans[0].From.Before(killed.Add(-time.Second)) || !spans[0].To.Equal(back) {
			t.Errorf("%v, want one from about %v to %v", spans, killed, back)
		}
		if n := len(o.Between(start, time.Now())); n != 2 {
			t.Errorf("%d outages in all, want 2", n)
		}
		if spans := o.Between(start, killed.Add(-2*time.Second)); len(spans) > 0 {
			t.Errorf("before: %v", spans)
		}
	})
}

func TestAServerThatStoodStillWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		o := open(t, t.TempDir(), now)
		if err := o.Back(); err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.Run(ctx) }()
		time.Sleep(10500 * time.Millisecond)
		synctest.Wait()
		ahead.Store(int64(time.Minute))
		time.Sleep(10 * time.Second)
		kill()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		spans := o.Between(now().Add(-time.Hour), now())
		if len(spans) != 1 || spans[0].To.Sub(spans[0].From) != time.Minute+time.Second {
			t.Errorf("%v", spans)
		}
	})
}

func TestAFileOfOutagesIsShortAndMayBeBroken(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2026, 11, 20, 23, 59, 30, 0, time.UTC)
	file := filepath.Join(dir, "outages")
	for _, text := range []string{"", "\x00\x00", "x y\n2026-11-20T12:00:00.000Z 2026-11-20T11:00:00.000Z\nz", strings.Repeat("x", 1<<16)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if spans := open(t, dir, time.Now).Between(time.Time{}, time.Now()); len(spans) > 0 {
			t.Errorf("%.20q: outages are made up: %v", text, spans)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	var o *outage.Outages
	for range 300 {
		o = open(t, dir, func() time.Time { return at })
		if err := o.Back(); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Minute)
	}
	o = open(t, dir, func() time.Time { return at })
	spans := o.Between(time.Time{}, at)
	if len(spans) != 256 || !spans[255].To.Equal(at.Add(-time.Minute)) {
		t.Errorf("%d spans, the last %v", len(spans), spans[len(spans)-1])
	}
}

func TestASpanSaysItsDayOnce(t *testing.T) {
	at := time.Date(2026, 11, 20, 23, 59, 30, 0, time.FixedZone("", -3600))
	got := fmt.Sprint(outage.Span{From: at.Add(-2 * time.Hour), To: at.Add(-2*time.Hour + 45*time.Second)}, "; ", outage.Span{From: at.Add(-time.Hour), To: at})
	if want := "from 2026-11-20 22:59:30 to 23:00:15 UTC; from 2026-11-20 23:59:30 to 2026-11-21 00:59:30 UTC"; got != want {
		t.Errorf("got %q", got)
	}
}
