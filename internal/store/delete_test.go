package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// addRepository makes a repository with two runs of the same file, and all that
// hangs on a job.
func addRepository(t testing.TB, st *store.Store, owner *actions.Account, name string) (*actions.Repository, []*actions.Run) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	repo := &actions.Repository{Owner: *owner, Name: name, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	if err := st.CreateRepository(ctx, repo); err != nil {
		t.Fatal(err)
	}
	var runs []*actions.Run
	err := st.Update(ctx, func(tx *store.Tx) error {
		runs = nil
		w := &actions.Workflow{RepoID: repo.ID, Path: "ci.yml", Name: "CI", State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ctx, w); err != nil {
			return err
		}
		for i := range 2 {
			run := &actions.Run{RepoID: repo.ID, WorkflowID: w.ID, Name: "CI", Event: "push", Actor: *owner, Triggering: *owner, Attempt: 1, Status: actions.Completed, CreatedAt: now}
			a := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: *owner, Status: actions.Completed}
			if err := tx.CreateRun(ctx, run, a, &actions.RunSource{Workflow: []byte("on: push")}); err != nil {
				return err
			}
			runs = append(runs, run)
			j := &actions.Job{RunID: run.ID, RepoID: repo.ID, OwnerID: owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: "a", Total: 1, Labels: []string{"x"}, Status: actions.InProgress, CreatedAt: now}
			if err := tx.CreateJobs(ctx, []*actions.Job{j}); err != nil {
				return err
			}
			blob := fmt.Sprint(name, i)
			if err := tx.SaveLogPart(ctx, &store.LogPart{JobID: j.ID, Step: "s", Part: 1, Blob: blob, CreatedAt: now}); err != nil {
				return err
			}
			if err := tx.SaveJobToken(ctx, &actions.Token{AccountID: owner.ID, Hash: []byte(blob), RepoID: repo.ID, JobID: j.ID, CreatedAt: now}); err != nil {
				return err
			}
		}
		return tx.CreateRunner(ctx, &actions.Runner{
			Scope: actions.Scope{RepoID: repo.ID}, Name: "box", Labels: []actions.Label{{Name: "x"}}, ClientID: uuid.NewString(), PublicKey: []byte{1}, CreatedAt: now,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return repo, runs
}

// rows counts what is left.
func rows(t *testing.T, st *store.Store) map[string]int64 {
	t.Helper()
	got := make(map[string]int64)
	for _, table := range []string{"repositories", "workflows", "runs", "attempts", "run_sources", "texts", "jobs", "log_parts", "tokens", "runners", "dead_blobs"} {
		n, err := st.Int(t.Context(), `select count(*) from `+table)
		if err != nil {
			t.Fatal(err)
		}
		got[table] = n
	}
	return got
}

func TestWhatHangsOnARepositoryGoesWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now, UpdatedAt: now}
		if err := st.CreateAccount(ctx, owner); err != nil {
			t.Fatal(err)
		}
		one, runs := addRepository(t, st, owner, "one")
		two, _ := addRepository(t, st, owner, "two")
		update := func(fn func(tx *store.Tx) error) error { return st.Update(ctx, fn) }

		err := update(func(tx *store.Tx) error { return tx.DeleteRun(ctx, two.ID, runs[0].ID, now) })
		if actions.KindOf(err) != actions.NotFound {
			t.Errorf("deleting a run under another repository: %v, want not found", err)
		}
		if err := update(func(tx *store.Tx) error { return tx.DeleteRun(ctx, one.ID, runs[0].ID, now) }); err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{
			"repositories": 2, "workflows": 2, "runs": 3, "attempts": 3, "run_sources": 3, "texts": 1, "jobs": 3, "log_parts": 3,
			"tokens": 4, "runners": 2, "dead_blobs": 1,
		}
		if diff := cmp.Diff(want, rows(t, st)); diff != "" {
			t.Errorf("after a run was deleted (-want +got):\n%s", diff)
		}
		if err := update(func(tx *store.Tx) error { return tx.DeleteRepository(ctx, one.ID, now) }); err != nil {
			t.Fatal(err)
		}
		want = map[string]int64{
			"repositories": 1, "workflows": 1, "runs": 2, "attempts": 2, "run_sources": 2, "texts": 1, "jobs": 2, "log_parts": 2,
			"tokens": 3, "runners": 1, "dead_blobs": 2,
		}
		if diff := cmp.Diff(want, rows(t, st)); diff != "" {
			t.Errorf("after a repository was deleted (-want +got):\n%s", diff)
		}
		if err := update(func(tx *store.Tx) error { return tx.DeleteRepository(ctx, two.ID, now) }); err != nil {
			t.Fatal(err)
		}
		want = map[string]int64{
			"repositories": 0, "workflows": 0, "runs": 0, "attempts": 0, "run_sources": 0, "texts": 0, "jobs": 0, "log_parts": 0,
			"tokens": 1, "runners": 0, "dead_blobs": 4,
		}
		if diff := cmp.Diff(want, rows(t, st)); diff != "" {
			t.Errorf("after both were deleted (-want +got):\n%s", diff)
		}
	})
}
