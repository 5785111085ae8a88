package runners_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runners"
)

// A runner called 1,200 times a second, and filled 145 MB of log.
func TestARunnerInATightLoopIsSlowedDownAndLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := runners.NewPace(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
		r, other := &actions.Runner{ID: 7, Name: "loop"}, &actions.Runner{ID: 8}
		calls := 0
		for begin := time.Now(); time.Since(begin) < 10*time.Minute; calls++ {
			if !p.Wait(t.Context(), r, time.Minute) {
				t.Fatal("a call is not let in")
			}
		}
		if calls > 10*60+100 || calls < 10*60 {
			t.Errorf("%d calls in 10 minutes", calls)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) > 10 || !strings.Contains(lines[0], "tight loop") || !strings.Contains(lines[0], "runner=7 name=loop") || !strings.Contains(lines[1], "calls=60") {
			t.Errorf("%d lines: %s", len(lines), lines)
		}
		begin := time.Now()
		p.Wait(t.Context(), other, time.Minute)
		p.Forget(r.ID)
		p.Wait(t.Context(), r, time.Minute)
		if took := time.Since(begin); took > 0 {
			t.Errorf("another runner, and one that got a job, wait for %s", took)
		}
	})
}

func TestManyCallsOfARunnerWaitNoLongerThanAPollDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := runners.NewPace(slog.New(slog.DiscardHandler), time.Now)
		r := &actions.Runner{ID: 7}
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				begin := time.Now()
				p.Wait(t.Context(), r, 50*time.Second)
				if took := time.Since(begin); took > 50*time.Second {
					t.Errorf("a call waits for %s", took)
				}
			})
		}
		wg.Wait()
	})
}

func TestCallsOfALoopWaitWhateverTheirAnswerIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, call := range map[string]func(ctx context.Context, r *actions.Runner) error{
			"polls of no session": func(ctx context.Context, r *actions.Runner) error {
				_, err := w.Poll(ctx, r, runners.Poll{Session: uuid.NewString()[1:]})
				return err
			},
			"sessions": func(ctx context.Context, r *actions.Runner) error {
				_, err := w.OpenSession(ctx, r, "loop")
				return err
			},
		} {
			r := w.runner(actions.Scope{}, name)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			waits := false
			for range 1000 {
				begin := time.Now()
				_ = call(ctx, r) // whatever it is
				if waits = time.Since(begin) > 300*time.Millisecond && w.Slowed(r.ID); waits {
					break
				}
			}
			if !waits {
				t.Errorf("%s: none of 1000 waits", name)
			}
			begin := time.Now()
			w.GotJob(r)
			_ = call(ctx, r)
			if w.Slowed(r.ID) {
				t.Errorf("%s: with a job it waits %s", name, time.Since(begin))
			}
		}
	})
}
