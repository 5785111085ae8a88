package runnerapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestASecondSessionIsAConflictUntilTheFirstIsSilent(t *testing.T) { // SES-1
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		thief := *c
		w.wantSource("second session", thief.open("elsewhere (PID: 2)"), http.StatusConflict, wire.BrokerSource, "")
		old := c.auth.ServerURL + "_apis/distributedtask/pools/1/sessions"
		a := w.call(http.MethodPost, old, c.access, map[string]string{"ownerName": "RUNNER"}, nil)
		if a.status != http.StatusConflict || !strings.Contains(string(a.body), "DistributedTask.WebApi.TaskAgentSessionConflictException") {
			t.Errorf("second session of the old protocol: %d %s, want 409 with its type (OLD-1)", a.status, a.body)
		}
		w.want("the same process again", c.open(c.name+" (PID: 1)"), http.StatusOK)
		w.Pass(actions.SessionLife)
		w.want("when the first is silent", thief.open("elsewhere (PID: 2)"), http.StatusOK)
		thief.ask(wire.StatusOnline) // it lives
		a, _ = c.ask(wire.StatusOnline)
		w.wantSource("poll of the old session", a, http.StatusConflict, wire.BrokerSource, wire.RunnerSessionInvalid)
		w.wantSource("acknowledge of the old session", c.acknowledge(uuid.NewString()), http.StatusConflict, wire.BrokerSource, wire.RunnerSessionInvalid)
		w.want("acknowledge", thief.acknowledge(uuid.NewString()), http.StatusOK)
		w.want("end", w.call(http.MethodDelete, c.auth.ServerURL+"session", c.access, nil, nil), http.StatusNoContent)
		w.want("a session after the end of one", c.open("third (PID: 3)"), http.StatusOK)
	})
}

// Runners before 2.336 know no way out of an unknown session.
func TestARunnerWithoutASessionGoesOnWithTheOneItHas(t *testing.T) { // SES-1
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		w.want("end", w.call(http.MethodDelete, c.auth.ServerURL+"session", c.access, nil, nil), http.StatusNoContent)
		a, _ := c.ask(wire.StatusOnline)
		w.want("poll", a, http.StatusAccepted)
		for _, id := range []string{"", "x", "'; drop table sessions; --", strings.Repeat("a", 5000)} {
			bad := *c
			bad.session = id
			a, _ := bad.ask(wire.StatusOnline)
			w.wantSource("session "+id[:min(len(id), 9)], a, http.StatusBadRequest, wire.BrokerSource, wire.RunnerSessionInvalid)
		}
	})
}

func TestPollsNeedARunnersToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		h := c.take(w.job(w.start(simple)).GUID)
		for name, token := range map[string]string{"none": "", "a job's": h.access, "a person's": "Bearer " + w.admin, "garbage": "Bearer x", "basic": "Basic eDp5"} {
			bad := *c
			bad.access = token
			a, _ := bad.ask(wire.StatusOnline)
			w.wantSource("token: "+name, a, http.StatusUnauthorized, wire.BrokerSource, "")
			a, _ = bad.acquire(uuid.NewString())
			w.wantSource("token: "+name, a, http.StatusUnauthorized, wire.RunServiceSource, "")
		}
		w.Pass(time.Hour)
		a, _ := c.ask(wire.StatusBusy)
		w.wantSource("an hour later", a, http.StatusUnauthorized, wire.BrokerSource, "")
		c.login()
		a, _ = c.ask(wire.StatusBusy)
		w.want("with a new token", a, http.StatusAccepted)
	})
}

func TestOfferIsRepeatedUntilItIsAcquired(t *testing.T) { // SES-2, SES-3
	each(t, func(t *testing.T, w *world) {
		c, other := w.runner("box"), w.runner("other")
		guid := w.job(w.start(simple)).GUID
		for range 2 {
			if got := c.offer().RunnerRequestID; got != guid {
				t.Errorf("offered %s, want %s", got, guid)
			}
		}
		w.want("acknowledge", c.acknowledge(strings.ToUpper(guid)), http.StatusOK)
		a, _ := other.ask(wire.StatusOnline)
		w.want("poll of another while the offer stands", a, http.StatusAccepted)
		w.Pass(2*time.Minute + time.Second)
		if got := other.offer().RunnerRequestID; got != guid {
			t.Errorf("offered %s to another, want %s", got, guid)
		}
	})
}

func TestACancelledJobIsStoppedByAMessage(t *testing.T) { // END-1
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		run := w.start(simple)
		h := c.take(w.job(run).GUID)
		w.Must(w.Scheduler.Cancel(t.Context(), run.ID, false))
		w.Pass(3 * time.Second)
		a, m := c.ask(wire.StatusBusy)
		w.want("poll", a, http.StatusOK)
		var cancel wire.JobCancellation
		w.Must(json.Unmarshal([]byte(m.Body), &cancel))
		if m.MessageType != wire.JobCancellationType || cancel.JobID != h.msg.JobID || time.Duration(cancel.Timeout) != 5*time.Minute {
			t.Errorf("message %+v, want a cancellation of %s in five minutes", m, h.msg.JobID)
		}
		a, _ = h.renew()
		w.want("renewal while it stops", a, http.StatusOK)
		w.want("complete", h.complete(wire.Canceled), http.StatusOK)
		if got := w.job(run).Conclusion; got != actions.Cancelled {
			t.Errorf("conclusion %s, want cancelled", got)
		}
	})
}

