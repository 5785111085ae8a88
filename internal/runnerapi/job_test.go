package runnerapi_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestJobsGoOnlyToRunnersThatMayTakeThem(t *testing.T) { // JOB-2, JOB-1
	each(t, func(t *testing.T, w *world) {
		guid := w.job(w.start("on: push\njobs: {a: {runs-on: [self-hosted, GPU], steps: [{run: exit 0}]}}\n")).GUID
		plain, foreign := w.runner("plain"), w.runnerOf("repos/mona/other", "mona/other", "foreign", "gpu")
		guild := w.runnerOf("orgs/guild", "guild", "guild", "gpu")
		for name, c := range map[string]*client{"lacks a label": plain, "of another repository": foreign, "of another owner": guild} {
			a, _ := c.ask(wire.StatusOnline)
			w.want("poll of a runner that "+name, a, http.StatusAccepted)
			a, _ = c.acquire(guid)
			w.wantSource(name, a, http.StatusNotFound, wire.RunServiceSource, "")
		}
		for _, id := range []string{"", uuid.NewString(), "x", "\x00", strings.Repeat("1", 60_000), "'--"} {
			a, _ := plain.acquire(id)
			w.wantSource("job "+id[:min(len(id), 8)], a, http.StatusNotFound, wire.RunServiceSource, "")
		}
		first, second := w.runner("first", "gpu"), w.runnerOf(repo, urlPath, "second", "Gpu")
		first.take(guid)
		a, _ := second.acquire(guid)
		w.wantSource("a job that another has", a, http.StatusConflict, wire.RunServiceSource, "")
	})
}

func TestOneOfManyRunnersGetsTheJob(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guid := w.job(w.start(simple)).GUID
		var clients []*client
		for i := range 12 {
			clients = append(clients, w.runner(fmt.Sprint("box", i)))
		}
		statuses := make([]int, len(clients))
		var wg sync.WaitGroup
		for i, c := range clients {
			wg.Go(func() {
				a, _ := c.acquire(guid)
				statuses[i] = a.status
			})
		}
		wg.Wait()
		got := make(map[int]int)
		for _, s := range statuses {
			got[s]++
		}
		if got[http.StatusOK] != 1 || got[http.StatusConflict] != len(clients)-1 {
			t.Errorf("answers %v, want one 200 and the rest 409", got)
		}
	})
}

func TestAnAcquireThatIsAskedForAgainGetsTheSame(t *testing.T) { // JOB-2
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		run := w.start(simple)
		h := c.take(w.job(run).GUID)
		w.Pass(5 * time.Second)
		if again := c.take(strings.ToUpper(w.job(run).GUID)); string(again.raw) != string(h.raw) {
			t.Errorf("the second message differs:\n%s\n%s", h.raw, again.raw)
		}
		w.want("complete", h.complete(wire.Succeeded), http.StatusOK)
		a, _ := c.acquire(w.job(run).GUID)
		w.wantSource("after the end", a, http.StatusUnprocessableEntity, wire.RunServiceSource, "")
	})
}

func TestACancelledJobCannotBeAcquired(t *testing.T) { // JOB-2
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		run := w.start(simple)
		w.Must(w.Scheduler.Cancel(t.Context(), run.ID, false))
		a, _ := c.acquire(w.job(run).GUID)
		w.wantSource("acquire", a, http.StatusUnprocessableEntity, wire.RunServiceSource, "")
	})
}

func TestTheTokenSaysWhichJobItIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, two := w.runner("one"), w.runner("two")
		a, b := one.take(w.job(w.start(simple)).GUID), two.take(w.job(w.start(simple)).GUID)
		foreign := wire.CompleteJobRequest{JobID: a.msg.JobID, PlanID: a.msg.Plan.PlanID, Conclusion: wire.Failed}
		w.wantSource("complete another job", b.report(&foreign), http.StatusNotFound, wire.RunServiceSource, "")
		renewal := wire.RenewJobRequest{JobID: a.msg.JobID, PlanID: a.msg.Plan.PlanID}
		w.wantSource("renew another job", w.call(http.MethodPost, "/_runner/run/renewjob", b.access, renewal, nil), http.StatusNotFound, wire.RunServiceSource, "")
		w.wantSource("renew with a runner's token", w.call(http.MethodPost, "/_runner/run/renewjob", one.access, renewal, nil), http.StatusUnauthorized, wire.RunServiceSource, "")
		w.wantSource("complete with a runner's token", w.call(http.MethodPost, "/_runner/run/completejob", one.access, foreign, nil), http.StatusUnauthorized, wire.RunServiceSource, "")
		path := "/_runner/feed/" + a.msg.JobID
		w.want("log to another job", w.call(http.MethodGet, path, b.access, nil, nil), http.StatusNotFound)
		for _, path := range []string{
			"/actions/build/" + a.msg.Plan.PlanID + "/jobs/" + a.msg.JobID + "/runnerresolve/actions",
			"/actions/build/" + a.msg.Plan.PlanID + "/jobs/" + b.msg.JobID + "/runnerresolve/actions",
			"/actions/build/" + b.msg.Plan.PlanID + "/jobs/" + a.msg.JobID + "/runnerresolve/actions",
		} {
			w.want("resolve for another job", w.call(http.MethodPost, path, b.access, struct{}{}, nil), http.StatusNotFound)
		}
		j, err := w.Store.JobByGUID(t.Context(), a.msg.JobID)
		if err != nil || j.Status != actions.InProgress {
			t.Errorf("the other job is %s, %v; want it in progress", j.Status, err)
		}
	})
}

func TestRenewalsAreAnsweredForAWhileAfterTheEnd(t *testing.T) { // JOB-3
	each(t, func(t *testing.T, w *world) {
		h := w.runner("box").take(w.job(w.start(simple)).GUID)
		w.want("complete", h.complete(wire.Succeeded), http.StatusOK)
		a, until := h.renew()
		w.want("renewal under way", a, http.StatusOK)
		if !until.After(w.Now()) {
			t.Errorf("locked until %s, which is over", until)
		}
		w.Pass(queue.AfterEnd)
		a, _ = h.renew()
		w.wantSource("later", a, http.StatusNotFound, wire.RunServiceSource, "")
	})
}

func TestTheFirstConclusionStays(t *testing.T) { // JOB-4
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		for said, want := range map[string]actions.Conclusion{
			"succeeded": actions.Success, "SucceededWithIssues": actions.Success, "failed": actions.Failure,
			"canceled": actions.Failure, "skipped": actions.Skipped, "ABANDONED": actions.Failure,
		} {
			run := w.start(simple)
			h := c.take(w.job(run).GUID)
			for _, bad := range []string{"", "great", "succeeded\x00"} {
				w.wantSource("conclusion "+bad, h.complete(bad), http.StatusUnprocessableEntity, wire.RunServiceSource, "")
			}
			w.want(said, h.complete(said), http.StatusOK)
			w.want("again", h.complete("failed"), http.StatusOK)
			if got := w.job(run).Conclusion; got != want {
				t.Errorf("%s: %s, want %s", said, got, want)
			}
		}
	})
}

