package scheduler_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const numbered = `
on: push
run-name: Build ${{ github.run_number }}
jobs:
  a: {runs-on: x, name: 'job of ${{ github.run_number }}', steps: [{run: exit 0}]}
`

func TestTitlesAndJobsMayNameTheNumberOfTheirRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		for _, n := range []string{"1", "2"} {
			run := b.start(numbered)
			b.want(run, actions.Queued, "", "job of "+n+" queued")
			if r, err := st.Run(t.Context(), run.ID); err != nil || r.Title != "Build "+n {
				t.Errorf("title %q, %v", r.Title, err)
			}
			b.end(run, "job of "+n, actions.Success, nil)
			b.want(run, actions.Completed, actions.Success, "job of "+n+" completed success")
		}
	})
}

// The server that made the run is gone before it has planned it.
func TestARunThatWasNotPlannedIsPlannedByTheNextServer(t *testing.T) {
	watched(t, func(b *bench) {
		ctx, now := b.t.Context(), time.Now()
		run := &actions.Run{
			RepoID: b.repo.ID, Name: "CI", Title: "commit", Path: ".github/workflows/ci.yml", Event: "push", Ref: "refs/heads/main",
			Actor: b.repo.Owner, Triggering: b.repo.Owner, Attempt: 1, Status: actions.Requested, CreatedAt: now, StartedAt: now, UpdatedAt: now,
		}
		b.must(b.st.Update(ctx, func(tx *store.Tx) error {
			w := &actions.Workflow{RepoID: b.repo.ID, Path: run.Path, Name: "CI", State: actions.Active, CreatedAt: now, UpdatedAt: now}
			if err := tx.SaveWorkflow(ctx, w); err != nil {
				return err
			}
			run.WorkflowID = w.ID
			a := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: b.repo.Owner, Status: actions.Requested, StartedAt: now}
			return tx.CreateRun(ctx, run, a, &actions.RunSource{Payload: []byte("{}"), Workflow: []byte(numbered)})
		}))
		b.want(run, actions.Requested, "")
		time.Sleep(20 * time.Second)
		b.want(run, actions.Queued, "", "job of 1 queued")
		r, err := b.st.Run(ctx, run.ID)
		b.must(err)
		a, err := b.st.Attempt(ctx, run.ID, 1)
		b.must(err)
		if r.Title != "Build 1" || a.Status != actions.Queued {
			b.t.Errorf("title %q, attempt %s", r.Title, a.Status)
		}
	})
}

// The engine of the store tries a transaction again after a conflict.
func TestACommitThatIsTriedAgainMakesOneRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		first := b.start(chain)
		w, err := workflow.Parse(first.Path, []byte(chain))
		b.must(err)
		start := &scheduler.Start{
			Run:      &actions.Run{RepoID: b.repo.ID, WorkflowID: first.WorkflowID, Name: "CI", Path: first.Path, Event: "push", Ref: "refs/heads/main", Actor: b.repo.Owner},
			Repo:     b.repo,
			Source:   &actions.RunSource{Payload: []byte("{}"), Workflow: []byte(chain)},
			Workflow: w,
		}
		b.must(b.Prepare(t.Context(), start))
		undone := errors.New("undone")
		if err := st.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(b.Commit(t.Context(), tx, start), undone) }); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		b.must(st.Update(t.Context(), func(tx *store.Tx) error { return b.Commit(t.Context(), tx, start) }))
		b.want(start.Run, actions.Queued, "", "a queued")
		b.end(start.Run, "a", actions.Success, map[string]string{"go": "yes"})
		b.want(start.Run, actions.InProgress, "", "a completed success", "b queued")
		if start.Run.Number != 2 {
			t.Errorf("number %d, want 2", start.Run.Number)
		}
	})
}

func TestARunThatHasNothingToDoIsOverWhenItIsMade(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start("on: push\njobs:\n  a: {if: false, runs-on: x, steps: [{run: exit 0}]}\n")
		b.want(run, actions.Completed, actions.Skipped, "a completed skipped")
		a, err := st.Attempt(t.Context(), run.ID, 1)
		b.must(err)
		if a.Status != actions.Completed || a.Conclusion != actions.Skipped || a.CompletedAt.IsZero() {
			t.Errorf("attempt is %s %s at %v", a.Status, a.Conclusion, a.CompletedAt)
		}
	})
}
