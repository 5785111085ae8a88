package results_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/results"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A server is the surface behind a listener, with a clock that tests move.
type server struct {
	*logstest.Fixture
	api       *results.API
	objects   *object.Objects
	artifacts *artifact.Artifacts
	caches    *cache.Caches
	keys      *token.Keys
	http      *httptest.Server
	late      atomic.Int64 // nanoseconds ahead of the clock
}

func newServer(t testing.TB, st *store.Store, limits logs.Limits) *server {
	t.Helper()
	return newLimitedServer(t, st, limits, artifact.DefaultLimits(), object.DefaultLimits())
}

func newLimitedServer(t testing.TB, st *store.Store, limits logs.Limits, artifacts artifact.Limits, objects object.Limits) *server {
	t.Helper()
	s := &server{Fixture: logstest.New(t, st, limits)}
	var err error
	if s.keys, err = token.LoadKeys(t.TempDir(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s.objects = object.New(object.Config{Store: st, Blobs: s.Blobs, Log: log, Now: s.now, Limits: objects})
	s.artifacts = artifact.New(artifact.Config{Store: st, Objects: s.objects, Log: log, Now: s.now, Limits: artifacts})
	s.caches = cache.New(cache.Config{Store: st, Objects: s.objects, Log: log, Now: s.now})
	s.api = results.New(results.Config{
		Store: st, Logs: s.Logs, Steps: steps.New(st), Artifacts: s.artifacts, Caches: s.caches, Objects: s.objects, Keys: s.keys, Log: log, Now: s.now,
	})
	s.http = httptest.NewServer(s.api)
	t.Cleanup(s.http.Close)
	return s
}

func (s *server) now() time.Time { return time.Now().Add(time.Duration(s.late.Load())) }

// wait moves the clock.
func (s *server) wait(d time.Duration) { s.late.Add(int64(d)) }

func (s *server) token(j *actions.Job) string {
	s.T.Helper()
	text, err := s.keys.SignJob(token.Job{
		PlanGUID: s.Attempt.PlanID, GUID: j.GUID, RepoID: j.RepoID, RunID: j.RunID, ID: j.ID, Expires: time.Now().Add(time.Hour),
	}, time.Now())
	if err != nil {
		s.T.Fatal(err)
	}
	return text
}

// client is a job of the server's own run.
func (s *server) client(j *actions.Job) *resultstest.Client {
	s.T.Helper()
	return &resultstest.Client{HTTP: s.http.Client(), Base: s.http.URL, Token: s.token(j), IDs: s.ids(j)}
}

func (s *server) ids(j *actions.Job) wire.ResultsIDs {
	return wire.ResultsIDs{RunID: s.Attempt.PlanID, JobID: j.GUID}
}

// call calls a method below /twirp/ with the token of a job, and returns the
// status and the code of an error.
func (s *server) call(j *actions.Job, method string, in, out any) (int, string) {
	s.T.Helper()
	return s.callAs(s.token(j), "/"+method, in, out)
}

func (s *server) callAs(text, path string, in, out any) (int, string) {
	s.T.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.T.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.http.URL+path, bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "bearer "+text)
	req.Header.Set("Content-Type", "application/json")
	status, answer, _ := s.do(req)
	var e wire.TwirpError
	if status != http.StatusOK {
		if err := json.Unmarshal([]byte(answer), &e); err != nil || e.Msg == "" {
			s.T.Errorf("%s: not an error of Twirp: %s", path, answer)
		}
	} else if out != nil {
		if err := json.Unmarshal([]byte(answer), out); err != nil {
			s.T.Errorf("%s: %v in %s", path, err, answer)
		}
	}
	return status, e.Code
}

func (s *server) do(req *http.Request) (int, string, http.Header) {
	s.T.Helper()
	resp, err := s.http.Client().Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return resp.StatusCode, string(answer), resp.Header
}

// send sends a request without credentials, and returns the status and Azure's code.
func (s *server) send(method, url, body string) (int, string) {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	status, answer, h := s.do(req)
	code := h.Get("x-ms-error-code")
	if status >= 300 && method != http.MethodHead && !strings.Contains(answer, "<Code>"+code+"</Code>") {
		s.T.Errorf("%s %s: the body of %d is %q", method, url, status, answer)
	}
	if h.Get("x-ms-request-id") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
		s.T.Errorf("headers of a blob are missing: %v", h)
	}
	return status, code
}

func (s *server) put(url, body string) {
	s.T.Helper()
	if status, code := s.send(http.MethodPut, url, body); status != http.StatusCreated {
		s.T.Errorf("PUT: %d %s", status, code)
	}
}

// stepURL asks for a place for a piece of a step's log.
func (s *server) stepURL(j *actions.Job, step string) string {
	s.T.Helper()
	var resp wire.LogsURLResponse
	status, code := s.call(j, wire.ReceiverPrefix+wire.GetStepLogsURL, wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: step}, &resp)
	if status != http.StatusOK || resp.BlobStorageType != wire.BlobStorageUnspecified || !strings.Contains(resp.LogsURL, "?") {
		s.T.Fatalf("%d %s: %+v", status, code, resp)
	}
	return resp.LogsURL
}

func (s *server) jobURL(j *actions.Job) string {
	s.T.Helper()
	var resp wire.LogsURLResponse
	if status, code := s.call(j, wire.ReceiverPrefix+wire.GetJobLogsURL, wire.BlobURLRequest{ResultsIDs: s.ids(j)}, &resp); status != http.StatusOK {
		s.T.Fatalf("%d %s", status, code)
	}
	return resp.LogsURL
}

func (s *server) jobLog(j *actions.Job) string {
	s.T.Helper()
	url, err := s.api.JobLogURL(s.http.URL, j)
	if err != nil {
		s.T.Fatal(err)
	}
	return s.get(url)
}

func (s *server) get(url string) string {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		s.T.Fatal(err)
	}
	status, answer, _ := s.do(req)
	if status != http.StatusOK {
		s.T.Fatalf("GET: %d %s", status, answer)
	}
	return answer
}

func (s *server) wantLog(j *actions.Job, want string) {
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
