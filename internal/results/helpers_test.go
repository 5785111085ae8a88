package results_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A site is a whole server with a run of its own, in which tests add jobs.
type site struct {
	*servertest.Site
	*logstest.Fixture
}

func newServer(t testing.TB, opts ...servertest.Option) *site {
	t.Helper()
	return on(servertest.New(t, opts...))
}

// each runs a test with a server on each engine of the store.
func each(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) { test(t, on(s)) })
}

// on makes a repository with a run on a server.
func on(s *servertest.Site) *site {
	s.Helper()
	return &site{s, logstest.On(s.TB, s.Store, s.Blobs, s.Logs)}
}

// foreign is the same server, with another repository.
func (s *site) foreign() *site { return on(s.Site) }

// token is a job's token, with which its runner reports.
func (s *site) token(j *actions.Job) string {
	s.T.Helper()
	return s.tokenFor(j, false)
}

func (s *site) tokenFor(j *actions.Job, steps bool) string {
	s.T.Helper()
	text, err := s.Keys.SignJob(token.Job{
		ForSteps: steps, PlanGUID: s.Attempt.PlanID, GUID: j.GUID, RepoID: j.RepoID, RunID: j.RunID, ID: j.ID, Acquired: j.StartedAt, Expires: time.Now().Add(time.Hour),
	}, time.Now())
	if err != nil {
		s.T.Fatal(err)
	}
	return text
}

// client is a job of the server's own run.
func (s *site) client(j *actions.Job) *resultstest.Client {
	s.T.Helper()
	return &resultstest.Client{HTTP: s.Client, Base: s.URL, Token: s.token(j), IDs: s.ids(j)}
}

func (s *site) ids(j *actions.Job) wire.ResultsIDs {
	return wire.ResultsIDs{RunID: s.Attempt.PlanID, JobID: j.GUID}
}

// call calls a method below /twirp/ with the token of a job, and returns the
// status and the code of an error.
func (s *site) call(j *actions.Job, method string, in, out any) (int, string) {
	s.T.Helper()
	return s.callAs(s.token(j), "/"+method, in, out)
}

func (s *site) callAs(text, path string, in, out any) (int, string) {
	s.T.Helper()
	a := s.Do(http.MethodPost, path, text, in, "Content-Type: application/json")
	var e wire.TwirpError
	if a.StatusCode != http.StatusOK {
		if err := json.Unmarshal(a.Text, &e); err != nil || e.Msg == "" {
			s.T.Errorf("%s: not an error of Twirp: %s", path, a.Text)
		}
	} else if out != nil {
		if err := json.Unmarshal(a.Text, out); err != nil {
			s.T.Errorf("%s: %v in %s", path, err, a.Text)
		}
	}
	return a.StatusCode, e.Code
}

// send sends a request without credentials, and returns the status and Azure's code.
func (s *site) send(method, url, body string) (int, string) {
	s.T.Helper()
	a := s.Do(method, url, "", body)
	code := a.Header.Get("x-ms-error-code")
	if a.StatusCode >= 300 && method != http.MethodHead && !strings.Contains(string(a.Text), "<Code>"+code+"</Code>") {
		s.T.Errorf("%s %s: the body of %d is %q", method, url, a.StatusCode, a.Text)
	}
	if a.Header.Get("x-ms-request-id") == "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		s.T.Errorf("headers of a blob are missing: %v", a.Header)
	}
	return a.StatusCode, code
}

func (s *site) put(url, body string) {
	s.T.Helper()
	if status, code := s.send(http.MethodPut, url, body); status != http.StatusCreated {
		s.T.Errorf("PUT: %d %s", status, code)
	}
}

// stepURL asks for a URL to upload a piece of a step's log to.
func (s *site) stepURL(j *actions.Job, step string) string {
	s.T.Helper()
	var resp wire.LogsURLResponse
	status, code := s.call(j, wire.ReceiverPrefix+wire.GetStepLogsURL, wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: step}, &resp)
	if status != http.StatusOK || resp.BlobStorageType != wire.BlobStorageAzure || !strings.Contains(resp.LogsURL, "?") {
		s.T.Fatalf("%d %s: %+v", status, code, resp)
	}
	return resp.LogsURL
}

func (s *site) jobURL(j *actions.Job) string {
	s.T.Helper()
	var resp wire.LogsURLResponse
	if status, code := s.call(j, wire.ReceiverPrefix+wire.GetJobLogsURL, wire.BlobURLRequest{ResultsIDs: s.ids(j)}, &resp); status != http.StatusOK {
		s.T.Fatalf("%d %s", status, code)
	}
	return resp.LogsURL
}

func (s *site) jobLog(j *actions.Job) string {
	s.T.Helper()
	url, err := s.Results.JobLogURL(s.URL, j)
	if err != nil {
		s.T.Fatal(err)
	}
	return s.get(url)
}

func (s *site) get(url string) string {
	s.T.Helper()
	return string(s.Want(s.Do(http.MethodGet, url, "", nil), http.StatusOK).Text)
}

func (s *site) wantLog(j *actions.Job, want string) {
	s.T.Helper()
	if d := cmp.Diff(want, s.jobLog(j)); d != "" {
		s.T.Error(d)
	}
}

const (
	appendQuery = "&" + wire.CompAppendBlock
	sealQuery   = appendQuery + "&" + wire.SealQuery
	bom         = "\xEF\xBB\xBF"
)
