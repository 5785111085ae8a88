package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	guid "github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A pace is how GitHub's runner keeps time.
type pace struct {
	renew    time.Duration    // between renewals
	pause    [2]time.Duration // between tries of a call: at least, at most
	again    time.Duration    // until a call whose connection broke is made again; then twice as long
	answer   time.Duration    // for which an answer is waited for
	feed     [2]time.Duration // until a connection for live lines that does not come is given up
	feedNext time.Duration    // until it is tried again after three that failed
	live     time.Duration    // between messages of live lines
}

// githubPace is GitHub's own.
var githubPace = pace{
	renew: time.Minute, pause: [2]time.Duration{5 * time.Second, 15 * time.Second}, again: 10 * time.Second,
	answer: 100 * time.Second, feed: [2]time.Duration{100 * time.Millisecond, 500 * time.Millisecond},
	feedNext: 10 * time.Minute, live: 250 * time.Millisecond,
}

// quickPace has shorter pauses. What it waits for is as long as GitHub's, since a
// machine may be slow.
var quickPace = pace{
	renew: time.Second, pause: [2]time.Duration{100 * time.Millisecond, 300 * time.Millisecond}, again: 200 * time.Millisecond,
	answer: githubPace.answer, feed: githubPace.feed, feedNext: githubPace.feedNext, live: 50 * time.Millisecond,
}

// A githubRunner behaves to the server as GitHub's runner was seen to: what it tries
// again, and what it gives up. It executes nothing: a test says what its jobs print.
type githubRunner struct {
	t    *testing.T
	pace pace
	http *http.Client
	key  *rsa.PrivateKey

	id      wire.Int
	name    string
	auth    wire.RunnerAuthorization
	session string
	jobs    chan *githubJob // that it got

	refused atomic.Int64 // connections that the server's machine refused
	puts    atomic.Int64 // uploads that were answered
	waiting atomic.Int64 // requests, other than polls, that were sent and are not answered
	polling atomic.Int64 // polls

	mu     sync.Mutex
	access string     // its token
	job    *githubJob // that it has
	hangUp func()     // ends the poll
}

// newGithubRunner registers a runner of the repository with a label, and lets it wait
// for jobs until the test ends.
func (r *repository) newGithubRunner(p pace, label string) *githubRunner {
	r.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		r.t.Fatal(err)
	}
	g := &githubRunner{t: r.t, pace: p, key: key, name: "github-" + label, jobs: make(chan *githubJob, 1), http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: p.answer,
	}}
	ctx, cancel := context.WithCancel(r.t.Context())
	req := &wire.RegisterRequest{
		URL: r.url + "/" + r.name, GroupID: 1, Name: g.name, Version: "2.336.0", PublicKey: wire.PublicKeyXML(&key.PublicKey),
		Labels: []wire.RunnerLabel{{Name: "self-hosted", Type: wire.LabelSystem}, {Name: label, Type: wire.LabelUser}},
	}
	var out wire.RegisterResponse
	if err := g.call(ctx, http.MethodPost, r.url+"/api/v3/"+wire.RegisterPath, "RemoteAuth "+r.registrationToken(r.api), req, &out); err != nil {
		r.t.Fatal(err)
	}
	g.id, g.auth = out.ID, out.Authorization
	if err := errors.Join(g.login(ctx), g.open(ctx)); err != nil {
		r.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { g.listen(ctx, &wg) })
	r.t.Cleanup(func() { cancel(); wg.Wait(); g.http.CloseIdleConnections() })
	return g
}

// An answered is a request that got an answer other than 2xx.
type answered struct {
	status int
	body   string
}

func (e *answered) Error() string { return fmt.Sprintf("%d %.200s", e.status, e.body) }

func statusOf(err error) int {
	if a := new(answered); errors.As(err, &a) {
		return a.status
	}
	return 0
}

// call makes one call with JSON. A connection that breaks, and an answer of a server
// that is not there, make it try three times more; one that is refused does not.
func (g *githubRunner) call(ctx context.Context, method, to, auth string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in == nil {
		body = nil
	}
	return g.send(ctx, method, to, out, body, "Authorization", auth, "Content-Type", "application/json; charset=utf-8")
}

// send is call with a body of any kind, and headers as names and values in turn.
func (g *githubRunner) send(ctx context.Context, method, to string, out any, body []byte, headers ...string) (err error) {
	for try, pause := 0, g.pace.again; ; try, pause = try+1, 2*pause {
		err = g.once(ctx, method, to, out, body, headers)
		status := statusOf(err)
		broken := err != nil && status == 0 && !errors.Is(err, syscall.ECONNREFUSED)
		if try == 3 || ctx.Err() != nil || !broken && status != 502 && status != 503 && status != 504 {
			return err
		}
		if sleepFor(ctx, pause) != nil {
			return err
		}
	}
}

func (g *githubRunner) once(ctx context.Context, method, to string, out any, body []byte, headers []string) error {
	waiting := &g.waiting
	if strings.Contains(to, "/"+wire.MessagePath+"?") {
		waiting = &g.polling
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		if sent.CompareAndSwap(false, true) { // not again on another connection
			waiting.Add(1)
		}
	}})
	defer func() {
		if sent.Load() {
			waiting.Add(-1)
		}
	}()
	r, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := g.http.Do(r)
	if errors.Is(err, syscall.ECONNREFUSED) {
		g.refused.Add(1)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return &answered{resp.StatusCode, string(text)}
	case out == nil || len(text) == 0:
		return nil
	}
	return json.Unmarshal(text, out)
}

