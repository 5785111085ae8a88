package scheduler_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const lease = 3 * time.Minute

// A bench is a scheduler on a real store, with an owner, a repository and a runner.
type bench struct {
	*scheduler.Scheduler
	t      *testing.T
	st     *store.Store
	queue  *queue.Queue
	repo   *actions.Repository
	runner *actions.Runner
}

func newBench(t *testing.T, st *store.Store) *bench {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	b := &bench{t: t, st: st, queue: queue.New(st, log, lease, time.Now, queue.Rules{})}
	b.Scheduler = scheduler.New(scheduler.Config{Store: st, Queue: b.queue, Sources: source.New(st), Log: log, Now: time.Now, NewID: uuid.NewString, Lease: lease})
	ctx, now := t.Context(), time.Now()
	owner := actions.Account{Login: "octo", Type: actions.User, CreatedAt: now, UpdatedAt: now}
	b.must(st.CreateAccount(ctx, &owner))
	b.repo = &actions.Repository{Owner: owner, Name: "hello", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	b.must(st.CreateRepository(ctx, b.repo))
	b.runner = b.addRunner("box", false)
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) addRunner(name string, ephemeral bool) *actions.Runner {
	b.t.Helper()
	r := &actions.Runner{
		Name: name, Labels: []actions.Label{{Name: "x"}}, ClientID: uuid.NewString(), PublicKey: []byte{1},
		CreatedAt: time.Now(), Ephemeral: ephemeral,
	}
	b.must(b.st.CreateRunner(b.t.Context(), r))
	return r
}

// start makes a run of the workflow text.
func (b *bench) start(text string) *actions.Run {
	b.t.Helper()
	const path = ".github/workflows/ci.yml"
	ctx, now := b.t.Context(), time.Now()
	w, problem := workflow.Parse(path, []byte(text))
	run := &actions.Run{
		RepoID: b.repo.ID, Name: "CI", Title: "commit", Path: path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
		HeadSHA: strings.Repeat("a", 40), Actor: b.repo.Owner,
	}
	src := &actions.RunSource{Payload: []byte(`{"ref":"refs/heads/main"}`), Workflow: []byte(text)}
	st := &scheduler.Start{Run: run, Repo: b.repo, Source: src, Workflow: w, Problem: problem}
	b.must(b.Prepare(ctx, st))
	b.must(b.st.Update(ctx, func(tx *store.Tx) error {
		rec := &actions.Workflow{RepoID: b.repo.ID, Path: path, Name: "CI", State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ctx, rec); err != nil {
			return err
		}
		run.WorkflowID = rec.ID
		return b.Commit(ctx, tx, st)
	}))
	return run
}

// jobs are the jobs of the current attempt as "name status conclusion".
func (b *bench) jobs(run *actions.Run) []string {
	b.t.Helper()
	r, err := b.st.Run(b.t.Context(), run.ID)
	b.must(err)
	jobs, err := b.st.Jobs(b.t.Context(), run.ID, r.Attempt)
	b.must(err)
	var list []string
	for _, j := range jobs {
		list = append(list, strings.TrimSpace(j.Name+" "+string(j.Status)+" "+string(j.Conclusion)))
	}
	return list
}

func (b *bench) job(run *actions.Run, name string) *actions.Job {
	b.t.Helper()
	r, err := b.st.Run(b.t.Context(), run.ID)
	b.must(err)
	jobs, err := b.st.Jobs(b.t.Context(), run.ID, r.Attempt)
	b.must(err)
	for _, j := range jobs {
		if j.Name == name {
			return j
		}
	}
	b.t.Fatalf("no job %s among %v", name, b.jobs(run))
	return nil
}

func (b *bench) acquire(run *actions.Run, name string) *actions.Job {
	b.t.Helper()
	j, err := b.queue.Acquire(b.t.Context(), b.job(run, name).GUID, b.runner, func(*store.Tx, *actions.Job) error { return nil })
	b.must(err)
	return j
}

// end runs a job to its end.
func (b *bench) end(run *actions.Run, name string, c actions.Conclusion, outputs map[string]string) {
	b.t.Helper()
	b.must(b.Complete(b.t.Context(), b.acquire(run, name), &scheduler.Result{Conclusion: c, Outputs: outputs}))
}

func (b *bench) want(run *actions.Run, status actions.Status, c actions.Conclusion, jobs ...string) {
	b.t.Helper()
	r, err := b.st.Run(b.t.Context(), run.ID)
	b.must(err)
	if r.Status != status || r.Conclusion != c {
		b.t.Errorf("run is %s %s, want %s %s", r.Status, r.Conclusion, status, c)
	}
	if diff := cmp.Diff(jobs, b.jobs(run)); diff != "" {
		b.t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func (b *bench) annotations(j *actions.Job) []string {
	b.t.Helper()
	list, _, err := b.st.Annotations(b.t.Context(), j.ID, store.Page{Number: 1, Size: 10})
	b.must(err)
	var out []string
	for _, a := range list {
		out = append(out, a.Message)
	}
	return out
}

const chain = `
on: push
jobs:
  a: {runs-on: x, steps: [{run: exit 0}]}
  b: {needs: a, runs-on: x, if: needs.a.outputs.go == 'yes', steps: [{run: exit 0}]}
  c: {needs: b, runs-on: x, steps: [{run: exit 0}]}
`

func TestAJobStartsWhenWhatItNeedsIsDone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(chain)
		b.want(run, actions.Queued, "", "a queued")
		b.end(run, "a", actions.Success, map[string]string{"go": "yes"})
		b.want(run, actions.InProgress, "", "a completed success", "b queued")
		b.end(run, "b", actions.Success, nil)
		b.end(run, "c", actions.Success, nil)
		b.want(run, actions.Completed, actions.Success, "a completed success", "b completed success", "c completed success")
	})
}

