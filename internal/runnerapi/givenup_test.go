package runnerapi_test

import (
	"cmp"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// messages are the texts of a job's annotations.
func (w *world) messages(run *actions.Run) (list []string) {
	w.t.Helper()
	notes, _, err := w.Store.Annotations(w.t.Context(), w.job(run).ID, storePage)
	w.Must(err)
	for _, a := range notes {
		list = append(list, string(a.Level)+" "+a.Message)
	}
	return list
}

// GitHub's runner gives a job up that it cannot renew, and reports it as cancelled once
// it reaches the server again. Nobody cancelled it: people must not be told so.
func TestAJobThatOnlyItsRunnerCancelledHasFailedAndSaysWhy(t *testing.T) { // JOB-4
	each(t, func(t *testing.T, w *world) {
		steps := []wire.StepResult{{ExternalID: uuid.NewString(), Number: 1, Name: "a", Conclusion: wire.Canceled}}
		shutdown := []wire.Annotation{{Level: wire.LevelFailure, Message: "The runner has received a shutdown signal."}}
		for name, c := range map[string]struct {
			play       func(run *actions.Run, h *held)
			conclusion actions.Conclusion
			want       []string // parts of the annotations
		}{
			"away since its first renewal": {func(_ *actions.Run, h *held) {
				h.renew()
				w.Pass(100 * time.Second)
				h.report(&wire.CompleteJobRequest{Conclusion: wire.Canceled, StepResults: steps})
			}, actions.Failure, []string{"could not reach the server from 2"}},
			"away since it got the job": {func(_ *actions.Run, h *held) {
				w.Pass(2 * time.Minute)
				h.report(&wire.CompleteJobRequest{Conclusion: wire.Canceled, StepResults: steps})
			}, actions.Failure, []string{"could not reach the server from 2"}},
			"shut down": {func(_ *actions.Run, h *held) {
				h.renew()
				w.Pass(30 * time.Second)
				h.report(&wire.CompleteJobRequest{Conclusion: wire.Canceled, StepResults: steps, Annotations: shutdown})
			}, actions.Failure, []string{"nobody had cancelled it", "shutdown signal"}},
			"cancelled by somebody": {func(run *actions.Run, h *held) {
				w.Must(w.Scheduler.Cancel(t.Context(), run.ID, false))
				w.Pass(2 * time.Minute)
				h.report(&wire.CompleteJobRequest{Conclusion: wire.Canceled, StepResults: steps})
			}, actions.Cancelled, nil},
		} {
			run := w.start(simple)
			c1 := w.runner("box-" + strings.ReplaceAll(name, " ", "-"))
			began := w.Now()
			c.play(run, c1.take(w.job(run).GUID))
			got := w.messages(run)
			if j := w.job(run); j.Conclusion != c.conclusion || len(got) != len(c.want) {
				t.Errorf("%s: %s with annotations %q, want %s with %q", name, j.Conclusion, got, c.conclusion, c.want)
				continue
			}
			for i, part := range c.want {
				if strings.Contains(part, "could not reach") {
					w.wantSpan(got[i], began)
				}
				if !strings.Contains(got[i], part) || !strings.HasPrefix(got[i], "failure ") {
					t.Errorf("%s: annotation %q, want a failure with %q", name, got[i], part)
				}
			}
		}
	})
}

// wantSpan checks that a note says when a runner was last heard of before it was silent,
// and when it came back. All of that was since the given time.
func (w *world) wantSpan(note string, began time.Time) {
	w.t.Helper()
	const layout = "2006-01-02 15:04:05"
	m := regexp.MustCompile(`from ([-0-9]+) ([:0-9]+) to (?:([-0-9]+) )?([:0-9]+) UTC`).FindStringSubmatch(note)
	if m == nil {
		w.t.Fatalf("%q does not say from when to when", note)
	}
	from, err := time.Parse(layout, m[1]+" "+m[2])
	w.Must(err)
	to, err := time.Parse(layout, cmp.Or(m[3], m[1])+" "+m[4])
	w.Must(err)
	now := w.Now()
	if from.Before(began.Truncate(time.Second)) || to.Sub(from) < 99*time.Second || to.After(now) {
		w.t.Errorf("%q: between %s and %s", note, began.UTC(), now.UTC())
	}
}

// When the worker process of GitHub's runner is killed, its listener reports a failure
// with null for the steps, and nothing else.
func TestAJobWhoseWorkerWasKilledSaysSo(t *testing.T) { // JOB-4
	each(t, func(t *testing.T, w *world) {
		crash := []wire.Annotation{{Level: wire.LevelFailure, Message: "Unhandled exception. System.OutOfMemoryException"}}
		for name, c := range map[string]struct {
			report *wire.CompleteJobRequest
			want   string
		}{
			"killed":            {&wire.CompleteJobRequest{Conclusion: wire.Failed}, "The runner's worker process ended unexpectedly"},
			"crashed":           {&wire.CompleteJobRequest{Conclusion: wire.Failed, Annotations: crash}, "System.OutOfMemoryException"},
			"with the same end": {&wire.CompleteJobRequest{Conclusion: wire.Abandoned}, "The runner's worker process ended unexpectedly"},
		} {
			run := w.start(simple)
			h := w.runner("box-" + strings.ReplaceAll(name, " ", "-")).take(w.job(run).GUID)
			h.update(1, wire.StepUpdate{ExternalID: uuid.NewString(), Number: 1, Name: "a", Status: wire.StepInProgress})
			w.want(name, h.report(c.report), http.StatusOK)
			j, got := w.job(run), w.messages(run)
			if j.Conclusion != actions.Failure || len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("%s: %s with annotations %q, want a failure with %q", name, j.Conclusion, got, c.want)
			}
			list, err := w.Store.Steps(t.Context(), j.ID)
			w.Must(err)
			if len(list) != 1 || list[0].Status != actions.Completed {
				t.Errorf("%s: steps %+v, want the one that ran to be over", name, list)
			}
		}
	})
}

