package logs_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/outage"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A lived is a data directory in which one process follows the other.
type lived struct {
	*logstest.Fixture
	t    *testing.T
	data string
}

func newLived(t *testing.T, st *store.Store) *lived {
	t.Helper()
	return &lived{logstest.New(t, st, logs.Limits{}), t, t.TempDir()}
}

// process starts a process at a time, and ends it with the test or by end. It has lines in
// files as soon as flushed returns.
func (v *lived) process(limits logs.Limits, at time.Time) (l *logs.Logs, end func()) {
	v.t.Helper()
	log := slog.New(slog.NewTextHandler(v.t.Output(), nil))
	outages, err := outage.Open(v.data, func() time.Time { return at }, log)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := outages.Back(); err != nil {
		v.t.Fatal(err)
	}
	l = logs.New(logs.Config{
		Store: v.Store, Blobs: v.Blobs, Log: log, Now: time.Now, Limits: limits, Dir: filepath.Join(v.data, "live"), Outages: outages,
	})
	if err := l.Recall(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(v.t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	end = func() {
		cancel()
		if err := <-done; err != nil {
			v.t.Error(err)
		}
		done <- nil
	}
	v.t.Cleanup(end)
	return l, end
}

// await waits until the files of live lines are as ok wants them.
func (v *lived) await(what string, ok func(files map[string]string) bool) {
	v.t.Helper()
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		files := map[string]string{}
		entries, err := os.ReadDir(filepath.Join(v.data, "live"))
		if err != nil {
			v.t.Fatal(err)
		}
		for _, e := range entries {
			if text, err := os.ReadFile(filepath.Join(v.data, "live", e.Name())); err == nil { // else it is gone
				files[e.Name()] = string(text)
			}
		}
		if ok(files) {
			return
		}
		if time.Now().After(limit) {
			v.t.Fatalf("%s: %q", what, files)
		}
	}
}

func TestLiveLinesOutliveTheProcess(t *testing.T) { // LOG-6
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		v, at := newLived(t, st), time.Now()
		j := v.Job("build")
		step := v.Step(j, 1, "Run")
		first, _ := v.process(logs.Limits{}, at)
		first.Publish(j.ID, step.GUID, 1, []string{"one", "\x1b[31mtwo ü"})
		first.Publish(j.ID, step.GUID, 5, []string{""})
		v.await("lines are not written", func(files map[string]string) bool { return strings.Count(files[j.GUID], "\n") == 3 })

		second, _ := v.process(logs.Limits{}, at.Add(45*time.Second)) // the first was killed
		events := second.Follow(t.Context(), j)
		wantEvents(t, events,
			logs.Event{Step: step.GUID, Line: 1, Lines: []string{"one", "\x1b[31mtwo ü"}},
			logs.Event{Step: step.GUID, Line: 5, Lines: []string{""}, Lost: true})
		second.Publish(j.ID, step.GUID, 5, []string{"", "six"}) // the runner has connected again
		wantEvents(t, events, logs.Event{Step: step.GUID, Line: 6, Lines: []string{"six"}})

		step.Status, step.Conclusion, step.StartedAt, step.CompletedAt = actions.Completed, actions.Success, at, at.Add(40*time.Second)
		if err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveStep(t.Context(), j, step) }); err != nil {
			t.Fatal(err)
		}
		v.Complete(j, time.Now())
		second.Conclude(t.Context(), j)
		want := "one\n\x1b[31mtwo ü\n##[warning]Lines 3 to 4 are missing here.\n\nsix\n" + strings.TrimSuffix(liveNote, "\n") +
			fmt.Sprintf(" The server was away %s.\n", outage.Span{From: at, To: at.Add(45 * time.Second)})
		if d := cmp.Diff(want, plain(stepLog(t, second, j, step.GUID))); d != "" {
			t.Error(d)
		}
		v.await("files are left", func(files map[string]string) bool { return len(files) == 0 })
	})
}

