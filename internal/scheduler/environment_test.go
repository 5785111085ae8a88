package scheduler_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const deploying = `
on: push
jobs:
  a: {environment: Production, runs-on: x, steps: [{run: exit 0}]}
  b: {environment: '${{ github.event_name }}-only', runs-on: x, steps: [{run: exit 0}]}
`

// protect gives an environment a rule, or takes it away.
func (b *bench) protect(name string, minutes int) {
	b.t.Helper()
	b.must(b.SaveEnvironment(b.t.Context(), &actions.Environment{RepoID: b.repo.ID, Name: name, WaitTimer: minutes, AdminsBypass: true}))
}

func (b *bench) waits(run *actions.Run, name, want string) {
	b.t.Helper()
	j := b.job(run, name)
	if got := j.Wait.String(); got != want || j.QueuedAt.IsZero() != (want != "") {
		b.t.Errorf("job %s waits for %q since %v, want %q", name, got, j.QueuedAt, want)
	}
}

func (b *bench) refused(j *actions.Job) {
	b.t.Helper()
	_, err := b.queue.Acquire(b.t.Context(), j.GUID, b.runner, func(*store.Tx, *actions.Job) error { return nil })
	if actions.KindOf(err) != actions.Conflict {
		b.t.Errorf("acquired: %v, want a conflict", err)
	}
}

func TestAJobMakesTheEnvironmentThatItNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(deploying)
		b.end(run, "a", actions.Success, nil)
		b.end(run, "b", actions.Success, nil)
		b.end(b.start(deploying), "a", actions.Success, nil)
		list, total, err := st.Environments(t.Context(), b.repo.ID, store.Page{Number: 1, Size: 10})
		if err != nil || total != 2 || list[0].Name != "Production" || list[1].Name != "push-only" {
			t.Errorf("%d environments: %v, %v", total, list, err)
		}
	})
}

func TestAJobOfAnEnvironmentWithRulesWaitsUntilTheyAreGone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.protect("production", 5)
		run := b.start(deploying)
		b.waits(run, "a", "environment: Production")
		b.waits(run, "b", "")
		b.refused(b.job(run, "a"))
		b.protect("PUSH-ONLY", 1) // while its job is queued
		b.waits(run, "b", "environment: push-only")
		b.refused(b.job(run, "b"))
		b.protect("push-only", 0)
		b.waits(run, "b", "")
		b.end(run, "b", actions.Success, nil)
		b.must(b.DeleteEnvironment(t.Context(), b.repo.ID, "Production"))
		b.waits(run, "a", "")
		b.end(run, "a", actions.Success, nil)
		b.want(run, actions.Completed, actions.Success, "a completed success", "b completed success")

		b.protect("production", 5)
		b.must(b.Rerun(t.Context(), run.ID, b.repo.Owner, false))
		b.waits(run, "a", "environment: Production")
		b.must(b.Cancel(t.Context(), run.ID, false))
		b.want(run, actions.Completed, actions.Cancelled, "a completed cancelled", "b completed cancelled")
	})
}

// Whoever is given the job is given its secrets, so the rules are read once more then.
func TestARuleThatNobodyHasAppliedYetKeepsTheJobFromItsRunner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(deploying)
		b.must(st.Update(t.Context(), func(tx *store.Tx) error {
			return tx.SaveEnvironment(t.Context(), &actions.Environment{RepoID: b.repo.ID, Name: "production", Branches: actions.ProtectedBranches})
		}))
		b.refused(b.job(run, "a"))
		b.waits(run, "a", "")
		b.ApplyRules(t.Context(), run.ID)
		b.waits(run, "a", "environment: Production")
	})
}

func TestAJobThatRunsKeepsRunningWhenItsEnvironmentGetsARule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(deploying)
		j := b.acquire(run, "a")
		b.protect("production", 5)
		b.want(run, actions.InProgress, "", "a in_progress", "b queued")
		if _, err := b.queue.Acquire(t.Context(), j.GUID, b.runner, func(*store.Tx, *actions.Job) error { return nil }); err != nil {
			t.Errorf("asked again: %v", err)
		}
	})
}

func TestAMatrixOfEnvironmentsWaitsForEachByItself(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.protect("us", 5)
	run := b.start(`
on: push
jobs:
  a: {strategy: {max-parallel: 1, matrix: {to: [eu, us, asia]}}, environment: '${{ matrix.to }}', runs-on: x, steps: [{run: exit 0}]}
`)
	b.waits(run, "a (us)", "max-parallel")
	b.end(run, "a (eu)", actions.Success, nil)
	b.waits(run, "a (us)", "environment: us")
	b.waits(run, "a (asia)", "max-parallel")
	b.protect("us", 0)
	b.end(run, "a (us)", actions.Success, nil)
	b.end(run, "a (asia)", actions.Success, nil)
	b.want(run, actions.Completed, actions.Success, "a (eu) completed success", "a (us) completed success", "a (asia) completed success")
}
