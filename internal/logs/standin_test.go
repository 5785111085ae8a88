package logs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const liveNote = "##[warning]The log of this step did not arrive. These are its lines as they were shown live: long ones are cut, and the last may be missing.\n"

func TestLiveLinesStandInForALogThatNeverComes(t *testing.T) { // LOG-6
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f, now := logstest.New(t, st, logs.Limits{}), time.Now()
		j := f.Job("build")
		setUp, run, silent := f.Ran(j, 1, "Set up job", now, now), f.Ran(j, 2, "Run", now, now), f.Ran(j, 3, "Silent", now, now)
		put(t, f.Logs, j, setUp.GUID, 1, "up\n")
		f.Logs.Publish(j.ID, setUp.GUID, 1, []string{"up"})
		f.Logs.Publish(j.ID, run.GUID, 1, []string{"one", "two"})
		f.Logs.Publish(j.ID, run.GUID, 9, []string{"nine"})
		f.Complete(j, now)
		for range 2 {
			f.Logs.Conclude(t.Context(), j)
		}
		want := "one\ntwo\n##[warning]Lines 3 to 8 are missing here.\nnine\n" + liveNote
		if d := cmp.Diff(want, plain(stepLog(t, f.Logs, j, run.GUID))); d != "" {
			t.Error(d)
		}
		r, size, err := f.Logs.OpenJob(t.Context(), j)
		if d := cmp.Diff("up\n"+want, plain(read(t, r, size, err))); d != "" {
			t.Errorf("the job: %s", d)
		}
		zip := entries(t, archive(t, f))
		if plain(zip["build/2_Run.txt"]) != want || plain(zip["0_build.txt"]) != "up\n"+want || len(zip) != 3 {
			t.Errorf("the archive: %q", zip)
		}
		if _, _, err := f.Logs.OpenStep(t.Context(), j, silent.GUID); actions.KindOf(err) != actions.NotFound {
			t.Errorf("a step that nobody has heard of: %v", err)
		}
		events := f.Logs.Follow(t.Context(), j)
		wantEvents(t, events, logs.Event{Step: setUp.GUID, Line: 1, Lines: []string{"up"}})
		if e, _ := next(t, events); e.Step != run.GUID || len(e.Lines) != 5 {
			t.Errorf("a follower got %v", e)
		}
		// What comes late counts.
		put(t, f.Logs, j, run.GUID, 1, "whole\n")
		if got := stepLog(t, f.Logs, j, run.GUID); got != "whole\n" {
			t.Errorf("after the log has come: %q", got)
		}
	})
}

func TestTheLogOfTheJobCountsMoreThanLiveLines(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j, steps := ranJob(f, p, time.Microsecond)
	for _, s := range steps[1:] {
		f.Logs.Publish(j.ID, s.GUID, 1, []string{"live"})
	}
	put(t, f.Logs, j, steps[0].GUID, 1, p.steps["Set up job"].String())
	whole := p.whole.String()
	whole = whole[:strings.Index(whole, "Complete job begins")-29] // the rest was lost
	f.Complete(j, time.Now())
	f.Logs.Conclude(t.Context(), j)
	put(t, f.Logs, j, j.GUID, 1, whole)
	want := strings.ReplaceAll(plain(whole), "Compile ends\n", "Compile ends\n"+cutNote)
	want = strings.ReplaceAll(want, "Test ends\n", "Test ends\n"+cutNote) + "live\n" + liveNote
	r, size, err := f.Logs.OpenJob(t.Context(), j)
	if d := cmp.Diff(want, plain(read(t, r, size, err))); d != "" {
		t.Error(d)
	}
}

// A runner that is gone reports nothing: its job ends when its hold does, and nobody
// concludes its log.
func TestTheSweepKeepsLiveLinesOfStepsThatSendNoLog(t *testing.T) {
	f, now := logstest.New(t, storetest.Open(t), logs.Limits{}), time.Now()
	over, running := f.Job("over"), f.Job("running")
	lost, overdue := f.Ran(over, 1, "Lost", now, now), f.Ran(running, 1, "Overdue", now.Add(-time.Minute), now.Add(-40*time.Second))
	due := f.Ran(running, 2, "Due", now, now)
	for _, s := range []*actions.Step{lost, overdue, due} {
		f.Logs.Publish(s.JobID, s.GUID, 1, []string{"live"})
	}
	f.Complete(over, now)
	if err := f.Logs.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for s, j := range map[*actions.Step]*actions.Job{lost: over, overdue: running} {
		if got := plain(stepLog(t, f.Logs, j, s.GUID)); got != "live\n"+liveNote {
			t.Errorf("%s: %q", s.Name, got)
		}
	}
	if _, _, err := f.Logs.OpenStep(t.Context(), running, due.GUID); actions.KindOf(err) != actions.NotFound {
		t.Errorf("a log that may be on its way: %v", err)
	}
	if n := f.Logs.LiveJobs(); n != 1 {
		t.Errorf("%d jobs have live lines, want that which runs", n)
	}
}
