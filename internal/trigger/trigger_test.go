package trigger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/trigger"
)

var base = shape.Base{API: "http://ci.example/api/v3", HTML: "http://ci.example"}

// A bench is a trigger with a real store and a real repository that a work tree
// pushes to over the file system.
type bench struct {
	*trigger.Trigger
	t     *testing.T
	st    *store.Store
	git   *gitrepo.Git
	owner *actions.Account
	repo  *actions.Repository
	*gittest.Tree
	bare string

	ids   *sync.Mutex      // held while an id is made: servers ask from goroutines of their own
	newID func() string    // called twice for a run with one job, when it is planned
	now   func() time.Time // of servers made from now on

	idleAfter time.Duration           // of servers made from now on
	perSecond int                     // jobs, of servers made from now on; 0 for the usual
	serve     func() *trigger.Trigger // another server on the same store and repositories
}

func newBench(t *testing.T, st *store.Store) *bench {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	root := t.TempDir()
	git, err := gitrepo.New(root, gitrepo.Limits{}, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := git.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, st: st, git: git, Tree: gittest.New(t, "nowhere"), ids: new(sync.Mutex), newID: uuid.NewString, now: time.Now}
	b.serve = func() *trigger.Trigger {
		q := queue.New(st, log, time.Minute, time.Now, queue.Rules{})
		sc := scheduler.New(scheduler.Config{Store: st, Queue: q, Sources: source.New(st), Log: log, Now: time.Now, NewID: b.id, Lease: time.Minute})
		return trigger.New(trigger.Config{Store: st, Git: git, Scheduler: sc, Log: log, Now: b.now, JobsPerSecond: b.perSecond, IdleAfter: b.idleAfter})
	}
	b.Trigger = b.serve()
	now := time.Now()
	b.owner = &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now, UpdatedAt: now}
	b.must(st.CreateAccount(t.Context(), b.owner))
	b.repo = &actions.Repository{Owner: *b.owner, Name: "hello", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	b.must(st.CreateRepository(t.Context(), b.repo))
	b.must(git.Create(t.Context(), b.repo.ID, "main"))
	found, err := filepath.Glob(filepath.Join(root, "*", "*.git"))
	if err == nil && len(found) == 0 {
		found, err = filepath.Glob(filepath.Join(root, "*", "*", "*.git"))
	}
	if err != nil || len(found) != 1 {
		t.Fatalf("bare repository: %v, %v", found, err)
	}
	b.bare = found[0]
	return b
}

// makeIDs lets f make the ids of plans from now on, one at a time.
func (b *bench) makeIDs(f func() string) {
	b.ids.Lock()
	defer b.ids.Unlock()
	b.newID = f
}

func (b *bench) id() string {
	b.ids.Lock()
	defer b.ids.Unlock()
	return b.newID()
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// move puts the work tree's HEAD at a ref of the bare repository, as git does
// between the two halves of a push, and returns the update.
func (b *bench) move(ref string) actions.RefUpdate {
	b.t.Helper()
	before := actions.ZeroSHA
	if out := b.Git("ls-remote", b.bare, ref); out != "" {
		before = strings.Fields(out)[0]
	}
	b.Git("-c", "core.hooksPath=/dev/null", "push", "-q", "--force", "--receive-pack", "git -c core.hooksPath=/dev/null receive-pack", b.bare, "HEAD:"+ref)
	return actions.RefUpdate{Ref: ref, Before: before, After: b.Git("rev-parse", "HEAD")}
}

// push makes both halves of a push of HEAD to the refs.
func (b *bench) push(byJob bool, refs ...string) {
	b.t.Helper()
	p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID, ByJob: byJob}
	b.must(b.Intend(b.t.Context(), p))
	var moved []actions.RefUpdate
	for _, ref := range refs {
		moved = append(moved, b.move(ref))
	}
	b.must(b.Pushed(b.t.Context(), base, p, moved))
}

// runs are all runs, oldest first, as "name event ref conclusion".
func (b *bench) runs() []string {
	b.t.Helper()
	list, _, err := b.st.Runs(b.t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 100})
	b.must(err)
	slices.Reverse(list)
	var out []string
	for _, r := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Name, r.Event, r.Ref, r.Conclusion)))
	}
	return out
}