// A report with an empty list of steps is one of a worker that lived.
func TestAFailureWithoutStepsIsNotTakenForADeadWorker(t *testing.T) { // JOB-4
	w := newWorld(t, nil)
	run := w.start(simple)
	h := w.runner("box").take(w.job(run).GUID)
	in := map[string]any{"planId": h.msg.Plan.PlanID, "jobId": h.msg.JobID, "conclusion": wire.Failed, "stepResults": []any{}}
	w.want("complete", w.call(http.MethodPost, h.msg.Connection().URL+wire.CompleteJobPath, h.access, in, nil), http.StatusOK)
	if got := w.messages(run); w.job(run).Conclusion != actions.Failure || len(got) > 0 {
		t.Errorf("annotations %q, want none", got)
	}
}

func TestAJobThatItsRunnerKilledAfterACancellationSaysSo(t *testing.T) { // END-3
	each(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			after time.Duration // since the cancellation
			want  string
		}{
			"early": {30 * time.Second, "is idle again and has not reported how the job ended"},
			"late":  {5*time.Minute - 15*time.Second, "did not stop within the 5 minutes that it had after it was cancelled, so the runner late killed it"},
		} {
			run, box := w.start(simple), w.runner(name)
			h := box.take(w.job(run).GUID)
			w.Must(w.Scheduler.Cancel(t.Context(), run.ID, false))
			for passed := time.Duration(0); passed < c.after; passed += 15 * time.Second {
				w.Pass(15 * time.Second)
				box.ask(wire.StatusBusy)
				h.renew()
			}
			for w.job(run).Status != actions.Completed {
				box.ask(wire.StatusOnline)
			}
			if got := w.messages(run); w.job(run).Conclusion != actions.Cancelled || len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("%s: %s with annotations %q, want cancelled with %q", name, w.job(run).Conclusion, got, c.want)
			}
		}
	})
}
