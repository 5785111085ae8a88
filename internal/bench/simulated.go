package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A simulated runner takes jobs and completes them without doing anything. It
// speaks the whole protocol on one connection; its polls while a job runs are
// left out, for they would be over before they are answered.
type simulated struct {
	c      *conn
	auth   string // of the runner
	broker string // ends in a slash
	query  string // of polls
	now    func() time.Time
}

// A simulator makes simulated runners. They share one key: making keys is not what
// is measured.
type simulator struct {
	s     *server
	key   *rsa.PrivateKey
	token string // registration token
}

const (
	keyBits        = 2048
	simulatedLabel = "simulated" // what jobs for them run on
)

func (s *server) newSimulator(ctx context.Context) (*simulator, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	var made struct{ Token string }
	err = s.admin.Do(ctx, http.MethodPost, "/enterprises/understudy/actions/runners/registration-token", nil, &made)
	return &simulator{s, key, made.Token}, err
}

// start registers a runner that takes jobs, gets its token and opens its session.
func (w *simulator) start(ctx context.Context, name string) (*simulated, error) {
	return w.startFor(ctx, name, simulatedLabel)
}

// startFor is start for jobs of a label.
func (w *simulator) startFor(ctx context.Context, name, label string) (_ *simulated, err error) {
	c, err := dial(ctx, w.s.url)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	var at wire.RegisterResponse
	err = c.post("/api/v3/"+wire.RegisterPath, "RemoteAuth "+w.token, wire.RegisterRequest{
		URL: w.s.url + "/enterprises/understudy", GroupID: 1, Name: name, Version: "3.0.0", UpdatesDisabled: true,
		Labels: []wire.RunnerLabel{{Name: label, Type: wire.LabelUser}}, PublicKey: wire.PublicKeyXML(&w.key.PublicKey),
	}, &at)
	if err != nil {
		return nil, err
	}
	r := &simulated{c: c, broker: at.Authorization.ServerURL, now: w.s.b.Now}
	if r.auth, err = w.accessToken(c, at.Authorization); err != nil {
		return nil, err
	}
	session := wire.Session{
		SessionID: uuid.Nil.String(), OwnerName: name,
		Agent: wire.Agent{ID: at.ID, Name: name, Version: "3.0.0"},
	}
	if err := c.post(r.broker+wire.SessionPath, r.auth, session, &session); err != nil {
		return nil, err
	}
	r.query = "?" + url.Values{
		"sessionId": {session.SessionID}, "status": {wire.StatusOnline}, "runnerVersion": {"3.0.0"},
		"os": {"Linux"}, "architecture": {"X64"}, "disableUpdate": {"true"},
	}.Encode()
	return r, nil
}

func (w *simulator) accessToken(c *conn, a wire.RunnerAuthorization) (string, error) {
	now := w.s.b.Now()
	assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": a.ClientID, "sub": a.ClientID, "aud": a.AuthorizationURL,
		"jti": uuid.NewString(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Minute).Unix(),
	}).SignedString(w.key)
	if err != nil {
		return "", err
	}
	form := "grant_type=" + wire.GrantClientCredentials +
		"&client_assertion_type=" + url.QueryEscape(wire.AssertionJWTBearer) + "&client_assertion=" + assertion
	answer, err := c.expect(http.MethodPost, a.AuthorizationURL, "", []byte(form))
	if err != nil {
		return "", err
	}
	var t wire.TokenResponse
	if err := json.Unmarshal(answer, &t); err != nil {
		return "", err
	}
	return "Bearer " + t.AccessToken, nil
}

// post sends JSON and reads the answer into out, unless that is nil.
func (c *conn) post(target, auth string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := c.expect(http.MethodPost, target, auth, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("POST %s: %w", target, err)
	}
	return nil
}

// work takes jobs until it fails, which is what the end of the connection's
// context is to it, and says after each whether it was this runner's.
func (r *simulated) work(done func(ours bool)) error {
	for {
		offer, err := r.poll()
		if err != nil {
			return err
		}
		if offer == nil {
			continue
		}
		j, err := r.acquire(offer)
		if err != nil {
			return err
		}
		if j != nil {
			err = r.execute(j)
		}
		if err != nil {
			return err
		}
		done(j != nil)
	}
}

// poll waits for an offer; nil is none this time.
func (r *simulated) poll() (*wire.RunnerJobRequest, error) {
	answer, err := r.c.expect(http.MethodGet, r.broker+wire.MessagePath+r.query, r.auth, nil)
	if err != nil || len(answer) == 0 {
		return nil, err
	}
	var m wire.Message
	if err := json.Unmarshal(answer, &m); err != nil {
		return nil, err
	}
	if m.MessageType != wire.RunnerJobRequestType {
		return nil, fmt.Errorf("message of type %q", m.MessageType)
	}
	var offer wire.RunnerJobRequest
	return &offer, json.Unmarshal([]byte(m.Body), &offer)
}

// What a simulated runner reads of a job message.
type simulatedJob struct {
	Plan      struct{ PlanID string }
	JobID     string
	Resources struct {
		Endpoints []struct {
			URL           string
			Authorization struct{ Parameters struct{ AccessToken string } }
		}
	}
	Steps []struct{ ID string }
}

