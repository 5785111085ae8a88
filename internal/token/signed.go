package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	maxToken = 16 << 10        // longer texts are not read
	backdate = 5 * time.Minute // nbf is that long ago, for clients whose clock is late
)

// The audiences keep one sort of token from being taken for another.
const (
	jobAudience    = "understudy:job"
	stepsAudience  = "understudy:steps"
	runnerAudience = "understudy:runner"
	adminAudience  = "understudy:admin"
)

// A Job is what a job's token says. There are two of each job. With one its runner
// reports: it renews and completes the job, and sends states of steps, logs and
// summaries. The other is ForSteps: it is good for what actions ask the server for,
// artifacts and caches. GitHub's runner has room for one, and its steps see that.
// Whether the job is still in progress is for the store to say.
type Job struct {
	ForSteps          bool
	PlanGUID, GUID    string // the backend ids of the run and the job in the protocol
	RepoID, RunID, ID int64
	OrchestrationID   string               // letters, digits, ".", "-", "_"; the runner logs it
	Caches            []actions.CacheScope // what the job may do with caches, for clients that look
	IDTokens          bool                 // it may ask for OIDC tokens
	Acquired          time.Time            // StartedAt of the job; zero in tokens of earlier versions
	Expires           time.Time
	Issued            time.Time // whole seconds; set by [Keys.Job]
}

// A Runner is what a registered runner's token says.
type Runner struct {
	ID       int64
	ClientID string // empty in tokens of earlier versions
	Expires  time.Time
	Issued   time.Time // whole seconds; set by [Keys.Runner]
}

// An Admin is what the token says that a registration token was exchanged for.
type Admin struct {
	Registration []byte // hash of the registration token, which says where and for whom; empty in tokens of earlier versions
	Remove       bool   // for removal, not registration
	Expires      time.Time
}

type jobClaims struct {
	jwt.RegisteredClaims
	Scopes          string `json:"scp"`
	Caches          string `json:"ac"` // JSON in a string
	OrchestrationID string `json:"orch_id"`
	RepoID          int64  `json:"repo_id"`
	RunID           int64  `json:"run_id"`
	JobID           int64  `json:"job_id"`
	Acquired        int64  `json:"acquired_at,omitempty"` // microseconds
}

type runnerClaims struct {
	jwt.RegisteredClaims
	RunnerID int64  `json:"runner_id"`
	ClientID string `json:"client_id,omitempty"`
}

type adminClaims struct {
	jwt.RegisteredClaims
	Registration []byte `json:"registration"`
	Remove       bool   `json:"remove,omitempty"`
}

// What stands before the ids in the scopes of a job's token.
const (
	resultsScope = "Actions.Results:"
	idTokenScope = "generate_id_token:"
)

// SignJob makes a job's token.
func (k *Keys) SignJob(j Job, now time.Time) (string, error) {
	if j.PlanGUID == "" || j.GUID == "" || strings.ContainsAny(j.PlanGUID+j.GUID, ": ") {
		return "", fmt.Errorf("job token: bad ids %q and %q", j.PlanGUID, j.GUID)
	}
	if j.Acquired.IsZero() {
		return "", fmt.Errorf("job token: job %d was not acquired", j.ID)
	}
	caches, err := json.Marshal(append([]actions.CacheScope{}, j.Caches...)) // [] for none
	if err != nil {
		return "", err
	}
	ids := j.PlanGUID + ":" + j.GUID
	scopes := resultsScope + ids
	if j.IDTokens {
		scopes += " " + idTokenScope + ids
	}
	audience := jobAudience
	if j.ForSteps {
		audience = stepsAudience
	}
	return k.sign(&jobClaims{
		RegisteredClaims: registered(audience, now, j.Expires),
		Scopes:           scopes,
		Caches:           string(caches),
		OrchestrationID:  j.OrchestrationID,
		RepoID:           j.RepoID,
		RunID:            j.RunID,
		JobID:            j.ID,
		Acquired:         j.Acquired.UnixMicro(),
	})
}

// Job checks a token of a job, of either sort. An error is Unauthorized.
func (k *Keys) Job(text string, now time.Time) (Job, error) {
	return k.jobs.check(text, now, k.readJob)
}