// tries makes a call that matters up to five times, unless the answer is final.
func (g *githubRunner) tries(ctx context.Context, call func() error) (err error) {
	for try := range 5 {
		if try > 0 {
			least, most := g.pace.pause[0], g.pace.pause[1]
			if sleepFor(ctx, least+mathrand.N(most-least)) != nil {
				return err
			}
		}
		err = call()
		if status := statusOf(err); err == nil || status == http.StatusNotFound || status == http.StatusUnauthorized {
			return err
		}
	}
	return err
}

func sleepFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// login gets a token.
func (g *githubRunner) login(ctx context.Context) error {
	now := time.Now()
	text, err := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.MapClaims{
		"sub": g.auth.ClientID, "iss": g.auth.ClientID, "aud": g.auth.AuthorizationURL, "jti": guid.NewString(),
		"nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}).SignedString(g.key)
	if err != nil {
		return err
	}
	form := url.Values{
		"grant_type": {wire.GrantClientCredentials}, "client_assertion_type": {wire.AssertionJWTBearer}, "client_assertion": {text},
	}
	var out wire.TokenResponse
	err = g.send(ctx, http.MethodPost, g.auth.AuthorizationURL, &out, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.access = "Bearer " + out.AccessToken
	return err
}

func (g *githubRunner) token() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.access
}

func (g *githubRunner) open(ctx context.Context) error {
	in := wire.Session{SessionID: guid.Nil.String(), OwnerName: g.name + " (PID: 1)", Agent: wire.Agent{ID: g.id, Name: g.name}}
	var out wire.Session
	err := g.call(ctx, http.MethodPost, g.auth.ServerURL+wire.SessionPath, g.token(), in, &out)
	g.session = out.SessionID
	return err
}

// setJob says which job it has. A poll that says otherwise is ended.
func (g *githubRunner) setJob(j *githubJob) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.job = j
	g.hangUp()
}

// begin begins a poll, and says whether the runner has a job.
func (g *githubRunner) begin(ctx context.Context) (poll context.Context, busy bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	poll, g.hangUp = context.WithCancel(ctx)
	return poll, g.job != nil
}

// listen polls until ctx is done, and takes the jobs that come.
func (g *githubRunner) listen(ctx context.Context, wg *sync.WaitGroup) {
	for ctx.Err() == nil {
		status := wire.StatusOnline
		poll, busy := g.begin(ctx)
		if busy {
			status = wire.StatusBusy
		}
		query := url.Values{
			"sessionId": {g.session}, "status": {status}, "runnerVersion": {"2.336.0"}, "os": {"Linux"}, "architecture": {"X64"}, "disableUpdate": {"true"},
		}.Encode()
		var m wire.Message
		err := g.call(poll, http.MethodGet, g.auth.ServerURL+wire.MessagePath+"?"+query, g.token(), nil, &m)
		switch {
		case poll.Err() != nil: // the runner got a job, or has no more one
		case statusOf(err) == http.StatusUnauthorized:
			_ = g.login(ctx) // the next poll tells
		case err != nil:
			_ = sleepFor(ctx, g.pace.pause[0]) // the loop ends with ctx
		case m.MessageType == wire.RunnerJobRequestType && status == wire.StatusOnline:
			if j := g.take(ctx, m.Body, query); j != nil {
				wg.Go(func() { j.hold(ctx) })
				wg.Go(func() { j.live(ctx) })
				select {
				case g.jobs <- j:
				case <-ctx.Done():
				}
			}
		}
	}
}

// take acquires the job of an offer; nil if it does not get it.
func (g *githubRunner) take(ctx context.Context, offer, query string) *githubJob {
	var req wire.RunnerJobRequest
	if json.Unmarshal([]byte(offer), &req) != nil {
		return nil
	}
	_ = g.call(ctx, http.MethodPost, g.auth.ServerURL+wire.AcknowledgePath+"?"+query, g.token(), wire.AcknowledgeRequest{RunnerRequestID: req.RunnerRequestID}, nil)
	j := &githubJob{runner: g, over: make(chan struct{}), gaveUp: make(chan struct{})}
	in := wire.AcquireJobRequest{JobMessageID: req.RunnerRequestID, RunnerOS: "Linux"}
	if g.tries(ctx, func() error {
		return g.call(ctx, http.MethodPost, req.RunServiceURL+wire.AcquireJobPath, g.token(), in, &j.msg)
	}) != nil {
		return nil
	}
	j.auth = "Bearer " + j.msg.Connection().Token()
	j.ids = wire.ResultsIDs{RunID: j.msg.Plan.PlanID, JobID: j.msg.JobID}
	if j.renew(ctx) != nil { // it drops the job, and says nothing
		return nil
	}
	g.setJob(j)
	return j
}

// next is the job that the runner gets next.
func (g *githubRunner) next() *githubJob {
	g.t.Helper()
	select {
	case j := <-g.jobs:
		return j
	case <-time.After(patience):
		g.t.Fatal("the runner gets no job")
	}
	return nil
}

// untilWaiting waits until a request of the runner, other than a poll, has been sent and
// is not answered.
func (g *githubRunner) untilWaiting() {
	g.t.Helper()
	until(g.t, "the runner does not ask", func() bool { return g.waiting.Load() > 0 })
}

// untilAsking is untilWaiting for requests of any kind.
func (g *githubRunner) untilAsking() {
	g.t.Helper()
	until(g.t, "the runner does not ask", func() bool { return g.waiting.Load()+g.polling.Load() > 0 })
}
