package runnerapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Limits of the live console. Runners cut lines themselves and send 100 in a
// message (LOG-4).
const (
	maxFeedMessage = 1 << 20 // bytes
	maxFeedLines   = 4096    // of a message
	maxFeedLine    = 1024    // characters
)

// feed serves GET /_runner/feed/{job}, the WebSocket of the live console (LOG-5): a
// job's runner sends lines as they appear, for people who follow the log. The
// server sends nothing, not even pings, since some runners never read.
func (a *API) feed(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	switch {
	case err != nil:
		return err
	case !strings.EqualFold(r.PathValue("job"), job.GUID):
		return actions.Errorf(actions.NotFound, "job %.60q is not the token's", r.PathValue("job"))
	}
	if err := job.MayShow(a.Now()); err != nil {
		return err
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil // Accept has answered
	}
	defer a.Logs.Connected(job.ID)()
	conn.SetReadLimit(maxFeedMessage)
	ctx, cancel := context.WithCancel(r.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	over := new(atomic.Bool)
	wg.Go(func() {
		left, ended := a.waitForEnd(ctx, job)
		if !ended {
			return
		}
		over.Store(true)
		// A runner hangs up when it has reported the end. One that is still at work, as the
		// server has ended its job, would only connect again.
		late := time.NewTimer(left)
		defer late.Stop()
		select {
		case <-ctx.Done():
		case <-late.C:
			_ = conn.Close(websocket.StatusNormalClosure, "the job is over") // the runner may be gone already
		}
	})
	a.readFeed(ctx, conn, job, over)
	return nil
}

// readFeed publishes what a runner sends, until either side closes. Once the job is over
// nobody follows it, and lines are passed over.
func (a *API) readFeed(ctx context.Context, conn *websocket.Conn, job *actions.Job, over *atomic.Bool) {
	defer conn.CloseNow() //nolint:errcheck // closed already, or broken
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return // closed, or a message is too long: the library has told the runner
		}
		var m wire.FeedLines
		if json.Unmarshal(message, &m) != nil {
			_ = conn.Close(websocket.StatusInvalidFramePayloadData, "a message is a JSON object")
			return
		}
		if step, err := uuid.Parse(m.StepID); err == nil && !over.Load() {
			a.Logs.Publish(job.ID, feedStep(job, step.String()), int64(m.StartLine), feedLines(m.Value))
		}
	}
}

// feedStep is the step under which lines are kept. What comes before the first
// step comes under the job's own id.
func feedStep(job *actions.Job, step string) string {
	if step == job.GUID {
		return logs.Preamble
	}
	return step
}

// feedLines divides entries into lines and cuts them.
func feedLines(entries []string) []string {
	lines := make([]string, 0, min(len(entries), maxFeedLines))
	for _, entry := range entries {
		for line := range strings.SplitSeq(entry, "\n") {
			if len(lines) == maxFeedLines {
				return lines
			}
			lines = append(lines, cutLine(strings.TrimSuffix(line, "\r")))
		}
	}
	return lines
}

// cutLine returns the first characters of a line, as a copy that does not keep the
// rest in memory.
func cutLine(line string) string {
	if len(line) <= maxFeedLine {
		return line
	}
	n := 0
	for i := range line {
		if n == maxFeedLine {
			return strings.Clone(line[:i])
		}
		n++
	}
	return line
}

// waitForEnd waits until the job is over, and says for how long its runner may still show
// something. It is false when ctx is done before.
func (a *API) waitForEnd(ctx context.Context, job *actions.Job) (left time.Duration, ended bool) {
	changed := a.Store.Subscribe(store.RunTopic(job.RunID))
	defer changed.Close()
	for {
		now, err := a.Store.Job(ctx, job.ID)
		switch {
		case actions.KindOf(err) == actions.NotFound:
			return 0, true
		case err == nil && now.Status != actions.InProgress:
			return now.CompletedAt.Add(actions.ShowTime).Sub(a.Now()), true
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-changed.C():
		}
	}
}