func TestASkippedJobSkipsWhatNeedsIt(t *testing.T) { // IF-4
	b := newBench(t, storetest.Open(t))
	run := b.start(chain)
	b.end(run, "a", actions.Success, nil)
	b.want(run, actions.Completed, actions.Success, "a completed success", "b completed skipped", "c completed skipped")
}

func TestARunOfABrokenFileFailsWithLineAndColumn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start("on: push\njobs:\n  a:\n    runs-on: x\n    stepz: []\n")
		b.want(run, actions.Completed, actions.Failure, ".github/workflows/ci.yml completed failure")
		check := b.job(run, run.Path)
		if check.Key != "" {
			t.Errorf("the check run has key %q, so it would be listed among jobs", check.Key)
		}
		list, _, err := st.Annotations(t.Context(), check.ID, store.Page{Number: 1, Size: 10})
		b.must(err)
		if len(list) == 0 || list[0].StartLine != 5 || list[0].StartColumn != 5 || !strings.Contains(list[0].Message, "stepz") {
			t.Errorf("annotations %+v, want one at 5:5 that names stepz", list)
		}
		if err := b.Rerun(t.Context(), run.ID, b.repo.Owner, false); actions.KindOf(err) != actions.Forbidden {
			t.Errorf("rerun: %v, want forbidden", err)
		}
	})
}

func TestCompletingTwiceKeepsTheFirstConclusion(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	run := b.start(chain)
	j := b.acquire(run, "a")
	b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Failure}))
	b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Success}))
	b.want(run, actions.Completed, actions.Failure, "a completed failure", "b completed skipped", "c completed skipped")
}

func TestAJobsTokensDieWithIt(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	run := b.start(chain)
	j := b.acquire(run, "a")
	hash := []byte("hash")
	b.must(b.st.SaveJobToken(t.Context(), &actions.Token{AccountID: b.repo.Owner.ID, Hash: hash, JobID: j.ID, RepoID: b.repo.ID, CreatedAt: time.Now()}))
	b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Success}))
	if _, err := b.st.TokenByHash(t.Context(), hash); actions.KindOf(err) != actions.NotFound {
		t.Errorf("after the job: %v, want not found", err)
	}
}

