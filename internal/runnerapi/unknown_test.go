package runnerapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Older data was put back, which does not know a runner; its number is another's by now.
// GitHub's runner deletes its configuration on RunnerNotFound, and goes on asking on a
// 401 that no new token mends.
func TestARunnerThatTheDataDoesNotKnowKeepsItsConfiguration(t *testing.T) { // AUTH-1, SES-2
	each(t, func(t *testing.T, w *world) {
		right := w.runnerOf(repo, urlPath, "right")
		old := *right
		old.auth.ClientID = uuid.NewString() // and no row has it
		text, err := w.Keys.SignRunner(token.Runner{ID: int64(right.id), ClientID: old.auth.ClientID, Expires: w.Now().Add(time.Hour)}, w.Now())
		w.Must(err)
		old.access = "Bearer " + text

		a, _ := old.ask(wire.StatusOnline)
		w.wantSource("poll", a, http.StatusUnauthorized, wire.BrokerSource, "")
		w.wantSource("session", old.open("old (PID: 1)"), http.StatusUnauthorized, wire.BrokerSource, "")
		job := w.job(w.start(simple))
		a, _ = old.acquire(job.GUID)
		w.wantSource("acquire", a, http.StatusUnauthorized, wire.RunServiceSource, "")
		w.wantSource("acknowledge", old.acknowledge(job.GUID), http.StatusUnauthorized, wire.BrokerSource, "")
		w.want("end of the session", w.call(http.MethodDelete, old.auth.ServerURL+"session", old.access, nil, nil), http.StatusUnauthorized)
		a = old.authorize(old.assertion(nil), nil)
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), wire.ErrInvalidClient) || !strings.Contains(string(a.body), "does not know") {
			t.Errorf("token: %d %s, want 400 invalid_client, and why", a.status, a.body)
		}

		if offer := right.offer(); offer.RunnerRequestID != job.GUID { // its session is still there
			t.Errorf("the right runner is offered %+v, want job %s", offer, job.GUID)
		}
		right.take(job.GUID)
	})
}

// Older data was put back, and another job has the number of the one that asked.
func TestAnActionIsNotForTheJobThatHasTheNumberNow(t *testing.T) {
	w := newWorld(t, nil)
	w.pushFiles(w.tools, map[string]string{"action.yml": "runs: {using: composite, steps: []}\n"})
	_, found, _ := w.hold("box").resolve("octo/tools@main")
	info := found.Actions["octo/tools@main"]
	w.want("the archive", w.do(http.MethodGet, info.TarURL, "", nil, ""), http.StatusOK)
	u, err := url.Parse(info.TarURL)
	w.Must(err)
	g, err := w.Keys.VerifyURL(http.MethodGet, u.Host, u.EscapedPath(), u.RawQuery, w.Now())
	w.Must(err)
	g.GUID = uuid.NewString()
	u.RawQuery, err = w.Keys.SignURL(u.Path, g)
	w.Must(err)
	w.want("the archive for a job of other data", w.do(http.MethodGet, u.String(), "", nil, ""), http.StatusNotFound)
}
