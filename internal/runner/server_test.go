package runner

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A server is the other side of the protocol, as far as a runner needs it. It
// checks what every request must hold, and can be made to fail.
type server struct {
	t    testing.TB
	http *httptest.Server

	messages chan wire.Message // for any poll
	jobs     chan wire.Message // for a poll that says Online

	mu       sync.Mutex
	fault    func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	keys     map[string]*rsa.PublicKey                         // by client id
	register []wire.RegisterRequest
	tokens   map[string]bool // that are accepted
	issued   int
	refused  int // tokens
	sessions int
	session  string // that is accepted
	closed   int
	polls    []string // status of each
	acks     []string
	acquired int
	renewed  int
	lock     time.Duration
	job      *wire.JobMessage
	step     wire.Step // of the job, for the real worker
	debugged bool      // the runner of the job is
	orders   []int64
	updates  [][]wire.StepUpdate
	blobs    map[string]map[int][]byte // by step, by part
	uploads  map[string]int            // by step: parts named
	creates  int
	seals    int
	logs     map[string]wire.LogsMetadata
	sums     map[string]wire.SummaryMetadata
	feed     []wire.FeedLines
	archive  []byte
	results  chan wire.CompleteJobRequest
}

const runnerID = 7

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{
		t: t, messages: make(chan wire.Message, 16), jobs: make(chan wire.Message, 16), lock: time.Hour,
		keys: map[string]*rsa.PublicKey{}, tokens: map[string]bool{}, blobs: map[string]map[int][]byte{}, uploads: map[string]int{},
		logs: map[string]wire.LogsMetadata{}, sums: map[string]wire.SummaryMetadata{}, results: make(chan wire.CompleteJobRequest, 16),
	}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) any{
		"POST /api/v3/actions/runner-registration":       s.exchange,
		"GET /api/v3/{kind}/{owner}/actions/{what}":      s.list,
		"POST /api/v3/actions/runners/register":          s.registerRunner,
		"DELETE /api/v3/{kind}/{owner}/actions/runners/": s.removeRunner,
		"POST /token/":              s.token,
		"POST /broker/session":      s.openSession,
		"DELETE /broker/session":    s.closeSession,
		"GET /broker/message":       s.poll,
		"POST /broker/acknowledge":  s.acknowledge,
		"POST /run/acquirejob":      s.acquire,
		"POST /run/renewjob":        s.renew,
		"POST /run/completejob":     s.complete,
		"POST /twirp/{service}/{m}": s.twirp,
		"PUT /blobs/{step}":         s.put,
		"POST " + strings.NewReplacer("{plan}", "plan-1", "{job}", "job-1").Replace(wire.ResolveActionsPath): s.resolve,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, h) })
	}
	mux.HandleFunc("GET /feed", s.follow)
	mux.HandleFunc("GET /archive", s.download)
	s.http = httptest.NewServer(mux)
	t.Cleanup(s.http.Close)
	return s
}

// status is an answer without a body.
type status int

// refusal is an answer with a status and a body.
type refusal struct {
	status int
	body   any
}