// A report is the job's last word: what is too much or makes no sense is left
// out, and the conclusion counts.
func TestHostileReportsLoseOnlyWhatIsTooMuch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		run := w.start(simple)
		h := w.runner("box").take(w.job(run).GUID)
		req := &wire.CompleteJobRequest{Conclusion: wire.Succeeded, Outputs: map[string]wire.Variable{
			"a": {Value: "small"}, "b": {Value: strings.Repeat("x", 2<<20)}, "c\x00": {Value: "\x00\x1b"}, "secret": {Value: "s", IsSecret: true}, "empty": {},
		}}
		for i := range 100_000 {
			req.StepResults = append(req.StepResults, wire.StepResult{ExternalID: uuid.NewString(), Number: i, Name: "s", Conclusion: "succeeded"})
		}
		hostile := &req.StepResults[0]
		hostile.Number, hostile.Name = math.MinInt64, "a\x00\x1b[2J"+strings.Repeat("é", 9000)
		hostile.StartedAt, hostile.CompletedAt = wire.At(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), wire.At(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC))
		hostile.CompletedAt = wire.At(time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC))
		req.StepResults[1].Number = math.MaxInt64
		req.StepResults[2].ExternalID = "../../etc/passwd"
		req.StepResults[3].Conclusion = "great"
		req.StepResults[4].Conclusion = ""
		for range 5000 {
			hostile.Annotations = append(hostile.Annotations, wire.Annotation{
				Level: "FAILURE", Message: "\x00", StartLine: -5, EndLine: math.MaxInt64, StartColumn: -1, StepNumber: math.MinInt64,
			})
		}
		w.want("complete", h.report(req), http.StatusOK)
		j := w.job(run)
		if j.Conclusion != actions.Success || j.Outputs["a"] != "small" || len(j.Outputs) != 2 {
			t.Errorf("job %s with %d outputs, want success with a and c", j.Conclusion, len(j.Outputs))
		}
		steps, err := w.Store.Steps(t.Context(), j.ID)
		w.Must(err)
		if len(steps) != 2000 {
			t.Fatalf("%d steps, want 2000", len(steps))
		}
		for _, s := range steps {
			if s.Number < 0 || s.Number > 1<<30 || len(s.Name) > 4*4096 || strings.Contains(s.Name, "\x00") || s.StartedAt.Year() > 2200 || s.CompletedAt.Before(s.StartedAt) || s.Conclusion == "" {
				t.Errorf("step %+v is as it was sent", s)
			}
		}
		notes, total, err := w.Store.Annotations(t.Context(), j.ID, storePage)
		if err != nil || total != 1000+3 || notes[0].StartLine != 1 || notes[0].EndLine != 1<<30 || notes[0].StepNumber != 0 || notes[0].Level != actions.LevelFailure {
			t.Errorf("%d annotations, the first %+v, %v; want 1000 and three warnings", total, notes[0], err)
		}
	})
}

// A step's token is seen by everything that the step runs: with it nobody can end
// the job, keep it, or write its live log.
func TestTheTokenOfStepsReportsNothing(t *testing.T) { // AUTH-2
	each(t, func(t *testing.T, w *world) {
		h := w.runner("box").take(w.job(w.start(simple)).GUID)
		steps := "Bearer " + h.msg.Connection().StepsToken()
		if steps == "Bearer " || steps == h.access {
			t.Fatalf("the token of steps is %q, and the runner's %q", steps, h.access)
		}
		for path, in := range map[string]any{
			"/_runner/run/completejob": wire.CompleteJobRequest{JobID: h.msg.JobID, PlanID: h.msg.Plan.PlanID, Conclusion: wire.Succeeded},
			"/_runner/run/renewjob":    wire.RenewJobRequest{JobID: h.msg.JobID, PlanID: h.msg.Plan.PlanID},
		} {
			w.wantSource(path, w.call(http.MethodPost, path, steps, in, nil), http.StatusNotFound, wire.RunServiceSource, "")
		}
		w.want("resolve", w.call(http.MethodPost, "/actions/build/"+h.msg.Plan.PlanID+"/jobs/"+h.msg.JobID+"/runnerresolve/actions", steps, struct{}{}, nil), http.StatusNotFound)
		w.want("live log", w.call(http.MethodGet, "/_runner/feed/"+h.msg.JobID, steps, nil, nil), http.StatusNotFound)
		w.want("acquire", w.call(http.MethodPost, "/_runner/run/acquirejob", steps, wire.AcquireJobRequest{JobMessageID: h.msg.JobID}, nil), http.StatusUnauthorized)
		w.want("poll", w.call(http.MethodGet, "/_runner/broker/message", steps, nil, nil), http.StatusUnauthorized)
		if a := w.Do(http.MethodGet, "/api/v3/"+repo, "", nil, "Authorization: "+steps); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("REST: %d %s, want 401", a.StatusCode, a.Text)
		}
		if j, err := w.Store.JobByGUID(t.Context(), h.msg.JobID); err != nil || j.Status != actions.InProgress {
			t.Errorf("the job is %s, %v; want it in progress", j.Status, err)
		}
		w.want("complete", h.complete(wire.Succeeded), http.StatusOK)
	})
}

