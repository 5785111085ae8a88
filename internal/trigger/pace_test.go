package trigger_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// another is a bench with a repository of its own and another owner, and the same
// server.
func (b *bench) another(login string) *bench {
	b.t.Helper()
	c := *b
	now := time.Now()
	c.owner = &actions.Account{Login: login, Type: actions.User, CreatedAt: now, UpdatedAt: now}
	c.must(c.st.CreateAccount(c.t.Context(), c.owner))
	c.repo = &actions.Repository{Owner: *c.owner, Name: "other", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	c.must(c.st.CreateRepository(c.t.Context(), c.repo))
	c.must(c.git.Create(c.t.Context(), c.repo.ID, "main"))
	c.bare = strings.Replace(b.bare, fmt.Sprintf("%d.git", b.repo.ID), fmt.Sprintf("%d.git", c.repo.ID), 1)
	c.Tree = gittest.New(c.t, "nowhere")
	return &c
}

// count is how many runs the repository has.
func (b *bench) count() int {
	b.t.Helper()
	_, n, err := b.st.Runs(b.t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
	b.must(err)
	return n
}

// stopClock lets no push take long, however busy the machine is, so that it is
// answered when all of its runs are there.
func (b *bench) stopClock() {
	stopped := time.Now()
	b.now = func() time.Time { return stopped }
	b.Trigger = b.serve()
}

// await waits until the repository has so many runs.
func (b *bench) await(runs int) {
	b.t.Helper()
	for begin := time.Now(); b.count() < runs; <-time.After(5 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			b.t.Fatalf("%d runs, want %d", b.count(), runs)
		}
	}
}

// matrix is a workflow of so many jobs.
func matrix(jobs int) string {
	items := make([]string, jobs)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	return "on: push\njobs: {a: {runs-on: x, steps: [{run: exit 0}], strategy: {matrix: {v: [" + strings.Join(items, ", ") + "]}}}}\n"
}

// A push of 300 branches was answered after 12 minutes.
func TestALargePushIsAnsweredBeforeItsLastRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const workflows = 60
		b.many(workflows)
		refs := []string{"refs/heads/a", "refs/heads/b", "refs/heads/c", "refs/heads/main"}
		p := b.intend(refs...)
		b.must(b.Pushed(t.Context(), base, p, p.Updates))
		if n := b.count(); n == 0 || n >= len(refs)*workflows {
			t.Errorf("%d runs of %d are there when the push is answered", n, len(refs)*workflows)
		}
		quick := b.another("mona")
		quick.Commit("commit", dir+"ci.yml", onPush)
		quick.push(false, "refs/heads/main")
		quick.want("CI push refs/heads/main")
		end := b.goOn()
		b.await(len(refs) * workflows)
		end()
		b.must(b.Reconcile(t.Context(), base))
		if n := b.count(); n != len(refs)*workflows {
			t.Errorf("%d runs, want %d", n, len(refs)*workflows)
		}
		b.wantNoIntent()
	})
}

func TestRepositoriesWithManyRunsToComeTakeTurns(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.many(120)
	p := b.intend("refs/heads/a", "refs/heads/b", "refs/heads/c", "refs/heads/d")
	b.must(b.Pushed(t.Context(), base, p, p.Updates))
	c := b.another("mona")
	c.Commit("commit", dir+"ci.yml", onPush)
	q := &actions.Push{RepoID: c.repo.ID, ActorID: c.owner.ID}
	c.must(c.Intend(t.Context(), q))
	c.must(c.st.SettlePush(t.Context(), q.ID, []actions.RefUpdate{c.move("refs/heads/main")}))
	end := b.goOn() // finds both
	defer end()
	c.await(1)
	b.await(4 * 120)
	if c.newest() > b.newest() {
		t.Error("the second repository waits until the first has all of its runs")
	}
}

// newest is the id of the repository's last run.
func (b *bench) newest() int64 {
	b.t.Helper()
	list, _, err := b.st.Runs(b.t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
	b.must(err)
	return list[0].ID
}

func TestRunsOverTheRateComeLaterAndInTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		var ahead atomic.Int64
		b.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		b.perSecond = 10 // 600 may come at once
		b.Trigger = b.serve()
		b.Commit("commit 1", dir+"ci.yml", matrix(256))
		b.push(false, "refs/heads/a", "refs/heads/b", "refs/heads/c", "refs/heads/d")
		if n := b.count(); n == 0 || n == 4 {
			t.Errorf("%d runs of 256 jobs at 600 at once and 10 a second", n)
		}
		b.Commit("commit 2", dir+"ci.yml", onPush)
		b.push(false, "refs/heads/e")
		if n := b.count(); n == 5 {
			t.Error("a push that came later has its run before its turn")
		}
		other := b.another("mona")
		other.Commit("commit", dir+"ci.yml", onPush)
		other.push(false, "refs/heads/main")
		other.want("CI push refs/heads/main")
		for range 5 {
			ahead.Add(int64(time.Hour))
			b.push(false, "refs/heads/e") // moves nothing; what waits is looked at
		}
		var refs []string
		for _, title := range b.titles() {
			refs = append(refs, title[strings.LastIndex(title, "/")+1:])
		}
		if got, want := strings.Join(refs[:5], ""), "abcde"; got != want {
			t.Errorf("the runs are of %s, want %s", got, want)
		}
	})
}

func TestAFileOverALimitIsOneRunThatSaysSo(t *testing.T) { // MAT-8
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.stopClock()
		file := strings.TrimSuffix(matrix(256), "}\n")
		for i := range 19 {
			file += fmt.Sprintf(", b%d: {runs-on: x, steps: [{run: exit 0}], strategy: {matrix: {v: [%s]}}}", i, strings.Repeat("1, ", 255)+"1")
		}
		b.Commit("commit", dir+"ci.yml", file+"}\n")
		b.push(false, "refs/heads/main")
		b.want(dir + "ci.yml push refs/heads/main startup_failure")
		runs, _, err := st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
		b.must(err)
		notes, _, err := st.RunAnnotations(t.Context(), runs[0].ID, 1, store.Page{Number: 1, Size: 10})
		b.must(err)
		if len(notes) != 1 || !strings.Contains(notes[0].Message, "a run has at most 5000 jobs") {
			t.Errorf("annotations %+v", notes)
		}
	})
}

func TestWorkflowFilesOfACommitAreReadToALimit(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.stopClock()
	var files []string
	for i := range 20 {
		files = append(files, fmt.Sprintf("%s%02d.yml", dir, i), onPush+strings.Repeat("# "+strings.Repeat("x", 1021)+"\n", 1000))
	}
	b.Commit("commit", files...)
	b.push(false, "refs/heads/main")
	if n := b.count(); n < 15 || n > 16 {
		t.Errorf("%d runs, want those of the first 16 MiB", n)
	}
}

func TestAPushIsRefusedWhereTooManyWait(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.must(b.st.Update(t.Context(), func(tx *store.Tx) error {
		for range 10_000 {
			if err := tx.CreatePush(t.Context(), &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID, CreatedAt: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	}))
	err := b.Intend(t.Context(), &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID})
	if actions.KindOf(err) != actions.Unavailable || !strings.Contains(err.Error(), "10000 pushes to this repository wait for their runs") {
		t.Errorf("got %v", err)
	}
	other := b.another("mona")
	other.must(other.Intend(t.Context(), &actions.Push{RepoID: other.repo.ID, ActorID: other.owner.ID}))
}