func (s *server) answer(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) any) {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	code, v := http.StatusOK, h(w, r)
	switch a := v.(type) {
	case nil:
		return
	case status:
		w.WriteHeader(int(a))
		return
	case refusal:
		code, v = a.status, a.body
	}
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Errorf("answer: %v", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

// failing makes the server fail by f.
func (s *server) failing(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// hangUp ends the connection without an answer, as a killed server does.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func (s *server) read(r *http.Request, v any) {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		s.t.Errorf("%s: %v", r.URL.Path, err)
	}
}

func (s *server) exchange(_ http.ResponseWriter, r *http.Request) any {
	var req wire.RegistrationRequest
	s.read(r, &req)
	if r.Header.Get("Authorization") != "RemoteAuth REG" {
		return status(http.StatusNotFound)
	}
	return wire.RegistrationResponse{URL: s.http.URL + "/broker/", TokenSchema: wire.TokenSchema, Token: "a.b.c", UseV2Flow: true}
}

func (s *server) list(_ http.ResponseWriter, r *http.Request) any {
	if got := r.PathValue("kind") + "/" + r.PathValue("owner"); got != "enterprises/understudy" {
		s.t.Errorf("scope %s", got)
	}
	if r.PathValue("what") == "runner-groups" {
		return wire.RunnerGroups{TotalCount: 2, RunnerGroups: []wire.RunnerGroup{{ID: 9, Name: "hosted", IsHosted: true, Default: true}, {ID: 1, Name: "Default", Default: true}}}
	}
	var all wire.Runners
	if r.URL.Query().Get("name") == "old" {
		all.Runners = []wire.RunnerRef{{ID: runnerID, Name: "old"}}
	}
	return all
}

func (s *server) registerRunner(_ http.ResponseWriter, r *http.Request) any {
	var req wire.RegisterRequest
	s.read(r, &req)
	key, err := wire.ParsePublicKeyXML(req.PublicKey)
	if err != nil {
		s.t.Errorf("register: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.register = append(s.register, req)
	s.keys["client-1"] = key
	return wire.RegisterResponse{ID: runnerID, Name: req.Name, Authorization: wire.RunnerAuthorization{
		AuthorizationURL: s.http.URL + "/token/", ServerURL: s.http.URL + "/broker/", ClientID: "client-1",
	}}
}

func (s *server) removeRunner(http.ResponseWriter, *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.keys)
	clear(s.tokens)
	return status(http.StatusNoContent)
}

// forgetRunner makes the runner one that the server does not know, until remember is
// called.
func (s *server) forgetRunner() (remember func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := maps.Clone(s.keys)
	clear(s.keys)
	clear(s.tokens)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keys = keys
	}
}

func (s *server) token(_ http.ResponseWriter, r *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.keys["client-1"]
	if key == nil {
		s.refused++
		return refusal{http.StatusBadRequest, wire.TokenError{Error: wire.ErrInvalidClient, Description: "no such client"}}
	}
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_assertion_type") != wire.AssertionJWTBearer {
		s.t.Errorf("token form: %v", r.Form)
	}
	_, err := jwt.Parse(r.FormValue("client_assertion"), func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{"PS256"}), jwt.WithIssuer("client-1"), jwt.WithSubject("client-1"),
		jwt.WithAudience(s.http.URL+"/token/"), jwt.WithExpirationRequired())
	if err != nil {
		s.t.Errorf("assertion: %v", err)
	}
	s.issued++
	token := fmt.Sprintf("runner-%d", s.issued)
	s.tokens[token] = true
	return wire.TokenResponse{AccessToken: token, ExpiresIn: 3600, TokenType: "JWT"}
}

// expireTokens makes every runner token a bad one.
func (s *server) expireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// asRunner needs s.mu.
func (s *server) asRunner(r *http.Request) bool {
	return s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
}

func (s *server) asJob(r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer job.to.ken" {
		s.t.Errorf("%s: authorization %q", r.URL.Path, got)
	}
}

func (s *server) openSession(_ http.ResponseWriter, r *http.Request) any {
	var req wire.Session
	s.read(r, &req)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asRunner(r) {
		return status(http.StatusUnauthorized)
	}
	s.sessions++
	s.session = fmt.Sprintf("session-%d", s.sessions)
	req.SessionID = s.session
	return req
}

func (s *server) closeSession(_ http.ResponseWriter, r *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asRunner(r) {
		return status(http.StatusUnauthorized)
	}
	s.closed++
	s.session = ""
	return status(http.StatusNoContent)
}

func brokerRefusal(kind string) refusal {
	return refusal{http.StatusBadRequest, wire.BrokerError{Source: wire.BrokerSource, ErrorKind: kind, StatusCode: 400}}
}

func runRefusal(code int) refusal {
	return refusal{code, wire.RunServiceError{Source: wire.RunServiceSource, StatusCode: code, ErrorMessage: "no"}}
}

func (s *server) poll(_ http.ResponseWriter, r *http.Request) any {
	q := r.URL.Query()
	s.mu.Lock()
	ok, session := s.asRunner(r), s.session
	if ok {
		s.polls = append(s.polls, q.Get("status"))
	}
	s.mu.Unlock()
	switch {
	case !ok:
		return status(http.StatusUnauthorized)
	case q.Get("sessionId") != session:
		return brokerRefusal(wire.RunnerSessionInvalid)
	}
	jobs := s.jobs
	if q.Get("status") != wire.StatusOnline {
		jobs = nil
	}
	select {
	case m := <-jobs:
		return m
	case m := <-s.messages:
		return m
	case <-r.Context().Done():
		return nil
	case <-time.After(20 * time.Second):
		return status(http.StatusAccepted)
	}
}