func TestAnEphemeralRunnerIsGoneAfterItsJob(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.runner = b.addRunner("once", true)
	run := b.start(chain)
	b.end(run, "a", actions.Success, nil)
	if _, err := b.st.Runner(t.Context(), b.runner.ID); actions.KindOf(err) != actions.NotFound {
		t.Errorf("runner after its job: %v, want not found", err)
	}
}

func TestCancelEndsWaitingJobsAndTellsRunningOnes(t *testing.T) { // CAN-1
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(`
on: push
jobs:
  a: {runs-on: x, steps: [{run: exit 0}]}
  b: {runs-on: x, steps: [{run: exit 0}]}
  z: {needs: [a, b], if: always(), runs-on: x, steps: [{run: exit 0}]}
`)
		j := b.acquire(run, "a")
		b.must(b.Cancel(t.Context(), run.ID, false))
		b.want(run, actions.InProgress, "", "a in_progress", "b completed cancelled")
		if got := b.job(run, "a"); got.CancelAt.IsZero() {
			t.Error("the running job was not told to cancel")
		}
		b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Cancelled}))
		b.end(run, "z", actions.Success, nil)
		b.want(run, actions.Completed, actions.Cancelled, "a completed cancelled", "b completed cancelled", "z completed success")
		if err := b.Cancel(t.Context(), run.ID, false); actions.KindOf(err) != actions.Conflict {
			t.Errorf("cancel of a completed run: %v, want a conflict", err)
		}
	})
}

func TestForceCancelEndsEverythingAtOnce(t *testing.T) { // CAN-5
	b := newBench(t, storetest.Open(t))
	run := b.start(chain)
	j := b.acquire(run, "a")
	b.must(b.Cancel(t.Context(), run.ID, false))
	b.must(b.Cancel(t.Context(), run.ID, true))
	r, err := b.st.Run(t.Context(), run.ID)
	b.must(err)
	if r.Status != actions.Completed || r.Conclusion != actions.Cancelled {
		t.Errorf("run is %s %s, want completed cancelled", r.Status, r.Conclusion)
	}
	if _, err := b.queue.Renew(t.Context(), j); actions.KindOf(err) != actions.NotFound {
		t.Errorf("the runner renews: %v, want not found, which stops it", err)
	}
}

func TestRerunStartsAllJobsInANewAttempt(t *testing.T) { // RR-1, RR-3
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(chain)
		if err := b.Rerun(t.Context(), run.ID, b.repo.Owner, false); actions.KindOf(err) != actions.Forbidden {
			t.Errorf("rerun of a run in progress: %v, want forbidden", err)
		}
		b.end(run, "a", actions.Failure, nil)
		b.must(b.Rerun(t.Context(), run.ID, b.repo.Owner, true))
		b.want(run, actions.Queued, "", "a queued")
		r, err := st.Run(t.Context(), run.ID)
		b.must(err)
		if r.Attempt != 2 || r.Number != run.Number {
			t.Errorf("attempt %d of run number %d, want 2 of %d", r.Attempt, r.Number, run.Number)
		}
		first, err := st.Attempt(t.Context(), run.ID, 1)
		b.must(err)
		if first.Conclusion != actions.Failure {
			t.Errorf("first attempt concluded %q, want failure kept", first.Conclusion)
		}
	})
}

func TestOnlyCompletedRunsAreDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(chain)
		if err := b.Delete(t.Context(), run.ID); actions.KindOf(err) != actions.Forbidden {
			t.Errorf("delete of a run in progress: %v, want forbidden", err)
		}
		b.end(run, "a", actions.Success, nil)
		b.must(b.Delete(t.Context(), run.ID))
		if _, err := st.Run(t.Context(), run.ID); actions.KindOf(err) != actions.NotFound {
			t.Errorf("after delete: %v, want not found", err)
		}
	})
}