// acquire acknowledges an offer and takes the job; nil is one that another
// runner has, or had.
func (r *simulated) acquire(offer *wire.RunnerJobRequest) (*simulatedJob, error) {
	ack := wire.AcknowledgeRequest{RunnerRequestID: offer.RunnerRequestID}
	if err := r.c.post(r.broker+wire.AcknowledgePath+r.query, r.auth, ack, nil); err != nil {
		return nil, err
	}
	body, err := json.Marshal(wire.AcquireJobRequest{JobMessageID: offer.RunnerRequestID, RunnerOS: "Linux"})
	if err != nil {
		return nil, err
	}
	status, answer, err := r.c.do(http.MethodPost, offer.RunServiceURL+wire.AcquireJobPath, r.auth, body)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusConflict, status == http.StatusUnprocessableEntity, status == http.StatusNotFound:
		return nil, nil // as runners take it: on to the next
	case status != http.StatusOK:
		return nil, fmt.Errorf("acquirejob: %d: %.300s", status, answer)
	}
	var j simulatedJob
	if err := json.Unmarshal(answer, &j); err != nil {
		return nil, err
	}
	if len(j.Resources.Endpoints) == 0 || len(j.Steps) == 0 {
		return nil, fmt.Errorf("job %s has no endpoint or no step", j.JobID)
	}
	return &j, nil
}

// take waits for a job that is this runner's.
func (r *simulated) take() (*simulatedJob, error) {
	for {
		offer, err := r.poll()
		if err != nil {
			return nil, err
		}
		if offer == nil {
			continue
		}
		if j, err := r.acquire(offer); j != nil || err != nil {
			return j, err
		}
	}
}

// auth is how the job says who it is.
func (j *simulatedJob) auth() string {
	return "Bearer " + j.Resources.Endpoints[0].Authorization.Parameters.AccessToken
}

func (j *simulatedJob) ids() wire.ResultsIDs {
	return wire.ResultsIDs{RunID: j.Plan.PlanID, JobID: j.JobID}
}

// execute does all that a runner does for a job that it has, in its order.
func (r *simulated) execute(j *simulatedJob) error {
	at, auth, ids := j.Resources.Endpoints[0], j.auth(), j.ids()
	renew := wire.RenewJobRequest{PlanID: j.Plan.PlanID, JobID: j.JobID}
	if err := r.c.post(at.URL+wire.RenewJobPath, auth, renew, nil); err != nil {
		return err
	}
	steps := r.steps(j.Steps[0].ID)
	update := wire.StepsUpdateRequest{ChangeOrder: 1, ResultsIDs: ids}
	for _, s := range steps {
		update.Steps = append(update.Steps, wire.StepUpdate{
			ExternalID: s.ExternalID, Number: s.Number, Name: s.Name, StartedAt: s.StartedAt, CompletedAt: s.CompletedAt,
			Status: wire.StepCompleted, Conclusion: wire.StepSuccess,
		})
	}
	if err := r.c.post("/"+wire.StepsUpdatePath, auth, update, nil); err != nil {
		return err
	}
	if err := r.uploadLog(auth, ids, j.Steps[0].ID); err != nil {
		return err
	}
	return r.c.post(at.URL+wire.CompleteJobPath, auth, wire.CompleteJobRequest{
		PlanID: j.Plan.PlanID, JobID: j.JobID, Conclusion: wire.Succeeded, StepResults: steps,
	}, nil)
}

// steps are those of a job with one step: the runner adds two of its own.
func (r *simulated) steps(id string) []wire.StepResult {
	now := wire.At(r.now())
	steps := []wire.StepResult{
		{ExternalID: uuid.NewString(), Number: 1, Name: "Set up job", Type: wire.StepRunner},
		{ExternalID: id, Number: 2, Name: "Run true", Type: wire.StepRun},
		{ExternalID: uuid.NewString(), Number: 3, Name: "Complete job", Type: wire.StepRunner},
	}
	for i := range steps {
		steps[i].Status, steps[i].Conclusion = wire.Completed, wire.Succeeded
		steps[i].StartedAt, steps[i].CompletedAt = now, now
	}
	return steps
}

// uploadLog uploads a short log of the step.
func (r *simulated) uploadLog(auth string, ids wire.ResultsIDs, step string) error {
	receiver := "/" + wire.ReceiverPrefix
	var to wire.LogsURLResponse
	request := wire.BlobURLRequest{ResultsIDs: ids, StepID: step}
	if err := r.c.post(receiver+wire.GetStepLogsURL, auth, request, &to); err != nil {
		return err
	}
	stamp := string(wire.AppendLogTime(nil, r.now()))
	log := []byte(strings.Join([]string{"##[group]Run true", "true", "shell: /usr/bin/bash -e {0}", "##[endgroup]", ""}, "\n"))
	log = append([]byte(stamp), bytes.ReplaceAll(log, []byte("\n##"), []byte("\n"+stamp+"##"))...)
	if _, err := r.c.expect(http.MethodPut, to.LogsURL, "", log); err != nil {
		return err
	}
	metadata := wire.LogsMetadata{ResultsIDs: ids, StepID: step, UploadedAt: wire.At(r.now()), LineCount: wire.Int(bytes.Count(log, []byte("\n")))}
	return r.c.post(receiver+wire.CreateStepLogs, auth, metadata, nil)
}