func (b *bench) want(runs ...string) {
	b.t.Helper()
	if diff := cmp.Diff(runs, b.runs()); diff != "" {
		b.t.Errorf("runs (-want +got):\n%s", diff)
	}
}

const (
	onPush = "name: CI\non: push\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
	onMain = "name: Main\non: {push: {branches: [main]}}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
	broken = "name: Broken\non: push\njobs:\n  a:\n    runs-on: x\n    stepz: []\n"
	byHand = `
name: Hand
run-name: Deploy ${{ inputs.where }} ${{ github.run_number }}
on:
  workflow_dispatch:
    inputs:
      where: {type: choice, options: [here, there], required: true}
      dry: {type: boolean}
jobs: {a: {runs-on: x, steps: [{run: exit 0}]}}
`
	dir = ".github/workflows/"
)

func TestAPushStartsTheWorkflowsThatGitHubWould(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"ci.yml", onPush, dir+"main.yaml", onMain, dir+"broken.yml", broken, dir+"hand.yml", byHand, dir+"README.md", "no workflow")
		b.push(false, "refs/heads/main")
		b.want(
			".github/workflows/broken.yml push refs/heads/main failure",
			"CI push refs/heads/main",
			"Main push refs/heads/main",
		)
		b.Commit("second", "file", "x")
		b.push(false, "refs/heads/feature")
		if got := b.runs(); len(got) != 5 || got[4] != "CI push refs/heads/feature" {
			t.Errorf("after a push to another branch: %q, want the broken file and CI, not Main", got)
		}
	})
}

func TestTagPushesFollowTheirFilters(t *testing.T) { // TRG-5, TRG-8
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush, dir+"main.yml", onMain)
	b.push(false, "refs/tags/v1")
	b.want("CI push refs/tags/v1")
	b.push(false, "refs/tags/a", "refs/tags/b", "refs/tags/c", "refs/tags/d") // more than three: no events
	b.want("CI push refs/tags/v1")
}

func TestSkipMarkersAndJobTokensStartNothing(t *testing.T) { // TRG-8, TRG-9
	b := newBench(t, storetest.Open(t))
	b.Commit("first [skip ci]", dir+"ci.yml", onPush)
	b.push(false, "refs/heads/main")
	b.Commit("second\n\n\nskip-checks: true")
	b.push(false, "refs/heads/main")
	b.Commit("third")
	b.push(true, "refs/heads/main")
	b.want()
	if w, err := b.st.WorkflowByPath(t.Context(), b.repo.ID, dir+"ci.yml"); err != nil || w.State != actions.Active {
		t.Errorf("workflow: %+v, %v; want it known all the same", w, err)
	}
}

func TestPathFiltersSeeWhatThePushChanged(t *testing.T) { // TRG-7
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", "on: {push: {paths: ['src/**']}}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n", "docs/a", "x")
	b.push(false, "refs/heads/main")
	b.want()
	b.Commit("docs", "docs/a", "y")
	b.push(false, "refs/heads/main")
	b.want()
	b.Commit("source", "src/deep/a", "x")
	b.Commit("docs again", "docs/a", "z")
	b.push(false, "refs/heads/main")
	b.want(dir + "ci.yml push refs/heads/main")
}

func TestAPushIsFinishedAfterACrash(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"ci.yml", onPush)
		for _, ref := range []string{"refs/heads/main", "refs/heads/never"} { // two intents, one move
			p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID, Updates: []actions.RefUpdate{
				{Ref: ref, Before: actions.ZeroSHA, After: b.Git("rev-parse", "HEAD")},
			}}
			b.must(b.Intend(t.Context(), p))
			if ref == "refs/heads/main" {
				b.move(ref)
			}
		}
		b.want()
		b.must(b.Reconcile(t.Context(), base))
		b.want("CI push refs/heads/main")
		b.must(b.Reconcile(t.Context(), base))
		b.want("CI push refs/heads/main")
		if left, err := st.Pushes(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("%d intents are left (%v), want none", len(left), err)
		}
	})
}