// watched runs fn with a scheduler whose loop runs, in fake time.
func watched(t *testing.T, fn func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		defer b.loop()()
		fn(b)
	})
}

// loop runs the scheduler's loop until the caller ends it.
func (b *bench) loop() (end func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
}

func TestAJobOfASilentRunnerFailsAndSaysSo(t *testing.T) { // STA-5
	watched(t, func(b *bench) {
		run := b.start(chain)
		j := b.acquire(run, "a")
		time.Sleep(lease + 10*time.Second)
		b.want(run, actions.Completed, actions.Failure, "a completed failure", "b completed skipped", "c completed skipped")
		if got := b.annotations(j); len(got) != 1 || !strings.Contains(got[0], "box lost communication with the server") {
			t.Errorf("annotations %q, want one about the lost runner", got)
		}
	})
}

func TestARunnerThatRenewsKeepsItsJob(t *testing.T) {
	watched(t, func(b *bench) {
		run := b.start(chain)
		j := b.acquire(run, "a")
		for range 10 {
			time.Sleep(time.Minute)
			_, err := b.queue.Renew(b.t.Context(), j)
			b.must(err)
		}
		b.want(run, actions.InProgress, "", "a in_progress")
	})
}

func TestAfterAStartEveryLeaseGetsAFullPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		run := b.start(chain)
		b.acquire(run, "a")
		time.Sleep(time.Hour) // the server is away, longer than the lease
		defer b.loop()()
		time.Sleep(lease - 10*time.Second)
		b.want(run, actions.InProgress, "", "a in_progress")
		time.Sleep(30 * time.Second)
		b.want(run, actions.Completed, actions.Failure, "a completed failure", "b completed skipped", "c completed skipped")
	})
}

func TestAJobOverItsTimeIsCancelledWithAMessage(t *testing.T) { // RUN-9, END-2
	watched(t, func(b *bench) {
		run := b.start(`
on: push
jobs:
  a: {runs-on: x, timeout-minutes: 7, steps: [{run: exit 0}]}
`)
		j := b.acquire(run, "a")
		for range 8 {
			time.Sleep(time.Minute)
			_, err := b.queue.Renew(b.t.Context(), j)
			b.must(err)
		}
		if b.job(run, "a").CancelAt.IsZero() {
			t.Error("after 8 minutes the job was not told to cancel")
		}
		if got := b.annotations(j); len(got) != 1 || !strings.Contains(got[0], "maximum execution time of 7 minutes") {
			t.Errorf("annotations %q, want one about the time", got)
		}
		for range 8 { // the runner ignores it, and renews
			time.Sleep(time.Minute)
			if _, err := b.queue.Renew(b.t.Context(), j); err != nil {
				break
			}
		}
		b.want(run, actions.Completed, actions.Cancelled, "a completed cancelled")
	})
}

func TestAJobThatNobodyTakesIsCancelledAfterADay(t *testing.T) { // RUN-9
	watched(t, func(b *bench) {
		run := b.start(chain)
		time.Sleep(24*time.Hour + time.Minute)
		b.want(run, actions.Completed, actions.Cancelled, "a completed cancelled", "b completed skipped", "c completed skipped")
	})
}

func TestAFailedExpressionIsShownAtItsPlace(t *testing.T) { // IF-7
	b := newBench(t, storetest.Open(t))
	run := b.start(`on: push
jobs:
  a:
    runs-on: x
    name: ok
    if: fromJSON('nonsense')
    steps: [{run: exit 0}]
`)
	b.want(run, actions.Completed, actions.Failure, "ok completed failure")
	list, _, err := b.st.Annotations(t.Context(), b.job(run, "ok").ID, store.Page{Number: 1, Size: 10})
	b.must(err)
	if len(list) != 1 || list[0].StartLine != 6 || list[0].Path != run.Path {
		t.Errorf("annotations %+v, want one at line 6 of the file", list)
	}
}
