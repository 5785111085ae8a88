package runnerapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// The runner of a job that the server has ended is still at work, and has more to show.
func TestARunnerShowsWhatItHasForAMomentAfterAForcedEnd(t *testing.T) { // LOG-1, LOG-5
	w := newWorld(t, nil)
	h := w.hold("box")
	ids := wire.ResultsIDs{RunID: h.msg.Plan.PlanID, JobID: h.msg.JobID}
	step := uuid.NewString()
	h.update(1, wire.StepUpdate{ExternalID: step, Number: 1, Name: "long", Status: wire.StepInProgress})
	w.Must(w.Scheduler.Fail(t.Context(), w.jobOf(h).ID, "The runner was lost."))
	dial := func() (*websocket.Conn, *http.Response, error) {
		url := "ws" + strings.TrimPrefix(w.URL, "http") + "/_runner/feed/" + h.msg.JobID
		return websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {h.access}}})
	}
	show := func(text string) (asked, put int) {
		var to wire.LogsURLResponse
		a := w.call(http.MethodPost, "/"+wire.ReceiverPrefix+wire.GetStepLogsURL, h.access, wire.BlobURLRequest{ResultsIDs: ids, StepID: step}, &to)
		if a.status != http.StatusOK {
			return a.status, 0
		}
		return a.status, w.do(http.MethodPut, to.LogsURL, "", strings.NewReader(text), "text/plain").status
	}
	for _, after := range []time.Duration{0, actions.ShowTime - time.Second} {
		w.Pass(after)
		if asked, put := show("a line\n"); asked != http.StatusOK || put != http.StatusCreated {
			t.Errorf("a log after %s: %d, %d", after, asked, put)
		}
		conn, resp, err := dial()
		if err != nil {
			t.Fatalf("the feed after %s: %v, %v", after, resp, err)
		}
		_ = conn.CloseNow()
	}
	if log := h.log(); !strings.Contains(log, "a line\n") {
		t.Errorf("the log is %q", log)
	}
	w.Pass(2 * time.Second)
	if asked, _ := show("late\n"); asked != http.StatusPreconditionFailed {
		t.Errorf("a log later: %d", asked)
	}
	if conn, resp, err := dial(); err == nil || resp == nil || resp.StatusCode != http.StatusConflict {
		t.Errorf("the feed later: %v, %v, %v", conn, resp, err)
	}
}