func TestThePayloadOfAPushIsGitHubs(t *testing.T) { // TRG-3
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	b.push(false, "refs/heads/main")
	before := b.Git("rev-parse", "HEAD")
	b.Commit("second")
	after := b.Commit("third")
	b.push(false, "refs/heads/main")
	list, _, err := b.st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
	b.must(err)
	src, err := b.st.RunSource(t.Context(), list[0].ID)
	b.must(err)
	var event struct {
		Ref, Before, After       string
		Created, Deleted, Forced bool
		Commits                  []struct{ ID, Message string }
		HeadCommit               struct{ ID string } `json:"head_commit"`
		Repository               struct {
			FullName string `json:"full_name"`
		}
		Sender struct{ Login string }
	}
	b.must(json.NewDecoder(bytes.NewReader(src.Payload)).Decode(&event))
	if event.Ref != "refs/heads/main" || event.Before != before || event.After != after || event.Created || event.Forced || event.HeadCommit.ID != after {
		t.Errorf("event %+v, want %s..%s of refs/heads/main", event, before, after)
	}
	if len(event.Commits) != 2 || strings.TrimSpace(event.Commits[0].Message) != "second" || event.Repository.FullName != "octo/hello" || event.Sender.Login != "octo" {
		t.Errorf("event %+v, want two commits, oldest first, of octo/hello by octo", event)
	}
}

func TestADispatchChecksItsInputs(t *testing.T) { // TRG-12
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"hand.yml", byHand, dir+"ci.yml", onPush)
		b.push(false, "refs/heads/main")
		hand, err := st.WorkflowByPath(t.Context(), b.repo.ID, dir+"hand.yml")
		b.must(err)
		ci, err := st.WorkflowByPath(t.Context(), b.repo.ID, dir+"ci.yml")
		b.must(err)
		for _, test := range []struct {
			name     string
			workflow *actions.Workflow
			ref      string
			inputs   map[string]string
			want     string // part of the message
		}{
			{"missing input", hand, "main", nil, "Required input 'where' not provided"},
			{"unknown input", hand, "main", map[string]string{"where": "here", "who": "x"}, "Unexpected inputs provided"},
			{"value outside options", hand, "main", map[string]string{"where": "nowhere"}, "where"},
			{"unknown ref", hand, "nope", map[string]string{"where": "here"}, "No ref found for: nope"},
			{"option as ref", hand, "--help", map[string]string{"where": "here"}, "No ref found for: --help"},
			{"no such trigger", ci, "main", nil, "Workflow does not have 'workflow_dispatch' trigger"},
		} {
			_, err := b.Dispatch(t.Context(), &trigger.Dispatch{Base: base, Repo: b.repo, Workflow: test.workflow, Ref: test.ref, Inputs: test.inputs, Actor: b.owner})
			if actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want invalid with %q", test.name, err, test.want)
			}
		}
		b.want("CI push refs/heads/main")
		id, err := b.Dispatch(t.Context(), &trigger.Dispatch{Base: base, Repo: b.repo, Workflow: hand, Ref: "main", Inputs: map[string]string{"where": "there"}, Actor: b.owner})
		b.must(err)
		run, err := st.Run(t.Context(), id)
		b.must(err)
		if run.Title != "Deploy there 1" || run.Event != "workflow_dispatch" || run.Ref != "refs/heads/main" {
			t.Errorf("run %+v, want Deploy there 1 of refs/heads/main", run)
		}
	})
}

func TestAWorkflowThatLeavesTheDefaultBranchIsDeleted(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush, dir+"main.yml", onMain)
	b.push(false, "refs/heads/main")
	b.must(os.Remove(filepath.Join(b.Dir, dir, "main.yml")))
	b.Commit("second")
	b.push(false, "refs/heads/main")
	list, n, err := b.st.Workflows(t.Context(), b.repo.ID, store.Page{Number: 1, Size: 10})
	if err != nil || n != 1 || list[0].Name != "CI" {
		t.Errorf("%d workflows, %v; want CI alone", n, err)
	}
}
