package runnerapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

// Two keys are enough for all tests, and slow to make.
var (
	oneKey   = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	otherKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
)

// A client speaks the protocol as a runner does.
type client struct {
	w         *world
	key       *rsa.PrivateKey
	id        wire.Int
	name      string
	auth      wire.RunnerAuthorization
	access    string // "Bearer " and the runner's token
	session   string
	algorithm jwt.SigningMethod
}

// registrationToken asks for a token; kind is registration-token or remove-token.
func (w *world) registrationToken(scope, kind string) string {
	w.t.Helper()
	var out struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	w.want(kind, w.call(http.MethodPost, w.api+"/"+scope+"/actions/runners/"+kind, "Bearer "+w.admin, nil, &out), http.StatusCreated)
	if d := out.ExpiresAt.Sub(w.Now()); d < 59*time.Minute || d > time.Hour {
		w.t.Errorf("%s expires in %s, want an hour", kind, d)
	}
	return out.Token
}

// request is the body of a registration.
func (w *world) request(urlPath, name string, labels ...string) *wire.RegisterRequest {
	w.t.Helper()
	key, err := oneKey()
	w.Must(err)
	req := &wire.RegisterRequest{
		URL: w.URL + "/" + urlPath, GroupID: 1, Name: name, Version: "2.336.0", PublicKey: wire.PublicKeyXML(&key.PublicKey),
		Labels: []wire.RunnerLabel{{Name: "self-hosted", Type: wire.LabelSystem}, {Name: "Linux", Type: wire.LabelSystem}},
	}
	for _, l := range labels {
		req.Labels = append(req.Labels, wire.RunnerLabel{Name: l, Type: wire.LabelUser})
	}
	return req
}

// register registers a runner as config.sh does, less the questions.
func (w *world) register(req *wire.RegisterRequest, regToken string) *client {
	w.t.Helper()
	key, err := oneKey()
	w.Must(err)
	c := &client{w: w, key: key, name: req.Name, algorithm: jwt.SigningMethodPS256}
	var out wire.RegisterResponse
	w.want("register", w.call(http.MethodPost, w.api+"/actions/runners/register", "RemoteAuth "+regToken, req, &out), http.StatusOK)
	c.id, c.auth = out.ID, out.Authorization
	return c
}

// runner is a connected runner of the site.
func (w *world) runner(name string, labels ...string) *client {
	w.t.Helper()
	return w.runnerOf("enterprises/understudy", "enterprises/understudy", name, labels...)
}

func (w *world) runnerOf(scope, urlPath, name string, labels ...string) *client {
	w.t.Helper()
	c := w.register(w.request(urlPath, name, labels...), w.registrationToken(scope, "registration-token"))
	c.connect()
	return c
}

// connect gets a token and opens a session.
func (c *client) connect() {
	c.w.t.Helper()
	c.login()
	c.w.want("session", c.open(c.name+" (PID: 1)"), http.StatusOK)
}

func (c *client) assertion(change func(jwt.MapClaims)) string {
	c.w.t.Helper()
	now := c.w.Now()
	claims := jwt.MapClaims{
		"sub": c.auth.ClientID, "iss": c.auth.ClientID, "aud": c.auth.AuthorizationURL, "jti": uuid.NewString(),
		"nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	if change != nil {
		change(claims)
	}
	text, err := jwt.NewWithClaims(c.algorithm, claims).SignedString(c.key)
	c.w.Must(err)
	return text
}

// authorize shows an assertion.
func (c *client) authorize(assertion string, out *wire.TokenResponse) *answer {
	c.w.t.Helper()
	form := url.Values{
		"grant_type": {wire.GrantClientCredentials}, "client_assertion_type": {wire.AssertionJWTBearer}, "client_assertion": {assertion},
	}
	a := c.w.do(http.MethodPost, c.auth.AuthorizationURL, "", strings.NewReader(form.Encode()), "application/x-www-form-urlencoded")
	if out != nil && a.status == http.StatusOK {
		c.w.Must(json.Unmarshal(a.body, out))
	}
	return a
}

func (c *client) login() {
	c.w.t.Helper()
	var out wire.TokenResponse
	c.w.want("token", c.authorize(c.assertion(nil), &out), http.StatusOK)
	if out.AccessToken == "" || out.ExpiresIn != 3600 {
		c.w.t.Errorf("token answer %+v, want a token for an hour (AUTH-1)", out)
	}
	c.access = "Bearer " + out.AccessToken
}

