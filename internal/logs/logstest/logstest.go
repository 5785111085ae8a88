// Package logstest makes runs with jobs in progress, for tests of what takes
// and shows their logs.
package logstest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Fixture is a run of one attempt and the logs that keep what it prints.
type Fixture struct {
	Store   *store.Store
	Blobs   blob.Store
	Logs    *logs.Logs
	Repo    *actions.Repository
	Run     *actions.Run
	Attempt *actions.Attempt
	T       testing.TB
}

// New makes a run without jobs in st, and logs with the given limits.
func New(t testing.TB, st *store.Store, limits logs.Limits) *Fixture {
	t.Helper()
	blobs, err := blobfs.New(t.TempDir(), blobfs.Options{Now: time.Now, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	return On(t, st, blobs, logs.New(logs.Config{
		Store: st, Blobs: blobs, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now: time.Now, Limits: limits,
	}))
}

// On makes a run without jobs, of a repository of its own, on a server's store.
func On(t testing.TB, st *store.Store, blobs blob.Store, l *logs.Logs) *Fixture {
	t.Helper()
	f := &Fixture{Store: st, Blobs: blobs, Logs: l, T: t}
	ctx, now := t.Context(), time.Now()
	owner := &actions.Account{Login: "octo-" + uuid.NewString()[:8], Type: actions.User, CreatedAt: now, UpdatedAt: now}
	if err := st.CreateAccount(ctx, owner); err != nil {
		t.Fatal(err)
	}
	f.Repo = &actions.Repository{Owner: *owner, Name: "repo", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now, PushedAt: now}
	if err := st.CreateRepository(ctx, f.Repo); err != nil {
		t.Fatal(err)
	}
	err := st.Update(ctx, func(tx *store.Tx) error {
		w := &actions.Workflow{RepoID: f.Repo.ID, Path: ".github/workflows/ci.yml", Name: "CI", State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ctx, w); err != nil {
			return err
		}
		f.Run = &actions.Run{
			RepoID: f.Repo.ID, WorkflowID: w.ID, Name: "CI", Path: w.Path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
			Actor: *owner, Triggering: *owner, Attempt: 1, Status: actions.InProgress, CreatedAt: now, StartedAt: now, UpdatedAt: now,
		}
		f.Attempt = &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: *owner, Status: actions.InProgress, StartedAt: now}
		return tx.CreateRun(ctx, f.Run, f.Attempt, &actions.RunSource{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Job adds a job in progress.
func (f *Fixture) Job(name string) *actions.Job {
	f.T.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	j := &actions.Job{
		RunID: f.Run.ID, RepoID: f.Repo.ID, OwnerID: f.Repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: "job", Name: name, Total: 1,
		Labels: []string{"linux"}, Status: actions.InProgress, CreatedAt: now, StartedAt: now, LockedUntil: now.Add(time.Hour),
	}
	f.update(func(tx *store.Tx) error {
		if err := tx.CreateJobs(f.T.Context(), []*actions.Job{j}); err != nil {
			return err
		}
		return tx.UpdateJob(f.T.Context(), j)
	})
	return j
}

// Complete ends a job with success.
func (f *Fixture) Complete(j *actions.Job, now time.Time) {
	f.T.Helper()
	j.Complete(actions.Success, now)
	f.update(func(tx *store.Tx) error { return tx.UpdateJob(f.T.Context(), j) })
}

// Step adds a step in progress to a job.
func (f *Fixture) Step(j *actions.Job, number int, name string) *actions.Step {
	f.T.Helper()
	s := &actions.Step{JobID: j.ID, GUID: uuid.NewString(), Number: number, Name: name, Status: actions.InProgress, StartedAt: time.Now()}
	f.update(func(tx *store.Tx) error { return tx.SaveStep(f.T.Context(), j, s) })
	return s
}

// Ran adds a step that ran from one time to another, with success.
func (f *Fixture) Ran(j *actions.Job, number int, name string, from, to time.Time) *actions.Step {
	f.T.Helper()
	s := &actions.Step{
		JobID: j.ID, GUID: uuid.NewString(), Number: number, Name: name,
		Status: actions.Completed, Conclusion: actions.Success, StartedAt: from, CompletedAt: to,
	}
	f.update(func(tx *store.Tx) error { return tx.SaveStep(f.T.Context(), j, s) })
	return s
}

func (f *Fixture) update(fn func(tx *store.Tx) error) {
	f.T.Helper()
	if err := f.Store.Update(f.T.Context(), fn); err != nil {
		f.T.Fatal(err)
	}
}

// Kept counts the blobs.
func (f *Fixture) Kept() (n int) {
	f.T.Helper()
	for _, err := range f.Blobs.List(f.T.Context()) {
		if err != nil {
			f.T.Fatal(err)
		}
		n++
	}
	return n
}
