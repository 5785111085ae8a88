package oidcapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

const (
	public = "http://ci.test" // --public-url
	issuer = public + "/_services/token"

	workflow = "name: CI\non: push\njobs:\n  build: {runs-on: self-hosted, steps: [{run: make}]}\n"
)

// A world is a server with a public address and a repository of an organization.
type world struct {
	*servertest.Site
	org  *actions.Account
	repo *actions.Repository
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) { test(on(s)) }, publicURL)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return on(servertest.New(t, publicURL))
}

var publicURL = servertest.WithConfig(func(c *servertest.Config) { c.PublicURL = public })

func on(s *servertest.Site) *world {
	s.Helper()
	w := &world{Site: s}
	w.org = s.Organization("octo-org", s.Admin)
	w.repo = s.Repository(w.org, "octo-repo", true)
	return w
}

// job pushes a workflow to a branch or tag, and has a runner acquire its job.
func (w *world) job(ref, text string) *actions.Job {
	w.Helper()
	dir := w.TempDir()
	w.RunGit(dir, "init", "-q")
	w.Must(os.MkdirAll(filepath.Join(dir, ".github/workflows"), 0o755))
	w.Must(os.WriteFile(filepath.Join(dir, ".github/workflows/ci.yml"), []byte(text), 0o600))
	w.Must(os.WriteFile(filepath.Join(dir, "README"), []byte(uuid.NewString()), 0o600)) // or else commits of one second are the same
	w.RunGit(dir, "add", "-A")
	w.RunGit(dir, "commit", "-q", "-m", "a commit")
	w.RunGit(dir, "push", "-q", "--force", w.Remote(w.repo, w.AdminToken), "HEAD:"+ref)
	runs, _, err := w.Store.Runs(w.Context(), store.RunFilter{RepoID: w.repo.ID}, store.Page{Number: 1, Size: 1})
	w.Must(err)
	jobs, err := w.Store.Jobs(w.Context(), runs[0].ID, 1)
	w.Must(err)
	return w.acquire(jobs[0])
}

func (w *world) acquire(j *actions.Job) *actions.Job {
	w.Helper()
	r := &actions.Runner{
		Name: "r-" + uuid.NewString()[:8], ClientID: uuid.NewString(), PublicKey: []byte{1}, CreatedAt: w.Now(), Labels: []actions.Label{{Name: "self-hosted"}},
	}
	w.Must(w.Store.CreateRunner(w.Context(), r))
	j, err := w.Queue.Acquire(w.Context(), j.GUID, r, func(*store.Tx, *actions.Job) error { return nil })
	w.Must(err)
	return j
}

// claim is what the token of a job says that may ask for OIDC tokens.
func (w *world) claim(j *actions.Job) token.Job {
	w.Helper()
	a, err := w.Store.Attempt(w.Context(), j.RunID, j.Attempt)
	w.Must(err)
	return token.Job{
		ForSteps: true, PlanGUID: a.PlanID, GUID: j.GUID, RepoID: j.RepoID, RunID: j.RunID, ID: j.ID, IDTokens: true,
		Acquired: j.StartedAt, Expires: w.Now().Add(6 * time.Hour),
	}
}

func (w *world) sign(c token.Job) string {
	w.Helper()
	text, err := w.Keys.SignJob(c, w.Now())
	w.Must(err)
	return text
}

// path is where a job asks.
func path(c token.Job) string {
	return "/_services/token/idtoken/" + c.PlanGUID + "/" + c.GUID + "?api-version=2.0"
}

// ask asks for a token of a job, with a query such as "&audience=x".
func (w *world) ask(j *actions.Job, query string) *servertest.Reply {
	w.Helper()
	c := w.claim(j)
	return w.Do(http.MethodGet, path(c)+query, w.sign(c), nil)
}

// value is the token in an answer.
func (w *world) value(a *servertest.Reply) string {
	w.Helper()
	return w.Want(a, http.StatusOK).JSON(w)["value"].(string)
}

// others is a context with a client that finds the server by its public address.
func (w *world) others() context.Context {
	address := strings.TrimPrefix(w.URL, "http://")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	w.Cleanup(transport.CloseIdleConnections)
	return oidc.ClientContext(w.Context(), &http.Client{Transport: transport})
}

// verify is what somebody else finds out about a token: its claims.
func (w *world) verify(text, audience string) (map[string]any, error) {
	w.Helper()
	ctx := w.others()
	provider, err := oidc.NewProvider(ctx, issuer)
	w.Must(err)
	t, err := provider.Verifier(&oidc.Config{ClientID: audience, Now: w.Now}).Verify(ctx, text)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, t.Claims(&claims)
}

// claims are those of a token that must be good.
func (w *world) claims(text, audience string) map[string]any {
	w.Helper()
	claims, err := w.verify(text, audience)
	w.Must(err)
	return claims
}

// header is the first part of a token.
func (w *world) header(text string) map[string]any {
	w.Helper()
	var h map[string]any
	head, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	w.Must(err)
	w.Must(json.Unmarshal(raw, &h))
	return h
}