func (s *server) acknowledge(_ http.ResponseWriter, r *http.Request) any {
	var req wire.AcknowledgeRequest
	s.read(r, &req)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks = append(s.acks, req.RunnerRequestID)
	return status(http.StatusOK)
}

func (s *server) acquire(_ http.ResponseWriter, r *http.Request) any {
	var req wire.AcquireJobRequest
	s.read(r, &req)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.asRunner(r):
		return status(http.StatusUnauthorized)
	case req.JobMessageID != "request-1":
		return runRefusal(http.StatusConflict)
	}
	s.acquired++
	return s.job
}

func (s *server) renew(_ http.ResponseWriter, r *http.Request) any {
	s.asJob(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewed++
	return wire.RenewJobResponse{LockedUntil: wire.At(time.Now().Add(s.lock))}
}

func (s *server) complete(_ http.ResponseWriter, r *http.Request) any {
	s.asJob(r)
	var req wire.CompleteJobRequest
	s.read(r, &req)
	s.results <- req
	return status(http.StatusOK)
}

// offer sends a job to the next poll.
func (s *server) offer(request string) {
	s.mu.Lock()
	s.job = &wire.JobMessage{
		MessageType: wire.RunnerJobRequestType, Plan: wire.Plan{PlanID: "plan-1"}, JobID: "job-1", JobDisplayName: "build",
		Resources: wire.Resources{Endpoints: []wire.Endpoint{{
			Name: wire.SystemConnection, URL: s.http.URL + "/run/",
			Authorization: wire.EndpointAuthorization{Scheme: "OAuth", Parameters: map[string]string{wire.AccessToken: "job.to.ken", wire.StepsAccessToken: "steps.to.ken"}},
			Data:          map[string]string{wire.FeedStreamURL: strings.Replace(s.http.URL, "http", "ws", 1) + "/feed"},
		}}},
		Variables: map[string]wire.Variable{
			wire.VarResultsEndpoint: {Value: s.http.URL + "/"}, wire.VarLaunchEndpoint: {Value: s.http.URL + "/"},
			wire.VarToken: {Value: "ghs_x", IsSecret: true},
		},
	}
	if s.debugged {
		s.job.Variables[wire.VarRunnerDebug] = wire.Variable{Value: "true"}
		s.job.Steps = []wire.Step{{ID: "a", Reference: wire.Reference{Type: wire.RefRepository, Name: "actions/cache", Path: "save", Ref: "v4"}}}
	}
	if s.step.ID != "" {
		s.job.Steps = []wire.Step{s.step}
		s.job.ContextData = wire.ContextData{"github": &wire.ContextDict{Pairs: []wire.ContextPair{{Key: "repository", Value: "octo/hello"}}}}
	}
	s.mu.Unlock()
	s.jobs <- message(s.t, wire.RunnerJobRequestType, wire.RunnerJobRequest{
		ID: "1", RunnerRequestID: request, ShouldAcknowledge: true, RunServiceURL: s.http.URL + "/run/",
	})
}

// send sends a message to the next poll.
func (s *server) send(kind string, body any) { s.messages <- message(s.t, kind, body) }

func message(t testing.TB, kind string, body any) wire.Message {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Errorf("message: %v", err)
	}
	return wire.Message{MessageID: 1, MessageType: kind, Body: string(b)}
}

// result is the next completed job.
func (s *server) result() wire.CompleteJobRequest {
	s.t.Helper()
	select {
	case r := <-s.results:
		return r
	case <-time.After(20 * time.Second):
		s.t.Fatal("no job was completed")
		panic("unreachable")
	}
}

// eventually waits for a claim about the server's state, which ok is called
// with the lock for.
func (s *server) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		is := ok()
		s.mu.Unlock()
		if is {
			return
		}
	}
	s.t.Errorf("never: %s", what) // not Fatal: jobs call it from goroutines of their own
}

// online is how many polls said Online. It needs s.mu.
func (s *server) online() (n int) {
	for _, status := range s.polls {
		if status == wire.StatusOnline {
			n++
		}
	}
	return n
}

func testLog(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
