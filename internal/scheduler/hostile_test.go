package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const matrix = `
on: push
jobs:
  a:
    runs-on: x
    strategy: {max-parallel: 2, matrix: {v: [1, 2, 3, 4]}}
    steps: [{run: exit 0}]
`

// recorded makes a run of a text that no parser looks at, with one queued job,
// as a server of another version may have left it.
func (b *bench) recorded(text, key string) *actions.Run {
	b.t.Helper()
	ctx, now := b.t.Context(), time.Now()
	run := &actions.Run{
		RepoID: b.repo.ID, Name: "CI", Path: ".github/workflows/ci.yml", Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
		Actor: b.repo.Owner, Triggering: b.repo.Owner, Attempt: 1, Status: actions.Queued, CreatedAt: now, StartedAt: now, UpdatedAt: now,
	}
	b.must(b.st.Update(ctx, func(tx *store.Tx) error {
		rec := &actions.Workflow{RepoID: b.repo.ID, Path: run.Path, Name: "CI", State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ctx, rec); err != nil {
			return err
		}
		run.WorkflowID = rec.ID
		a := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: b.repo.Owner, Status: actions.Queued, StartedAt: now}
		if err := tx.CreateRun(ctx, run, a, &actions.RunSource{Payload: []byte("{}"), Workflow: []byte(text)}); err != nil {
			return err
		}
		return tx.CreateJobs(ctx, []*actions.Job{{
			RunID: run.ID, RepoID: b.repo.ID, OwnerID: b.repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: key, Total: 1, Name: key,
			Labels: []string{"x"}, Timeout: time.Hour, Status: actions.Queued, CreatedAt: now, QueuedAt: now,
		}})
	}))
	return run
}

func TestARunThatCannotBePlannedAnyMoreEnds(t *testing.T) {
	for _, test := range []struct{ name, text, key string }{
		{"a file that this version cannot read", "on: {nonsense: [", "a"},
		{"a job that the file does not have", chain, "gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				b := newBench(t, st)
				run := b.recorded(test.text, test.key)
				b.end(run, test.key, actions.Success, nil)
				b.want(run, actions.Completed, actions.Failure, test.key+" completed success", run.Path+" completed failure")
				if got := b.annotations(b.job(run, run.Path)); len(got) != 1 || !strings.Contains(got[0], "cannot be read by this server") {
					t.Errorf("annotations %q, want the reason", got)
				}
				run = b.recorded(test.text, test.key)
				b.must(b.Cancel(t.Context(), run.ID, false))
				b.want(run, actions.Completed, actions.Failure, test.key+" completed failure", run.Path+" completed failure")
			})
		})
	}
}

func TestMaxParallelHoldsJobsBackOneByOne(t *testing.T) { // MAT-5
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(matrix)
		held := func() (names []string) {
			jobs, err := st.Jobs(t.Context(), run.ID, 1)
			b.must(err)
			for _, j := range jobs {
				waits := j.Wait.Reason == actions.MaxParallel
				if waits != j.QueuedAt.IsZero() {
					t.Errorf("%s: waits for %q, queued at %v", j.Name, j.Wait, j.QueuedAt)
				}
				if waits {
					names = append(names, j.Name)
				}
			}
			return names
		}
		for _, want := range [][]string{{"a (3)", "a (4)"}, {"a (4)"}, nil} {
			if diff := cmp.Diff(want, held()); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			b.end(run, fmt.Sprintf("a (%d)", 3-len(want)), actions.Success, nil)
		}
	})
}

func TestWhatMaxParallelHoldsBackDoesNotWaitForARunner(t *testing.T) { // RUN-9
	watched(t, func(b *bench) {
		run := b.start(strings.Replace(matrix, "max-parallel: 2", "max-parallel: 1", 1))
		for i := range 4 {
			if i < 2 { // more than a day together
				time.Sleep(13 * time.Hour)
			}
			b.end(run, fmt.Sprintf("a (%d)", i+1), actions.Success, nil)
		}
		b.want(run, actions.Completed, actions.Success,
			"a (1) completed success", "a (2) completed success", "a (3) completed success", "a (4) completed success")
	})
}

func TestAFailedSiblingCancelsTheOthers(t *testing.T) { // MAT-4
	b := newBench(t, storetest.Open(t))
	run := b.start(matrix)
	one := b.acquire(run, "a (1)")
	b.runner = b.addRunner("other", false)
	two := b.acquire(run, "a (2)")
	b.must(b.Complete(t.Context(), one, &scheduler.Result{Conclusion: actions.Failure}))
	b.want(run, actions.InProgress, "", "a (1) completed failure", "a (2) in_progress", "a (3) completed cancelled", "a (4) completed cancelled")
	if b.job(run, "a (2)").CancelAt.IsZero() {
		t.Error("the running sibling was not told")
	}
	b.must(b.Complete(t.Context(), two, &scheduler.Result{Conclusion: actions.Cancelled}))
	r, err := b.st.Run(t.Context(), run.ID)
	b.must(err)
	if r.Conclusion != actions.Failure {
		t.Errorf("run concluded %s, want failure (STA-3)", r.Conclusion)
	}
}

