package runnerapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

// say sends live lines of a step, and waits until followers have them.
func (h *held) say(step string, lines ...string) {
	w := h.c.w
	w.t.Helper()
	conn, resp, err := websocket.Dial(w.t.Context(), h.msg.Connection().Data[wire.FeedStreamURL], &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {h.access}}})
	w.Must(err)
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	defer conn.CloseNow() //nolint:errcheck // all is sent
	text := `"` + strings.Join(lines, `","`) + `"`
	w.Must(conn.Write(w.t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"count":%d,"value":[%s],"stepId":%q,"startLine":1}`, len(lines), text, step)))
	job, err := w.Store.JobByGUID(w.t.Context(), h.msg.JobID)
	w.Must(err)
	for e := range w.Logs.Follow(w.t.Context(), job) {
		if e.Step == step {
			return
		}
	}
}

// Its worker was killed: no log comes any more, of no step and of no job.
func TestTheLiveLinesOfAKilledWorkerStay(t *testing.T) { // LOG-6
	each(t, func(t *testing.T, w *world) {
		h, step, now := w.hold("box"), uuid.NewString(), w.Now()
		h.update(1, wire.StepUpdate{ExternalID: step, Number: 1, Name: "Run make", Status: wire.StepInProgress, StartedAt: wire.At(now)})
		h.say(step, "making", "making more")
		w.want("complete", h.report(&wire.CompleteJobRequest{Conclusion: wire.Failed}), http.StatusOK)
		const want = "making\nmaking more\n##[warning]The log of this step did not arrive. " +
			"These are its lines as they were shown live: long ones are cut, and the last may be missing.\n"
		if got := h.log(); got != want {
			t.Errorf("the log of the job is %q", got)
		}
	})
}