// Its runner was away for as long as the server, so there is nothing but the time.
func TestAStepOfWhichNothingIsLeftSaysWhenTheServerWasAway(t *testing.T) {
	v, at := newLived(t, storetest.Open(t)), time.Now().Truncate(time.Millisecond)
	j := v.Job("build")
	before, lost := v.Ran(j, 1, "Before", at.Add(-time.Hour), at.Add(-10*time.Minute)), v.Ran(j, 2, "Lost", at.Add(-time.Minute), at.Add(20*time.Second))
	for i := range 5 { // and no line between two starts
		l, end := v.process(logs.Limits{}, at.Add(time.Duration(i)*10*time.Second))
		if i == 4 {
			v.Complete(j, time.Now())
			if err := l.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		end()
	}
	away := func(i int) outage.Span {
		return outage.Span{From: at.Add(time.Duration(i) * 10 * time.Second), To: at.Add(time.Duration(i+1) * 10 * time.Second)}
	}
	want := fmt.Sprintf("##[warning]The log of this step did not arrive. The server was away %s, %s, %s, and 1 more times.\n", away(0), away(1), away(2))
	if d := cmp.Diff(want, plain(stepLog(t, v.Logs, j, lost.GUID))); d != "" {
		t.Error(d)
	}
	if _, _, err := v.Logs.OpenStep(t.Context(), j, before.GUID); actions.KindOf(err) != actions.NotFound {
		t.Errorf("a step that ended long before: %v", err)
	}
	r, size, err := v.Logs.OpenJob(t.Context(), j)
	if got := plain(read(t, r, size, err)); got != want {
		t.Errorf("the job: %q", got)
	}
}

// The files may be older than the data, which was put back, or cut off by a power loss.
func TestFilesOfLiveLinesAreReadAsFarAsTheyMakeSense(t *testing.T) {
	v, now := newLived(t, storetest.Open(t)), time.Now()
	running, over := v.Job("running"), v.Job("over")
	step, lost := v.Step(running, 1, "Run"), v.Ran(over, 1, "Lost", now, now)
	v.Complete(over, now)
	const stamp = "2026-11-20T12:43:29.6859909Z "
	dir := filepath.Join(v.data, "live")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		running.GUID: step.GUID + " 1 " + stamp + "one\n\n\x00\n" + step.GUID + " -1 " + stamp + "x\n" + step.GUID + " 2 no time\n" +
			strings.Repeat("x", 200_000) + "\n" + step.GUID + " 2 " + stamp + "two\n" + step.GUID + " 3 " + stamp + "thr",
		over.GUID + ".old": lost.GUID + " 1 " + stamp + "old\n", over.GUID: lost.GUID + " 2 " + stamp + "new\n",
		"11111111-1111-4111-8111-111111111111": "of a job that is not there\n", "README": "not ours\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, _ := v.process(logs.Limits{}, now)
	wantEvents(t, l.Follow(t.Context(), running), logs.Event{Step: step.GUID, Line: 1, Lines: []string{"one", "two"}})
	if got := stepLog(t, l, over, lost.GUID); !strings.HasPrefix(got, stamp+"old\n"+stamp+"new\n") {
		t.Errorf("of a job that is over: %q", got)
	}
	v.await("files are left", func(files map[string]string) bool {
		return len(files) == 2 && files["README"] != "" && files[running.GUID] != ""
	})
}

func TestFilesOfLiveLinesStaySmall(t *testing.T) {
	v := newLived(t, storetest.Open(t))
	j := v.Job("build")
	limits := logs.DefaultLimits()
	limits.Live = 64 << 10
	l, _ := v.process(limits, time.Now())
	for i := range 100 {
		l.Publish(j.ID, "s", int64(i*10+1), strings.Split(strings.Repeat(strings.Repeat("x", 1000)+"\n", 9)+fmt.Sprint("last of ", i), "\n"))
		if i%10 == 9 { // not all at once
			v.await("lines are not written", func(files map[string]string) bool {
				return strings.Contains(files[j.GUID]+files[j.GUID+".old"], fmt.Sprint("last of ", i, "\n"))
			})
		}
	}
	v.await("files are large", func(files map[string]string) bool {
		size := 0
		for _, text := range files {
			size += len(text)
		}
		return len(files) <= 2 && size < 4*limits.Live
	})
}