func TestJobsOfOneRunMayEndAtTheSameMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const n = 16
		b := newBench(t, st)
		run := b.start(strings.Replace(strings.Replace(matrix, "max-parallel: 2, ", "", 1), "[1, 2, 3, 4]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", 1) +
			"  z: {needs: a, runs-on: x, steps: [{run: exit 0}]}\n")
		var wg sync.WaitGroup
		for i := range n {
			b.runner = b.addRunner(fmt.Sprint("r", i), false)
			j := b.acquire(run, fmt.Sprintf("a (%d)", i+1))
			wg.Go(func() {
				if err := b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Success}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.end(run, "z", actions.Success, nil)
		r, err := st.Run(t.Context(), run.ID)
		b.must(err)
		if jobs := b.jobs(run); r.Conclusion != actions.Success || len(jobs) != n+1 {
			t.Errorf("run concluded %q with %q, want success and one z", r.Conclusion, jobs)
		}
	})
}

func TestARunIsUpdatedWheneverAJobEnds(t *testing.T) {
	watched(t, func(b *bench) {
		run := b.start(chain)
		updated := func() time.Time {
			r, err := b.st.Run(b.t.Context(), run.ID)
			b.must(err)
			return r.UpdatedAt
		}
		last := updated()
		for _, step := range []func(){
			func() { b.acquire(run, "a") },
			func() { b.end(run, "a", actions.Success, map[string]string{"go": "yes"}) },
			func() { b.must(b.Cancel(b.t.Context(), run.ID, false)) },
		} {
			time.Sleep(time.Second)
			step()
			if now := updated(); !now.After(last) {
				b.t.Errorf("updated at %v, as before", now)
			} else {
				last = now
			}
		}
	})
}

func TestWhatThisServerDoesNotDoIsSaidBesideTheJob(t *testing.T) { // CON-1
	b := newBench(t, storetest.Open(t))
	run := b.start(`
on: push
jobs:
  a: {runs-on: {group: gpu, labels: x}, concurrency: deploy, steps: [{run: exit 0}]}
`)
	got := strings.Join(b.annotations(b.job(run, "a")), "\n")
	for _, want := range []string{"does not act on 'concurrency'"} {
		if !strings.Contains(got, want) {
			t.Errorf("annotations %q, want one with %q", got, want)
		}
	}
}

func TestWhatAnEventIgnoresIsSaidBesideTheRun(t *testing.T) { // TRG-13
	const on = "on:\n  push:\n  create: {tags: ['v*']}\njobs:\n  a: {runs-on: x, "
	for jobs, what := range map[string]string{
		"steps: [{run: exit 0}]}\n  b: {runs-on: x, steps: [{run: exit 0}]}": "a run",
		"if: false, steps: [{run: exit 0}]}":                                 "a run without work",
		"name: '${{ github.run_number }}', steps: [{run: exit 0}]}":          "a run planned later",
		"steps: [{run: exit 0}]}\n  b: {uses: ./.github/workflows/b.yml}":    "a run that cannot start",
	} {
		b := newBench(t, storetest.Open(t))
		run := b.start(on + jobs)
		for attempt := 1; ; attempt++ {
			notes, _, err := b.st.RunAnnotations(t.Context(), run.ID, attempt, store.Page{Number: 1, Size: 10})
			b.must(err)
			warnings := slices.DeleteFunc(notes, func(a *actions.Annotation) bool { return a.Level != actions.LevelWarning })
			if len(warnings) != 1 {
				t.Fatalf("%s: %d warnings in attempt %d, want one", what, len(warnings), attempt)
			}
			a := warnings[0]
			if a.Path != run.Path || a.StartLine != 3 || a.StartColumn != 12 || !strings.Contains(a.Message, "'tags' is ignored: the event 'create'") {
				t.Errorf("%s: %+v", what, a)
			}
			r, err := b.st.Run(t.Context(), run.ID)
			b.must(err)
			if r.Conclusion != actions.Skipped || attempt == 2 {
				break
			}
			b.must(b.Rerun(t.Context(), run.ID, b.repo.Owner, false))
		}
	}
}

func TestStepsEndWithTheirJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(chain)
		j, now := b.acquire(run, "a"), time.Now()
		step := func(i int, s actions.Status, c actions.Conclusion) *actions.Step {
			return &actions.Step{GUID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Number: i, Name: "step", Status: s, Conclusion: c, StartedAt: now}
		}
		b.must(st.Update(t.Context(), func(tx *store.Tx) error {
			for _, s := range []*actions.Step{
				step(1, actions.Completed, actions.Success), step(2, actions.InProgress, ""), step(3, actions.InProgress, ""), step(4, actions.Queued, ""),
			} {
				if err := tx.SaveStep(t.Context(), j, s); err != nil {
					return err
				}
			}
			return nil
		}))
		b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Failure, Steps: []*actions.Step{
			step(1, actions.Completed, actions.Success), step(2, actions.Completed, actions.Success), step(5, actions.Completed, actions.Skipped),
		}}))
		steps, err := st.Steps(t.Context(), j.ID)
		b.must(err)
		var got []string
		for _, s := range steps {
			got = append(got, fmt.Sprint(s.Number, " ", s.Status, " ", s.Conclusion))
		}
		want := []string{"1 completed success", "2 completed success", "3 completed failure", "4 completed skipped", "5 completed skipped"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}