// remarks are the titles of a job's annotations.
func (w *world) remarks(run *actions.Run) (titles []string) {
	w.t.Helper()
	notes, _, err := w.Store.Annotations(w.t.Context(), w.job(run).ID, storePage)
	w.Must(err)
	for _, a := range notes {
		titles = append(titles, a.Title)
	}
	return titles
}

const unreported = "The end of this job was not reported by its runner"

// GitHub's runner gives its steps the token with which it reports: an end that one of
// them has reported is taken, and found out by what the runner does.
func TestAnEndThatTheRunnerDidNotReportIsRemarked(t *testing.T) { // JOB-3, JOB-4
	each(t, func(t *testing.T, w *world) {
		step := wire.StepResult{ExternalID: uuid.NewString(), Number: 1, Name: "a", Conclusion: wire.Succeeded}
		report := func() *wire.CompleteJobRequest {
			return &wire.CompleteJobRequest{Conclusion: wire.Succeeded, StepResults: []wire.StepResult{step}}
		}
		renewals := func(h *held, pauses ...time.Duration) {
			for _, d := range pauses {
				w.Pass(d)
				h.renew()
			}
		}
		for name, c := range map[string]struct {
			play func(h *held)
			want []string
		}{
			"the runner reports": {func(h *held) {
				h.report(report())
			}, nil},
			"it renews once more": {func(h *held) {
				h.report(report())
				renewals(h, 0)
			}, nil},
			"it goes on": {func(h *held) {
				h.report(report())
				renewals(h, 30*time.Second, time.Minute, 0, 0)
			}, []string{unreported}},
			"the server was away meanwhile": {func(h *held) {
				h.report(report())
				renewals(h, 2*time.Minute, time.Minute)
			}, nil},
			"success without any step": {func(h *held) {
				h.complete(wire.Succeeded)
			}, []string{unreported}},
			"failure without any step": {func(h *held) {
				h.complete(wire.Failed)
			}, []string{""}},
			"success while a step runs": {func(h *held) {
				h.update(1, wire.StepUpdate{ExternalID: step.ExternalID, Number: 1, Name: "a", Status: wire.StepInProgress})
				h.complete(wire.Succeeded)
			}, []string{unreported}},
			"success after the steps": {func(h *held) {
				h.update(1, wire.StepUpdate{ExternalID: step.ExternalID, Number: 1, Name: "a", Status: wire.StepCompleted, Conclusion: wire.StepSuccess})
				h.complete(wire.Succeeded)
			}, nil},
			"the server itself ended it": {func(h *held) {
				w.Must(w.Scheduler.Fail(t.Context(), w.jobOf(h).ID, "The runner was lost."))
				renewals(h, 30*time.Second, time.Minute)
			}, []string{""}},
		} {
			run := w.start(simple)
			h := w.runner("box of " + strings.ReplaceAll(name, " ", "-")).take(w.job(run).GUID)
			c.play(h)
			if d := cmp.Diff(c.want, w.remarks(run)); d != "" {
				t.Errorf("%s: annotations (-want +got):\n%s", name, d)
			}
			entries := w.audited(actions.AuditJobUnreported, run)
			if remarked := slices.Contains(c.want, unreported); len(entries) > 1 || remarked != (len(entries) == 1) {
				t.Errorf("%s: %d entries in the audit log", name, len(entries))
			}
		}
	})
}

// audited are the entries of the audit log about a run.
func (w *world) audited(action actions.AuditAction, run *actions.Run) []*actions.AuditEntry {
	w.t.Helper()
	all, err := w.Store.AuditEntries(w.t.Context(), store.AuditFilter{Terms: []store.AuditTerm{{Field: store.AuditByAction, Value: string(action)}}}, 100)
	w.Must(err)
	return slices.DeleteFunc(all, func(e *actions.AuditEntry) bool { return e.Data["workflow_run_id"] != fmt.Sprint(run.ID) })
}

// jobOf is the job that is held.
func (w *world) jobOf(h *held) *actions.Job {
	w.t.Helper()
	j, err := w.Store.JobByGUID(w.t.Context(), h.msg.JobID)
	w.Must(err)
	return j
}