func (c *client) open(owner string) *answer {
	c.w.t.Helper()
	var out wire.Session
	in := wire.Session{SessionID: uuid.Nil.String(), OwnerName: owner, Agent: wire.Agent{ID: c.id, Name: c.name}}
	a := c.w.call(http.MethodPost, c.auth.ServerURL+"session", c.access, in, &out)
	if a.status == http.StatusOK {
		c.session = out.SessionID
	}
	return a
}

func (c *client) query(status string) string {
	return url.Values{
		"sessionId": {c.session}, "status": {status}, "runnerVersion": {"2.336.0"}, "os": {"Linux"}, "architecture": {"X64"}, "disableUpdate": {"true"},
	}.Encode()
}

// ask polls once.
func (c *client) ask(status string) (*answer, *wire.Message) {
	c.w.t.Helper()
	m := &wire.Message{}
	a := c.w.call(http.MethodGet, c.auth.ServerURL+"message?"+c.query(status), c.access, nil, m)
	if a.status != http.StatusOK {
		return a, nil
	}
	return a, m
}

// offer polls until a job is offered.
func (c *client) offer() *wire.RunnerJobRequest {
	c.w.t.Helper()
	a, m := c.ask(wire.StatusOnline)
	c.w.want("poll", a, http.StatusOK)
	if m.MessageType != wire.RunnerJobRequestType {
		c.w.t.Fatalf("message %+v, want an offer", m)
	}
	req := &wire.RunnerJobRequest{}
	c.w.Must(json.Unmarshal([]byte(m.Body), req))
	return req
}

func (c *client) acknowledge(id string) *answer {
	c.w.t.Helper()
	return c.w.call(http.MethodPost, c.auth.ServerURL+"acknowledge?"+c.query(wire.StatusOnline), c.access, wire.AcknowledgeRequest{RunnerRequestID: id}, nil)
}

// acquire asks for a job by its GUID.
func (c *client) acquire(guid string) (*answer, *held) {
	c.w.t.Helper()
	h := &held{c: c}
	in := wire.AcquireJobRequest{JobMessageID: guid, RunnerOS: "Linux"}
	a := c.w.call(http.MethodPost, c.w.URL+"/_runner/run/acquirejob", c.access, in, &h.msg)
	if a.status == http.StatusOK {
		h.raw = a.body
		h.access = "Bearer " + h.msg.Connection().Token()
	}
	return a, h
}

// take acquires a job that must be free.
func (c *client) take(guid string) *held {
	c.w.t.Helper()
	a, h := c.acquire(guid)
	c.w.want("acquirejob", a, http.StatusOK)
	return h
}

// A held job is one that the client acquired.
type held struct {
	c      *client
	msg    wire.JobMessage
	raw    []byte // the message as it came
	access string // "Bearer " and the job's token
}

func (h *held) renew() (*answer, time.Time) {
	h.c.w.t.Helper()
	var out wire.RenewJobResponse
	in := wire.RenewJobRequest{PlanID: h.msg.Plan.PlanID, JobID: h.msg.JobID}
	a := h.c.w.call(http.MethodPost, h.msg.Connection().URL+wire.RenewJobPath, h.access, in, &out)
	return a, out.LockedUntil.Time
}

func (h *held) complete(conclusion string) *answer {
	h.c.w.t.Helper()
	return h.report(&wire.CompleteJobRequest{Conclusion: conclusion})
}

// report completes the job with a report; ids that it lacks are the job's.
func (h *held) report(req *wire.CompleteJobRequest) *answer {
	h.c.w.t.Helper()
	if req.JobID == "" {
		req.PlanID, req.JobID = h.msg.Plan.PlanID, h.msg.JobID
	}
	return h.c.w.call(http.MethodPost, h.msg.Connection().URL+wire.CompleteJobPath, h.access, req, nil)
}

// update tells the states of steps that changed.
func (h *held) update(order int, changed ...wire.StepUpdate) {
	h.c.w.t.Helper()
	in := wire.StepsUpdateRequest{
		Steps: changed, ChangeOrder: wire.Int(order), ResultsIDs: wire.ResultsIDs{RunID: h.msg.Plan.PlanID, JobID: h.msg.JobID},
	}
	h.c.w.want("steps update", h.c.w.call(http.MethodPost, "/"+wire.StepsUpdatePath, h.access, in, nil), http.StatusOK)
}