func TestAForcedCancellationStopsRenewals(t *testing.T) { // JOB-3
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		run := w.start(simple)
		h := c.take(w.job(run).GUID)
		w.Must(w.Scheduler.Cancel(t.Context(), run.ID, true))
		a, _ := h.renew()
		w.wantSource("renewal", a, http.StatusNotFound, wire.RunServiceSource, "")
		w.want("complete", h.complete(wire.Succeeded), http.StatusOK)
		if got := w.job(run).Conclusion; got != actions.Cancelled {
			t.Errorf("conclusion %s, want the first one", got)
		}
	})
}

func TestAJobWhoseRunnerIsIdleAgainHasFailed(t *testing.T) { // END-3
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		run := w.start(simple)
		c.take(w.job(run).GUID)
		c.ask(wire.StatusOnline)
		for w.job(run).Status != actions.Completed {
			c.ask(wire.StatusOnline)
		}
		if got := w.job(run).Conclusion; got != actions.Failure {
			t.Errorf("conclusion %s, want failure", got)
		}
		notes, _, err := w.Store.Annotations(t.Context(), w.job(run).ID, storePage)
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0].Message, "idle again") {
			t.Errorf("annotations %v, %v; want one that says why", notes, err)
		}
	})
}

// What a runner says of itself goes into the database.
func TestOddWordsOfARunnerDoNoHarm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		query := "sessionId=" + c.session + "&status=online&os=%00%ff" + strings.Repeat("é", 100) + "&runnerVersion=%1b[31m&architecture=%F0%9F"
		a := w.do(http.MethodGet, c.auth.ServerURL+"message?"+query, c.access, nil, "")
		w.want("poll", a, http.StatusAccepted)
		w.Pass(actions.SessionLife)
		w.want("session", c.open("\x00\x1b]0;x\x07"+strings.Repeat("y", 10_000)), http.StatusOK)
		s, err := w.Store.RunnerSession(t.Context(), int64(c.id))
		if err != nil || len(s.Owner) > 255 || strings.ContainsAny(s.Owner, "\x00\x1b\x07") {
			t.Errorf("session of %q, %v", s.Owner, err)
		}
	})
}

// Every route, without credentials and with a body that makes no sense.
func TestNonsenseIsRefusedInTheRoutesOwnShape(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.runner("box")
		h := c.take(w.job(w.start(simple)).GUID)
		for _, route := range []struct{ path, token, source string }{
			{"/_runner/broker/session", c.access, wire.BrokerSource},
			{"/_runner/broker/acknowledge?" + c.query("Online"), c.access, wire.BrokerSource},
			{"/_runner/run/acquirejob", c.access, wire.RunServiceSource},
			{"/_runner/run/renewjob", h.access, wire.RunServiceSource},
			{"/_runner/run/completejob", h.access, wire.RunServiceSource},
		} {
			for name, body := range map[string]string{"broken": `{"a":`, "array": `[1]`, "deep": strings.Repeat(`{"a":`, 20_000), "large": strings.Repeat(" ", 33<<20)} {
				if name == "large" && w.t.Name() != "TestNonsenseIsRefusedInTheRoutesOwnShape/sqlite" {
					continue // once is enough
				}
				a := w.do(http.MethodPost, route.path, route.token, strings.NewReader(body), "application/json")
				w.wantSource(route.path+" "+name, a, http.StatusBadRequest, route.source, "")
			}
			a := w.do(http.MethodPost, route.path, "", strings.NewReader("{}"), "application/json")
			w.wantSource(route.path+" without a token", a, http.StatusUnauthorized, route.source, "")
			if a := w.do(http.MethodPut, route.path, route.token, nil, ""); a.status != http.StatusMethodNotAllowed {
				t.Errorf("PUT %s: %d, want 405", route.path, a.status)
			}
		}
		w.want("an unknown route", w.do(http.MethodPost, "/_runner/broker/_apis/distributedtask/pools/1/agents", c.access, nil, ""), http.StatusNotFound)
	})
}

func TestARunnerShowsOnlineWhileItIsThere(t *testing.T) {
	w := newWorld(t, nil)
	c := w.runner("box")
	status := func() string {
		t.Helper()
		r, err := w.Store.Runner(t.Context(), int64(c.id))
		if err != nil {
			t.Fatal(err)
		}
		if r.Online(w.Now()) {
			return "online"
		}
		return "offline"
	}
	if got := status(); got != "online" {
		t.Errorf("after its session opened the runner is %s", got)
	}
	if a := w.call(http.MethodDelete, c.auth.ServerURL+"session", c.access, nil, nil); a.status >= 300 {
		t.Fatalf("end of the session: %d %s", a.status, a.body)
	}
	for status() != "offline" { // written within a second
		time.Sleep(5 * time.Millisecond)
	}
}