func (k *Keys) readJob(text string, now time.Time) (Job, error) {
	var c jobClaims
	if err := k.verify(text, &c, now, jobAudience, stepsAudience); err != nil {
		return Job{}, err
	}
	own, also, _ := strings.Cut(c.Scopes, " ")
	ids, found := strings.CutPrefix(own, resultsScope)
	plan, job, ok := strings.Cut(ids, ":")
	if !found || !ok {
		return Job{}, errBadToken
	}
	j := Job{
		ForSteps: !slices.Contains(c.Audience, jobAudience),
		PlanGUID: plan, GUID: job, IDTokens: also == idTokenScope+ids,
		RepoID: c.RepoID, RunID: c.RunID, ID: c.JobID,
		OrchestrationID: c.OrchestrationID, Expires: c.ExpiresAt.UTC(), Issued: issued(c.RegisteredClaims),
	}
	if c.Acquired != 0 {
		j.Acquired = time.UnixMicro(c.Acquired).UTC()
	}
	if err := json.Unmarshal([]byte(c.Caches), &j.Caches); err != nil {
		return Job{}, errBadToken
	}
	return j, nil
}

// SignRunner makes the token with which a runner opens sessions and takes jobs.
func (k *Keys) SignRunner(r Runner, now time.Time) (string, error) {
	if r.ClientID == "" {
		return "", fmt.Errorf("runner token: runner %d has no client", r.ID)
	}
	return k.sign(&runnerClaims{registered(runnerAudience, now, r.Expires), r.ID, r.ClientID})
}

// Runner checks a runner's token. An error is Unauthorized.
func (k *Keys) Runner(text string, now time.Time) (Runner, error) {
	return k.runners.check(text, now, k.readRunner)
}

func (k *Keys) readRunner(text string, now time.Time) (Runner, error) {
	var c runnerClaims
	if err := k.verify(text, &c, now, runnerAudience); err != nil {
		return Runner{}, err
	}
	return Runner{ID: c.RunnerID, ClientID: c.ClientID, Expires: c.ExpiresAt.UTC(), Issued: issued(c.RegisteredClaims)}, nil
}

// SignAdmin makes the token with which runners of a scope are added and removed.
func (k *Keys) SignAdmin(a Admin, now time.Time) (string, error) {
	if len(a.Registration) == 0 {
		return "", errors.New("admin token: it was exchanged for nothing")
	}
	return k.sign(&adminClaims{registered(adminAudience, now, a.Expires), a.Registration, a.Remove})
}

// Admin checks a token of [Keys.SignAdmin]. An error is Unauthorized.
func (k *Keys) Admin(text string, now time.Time) (Admin, error) {
	var c adminClaims
	if err := k.verify(text, &c, now, adminAudience); err != nil {
		return Admin{}, err
	}
	return Admin{Registration: c.Registration, Remove: c.Remove, Expires: c.ExpiresAt.UTC()}, nil
}

func registered(audience string, now, expires time.Time) jwt.RegisteredClaims {
	return jwt.RegisteredClaims{
		Audience:  jwt.ClaimStrings{audience},
		IssuedAt:  jwt.NewNumericDate(now),
		NotBefore: jwt.NewNumericDate(now.Add(-backdate)),
		ExpiresAt: jwt.NewNumericDate(expires),
	}
}

// issued is when a token was signed, the zero time for one that does not say it.
func issued(c jwt.RegisteredClaims) time.Time {
	if c.IssuedAt == nil {
		return time.Time{}
	}
	return c.IssuedAt.UTC()
}

func (k *Keys) sign(c jwt.Claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(k.jwt)
}

var errBadToken = actions.Errorf(actions.Unauthorized, "the token is not valid")

func (k *Keys) verify(text string, c jwt.Claims, now time.Time, audiences ...string) error {
	if len(text) > maxToken {
		return errBadToken
	}
	p := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithAudience(audiences...),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	_, err := p.ParseWithClaims(text, c, func(*jwt.Token) (any, error) { return k.jwt, nil })
	if err != nil {
		return errBadToken
	}
	return nil
}
