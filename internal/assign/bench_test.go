package assign_test

import (
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	lease  = 3 * time.Minute
	main   = "refs/heads/main"
	simple = "on: push\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
)

// here is the address at which the runners of a bench reach the server.
var here = shape.Base{API: "http://10.0.0.1:3000/api/v3", HTML: "http://10.0.0.1:3000"}

// A bench is an Assigner on a real store, with a repository and a runner.
type bench struct {
	*assign.Assigner
	t      *testing.T
	config assign.Config
	repo   *actions.Repository
	runner *actions.Runner
	at     time.Time
}

func newBench(t *testing.T, st *store.Store) *bench {
	t.Helper()
	b := &bench{t: t, at: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	now, log := func() time.Time { return b.at }, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	keys, err := token.LoadKeys(t.TempDir(), rand.Reader)
	b.must(err)
	owner, bot := b.account(st, "octo", actions.User), b.account(st, actions.JobBot, actions.Bot)
	b.repo = &actions.Repository{Owner: *owner, Name: "hello", DefaultBranch: "main", CreatedAt: b.at, UpdatedAt: b.at}
	b.must(st.CreateRepository(t.Context(), b.repo))
	b.config = assign.Config{Store: st, Queue: queue.New(st, log, lease, now, queue.Rules{}), Keys: keys, Log: log, Now: now, BotID: bot.ID}
	b.restart()
	b.runner = b.addRunner("box", actions.Scope{})
	return b
}

// restart makes new services, which remember nothing.
func (b *bench) restart() {
	c := &b.config
	c.Sources = source.New(c.Store)
	c.Scheduler = scheduler.New(scheduler.Config{
		Store: c.Store, Queue: c.Queue, Sources: c.Sources, Log: c.Log, Now: c.Now, NewID: uuid.NewString, Lease: lease,
	})
	b.Assigner = assign.New(*c)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) account(st *store.Store, login string, kind actions.AccountType) *actions.Account {
	b.t.Helper()
	a := &actions.Account{Login: login, Type: kind, CreatedAt: b.at, UpdatedAt: b.at}
	b.must(st.CreateAccount(b.t.Context(), a))
	return a
}

func (b *bench) addRunner(name string, scope actions.Scope) *actions.Runner {
	b.t.Helper()
	r := &actions.Runner{
		Scope: scope, Name: name, Labels: []actions.Label{{Name: "x"}}, ClientID: uuid.NewString(), PublicKey: []byte{1}, CreatedAt: b.at,
	}
	b.must(b.config.Store.CreateRunner(b.t.Context(), r))
	return r
}

// An event is what a run is for.
type event struct{ name, ref, payload string }

var pushed = event{"push", main, `{"ref":"refs/heads/main"}`}

// start makes a run of the workflow text, for which another one may be recorded,
// and returns its only job.
func (b *bench) start(e event, text, recorded string) *actions.Job {
	b.t.Helper()
	const path = ".github/workflows/ci.yml"
	ctx, s, st := b.t.Context(), b.config.Scheduler, b.config.Store
	parsed, problem := workflow.Parse(path, []byte(text))
	b.must(problem)
	run := &actions.Run{
		RepoID: b.repo.ID, Name: "CI", Title: "commit", Path: path, Event: e.name, Ref: e.ref, HeadBranch: "main",
		HeadSHA: strings.Repeat("a", 40), Actor: b.repo.Owner,
	}
	start := &scheduler.Start{Run: run, Repo: b.repo, Source: &actions.RunSource{Payload: []byte(e.payload), Workflow: []byte(recorded)}, Workflow: parsed}
	b.must(s.Prepare(ctx, start))
	b.must(st.Update(ctx, func(tx *store.Tx) error {
		rec := &actions.Workflow{RepoID: b.repo.ID, Path: path, Name: "CI", State: actions.Active, CreatedAt: b.at, UpdatedAt: b.at}
		if err := tx.SaveWorkflow(ctx, rec); err != nil {
			return err
		}
		run.WorkflowID = rec.ID
		return s.Commit(ctx, tx, start)
	}))
	return b.job(run.ID)
}

// job is the newest job of a run.
func (b *bench) job(runID int64) *actions.Job {
	b.t.Helper()
	jobs, err := b.config.Store.Jobs(b.t.Context(), runID, 1)
	b.must(err)
	if len(jobs) == 0 {
		b.t.Fatal("the run has no jobs")
	}
	return jobs[len(jobs)-1]
}

// take acquires a job with a runner of its own.
func (b *bench) take(j *actions.Job) *assign.Description {
	b.t.Helper()
	d, err := b.Acquire(b.t.Context(), j.GUID, b.addRunner(j.GUID, actions.Scope{}), here)
	b.must(err)
	return d
}

// access is what the runner's token for the job says.
func (b *bench) access(d *assign.Description) token.Job {
	b.t.Helper()
	j, err := b.config.Keys.Job(d.Access, b.at)
	b.must(err)
	return j
}
