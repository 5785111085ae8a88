package trigger_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// workflows are all workflows as "name state", oldest first.
func (b *bench) workflows() []string {
	b.t.Helper()
	list, err := b.st.AllWorkflows(b.t.Context(), b.repo.ID)
	b.must(err)
	var out []string
	for _, w := range list {
		out = append(out, w.Name+" "+string(w.State))
	}
	return out
}

func (b *bench) wantWorkflows(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.workflows()); diff != "" {
		b.t.Errorf("workflows (-want +got):\n%s", diff)
	}
}

// setState does what people do to a workflow.
func (b *bench) setState(path string, state actions.WorkflowState) {
	b.t.Helper()
	b.must(b.st.Update(b.t.Context(), func(tx *store.Tx) error {
		w, err := tx.WorkflowByPath(b.t.Context(), b.repo.ID, path)
		if err != nil {
			return err
		}
		w.State = state
		return tx.SaveWorkflow(b.t.Context(), w)
	}))
}

func TestADisabledWorkflowStaysDisabledWhateverIsPushed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"ci.yml", onPush, dir+"hand.yml", byHand)
		b.push(false, "refs/heads/main")
		b.setState(dir+"ci.yml", actions.DisabledManually)
		b.setState(dir+"hand.yml", actions.DisabledManually)
		b.Commit("second", dir+"ci.yml", onPush+"# changed\n")
		b.push(false, "refs/heads/main")
		b.push(false, "refs/heads/feature")
		b.must(os.Remove(filepath.Join(b.Dir, dir, "ci.yml")))
		b.Commit("gone")
		b.push(false, "refs/heads/main")
		b.Commit("back", dir+"ci.yml", onPush)
		b.push(false, "refs/heads/main")
		b.wantWorkflows("CI disabled_manually", "Hand disabled_manually")
		b.want("CI push refs/heads/main")

		stale := &actions.Workflow{ID: 2, RepoID: b.repo.ID, Path: dir + "hand.yml", State: actions.Active} // as read before
		_, err := b.Dispatch(t.Context(), &trigger.Dispatch{Base: base, Repo: b.repo, Workflow: stale, Ref: "main", Inputs: map[string]string{"where": "here"}, Actor: b.owner})
		if actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "disabled workflow") {
			t.Errorf("dispatch of what was disabled meanwhile: %v, want invalid", err)
		}

		b.setState(dir+"ci.yml", actions.Active)
		b.Commit("last")
		b.push(false, "refs/heads/main")
		list, _, err := st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
		b.must(err)
		if list[0].Number != 2 {
			t.Errorf("the next run has number %d, want 2: runs that were not made leave no gap (RR-1)", list[0].Number)
		}
	})
}

func TestTheDefaultBranchHasTheLastWordOnWorkflows(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	b.push(false, "refs/heads/main")
	b.Git("checkout", "-q", "-b", "feature")
	b.Commit("renamed", dir+"ci.yml", strings.Replace(onPush, "CI", "Other", 1), dir+"new.yml", strings.Replace(onPush, "CI", "New", 1))
	b.push(false, "refs/heads/feature")
	b.wantWorkflows("CI active", "New active")
	b.Git("checkout", "-q", "main")
	b.Commit("again")
	b.push(false, "refs/heads/main")
	b.wantWorkflows("CI active", "New active") // it never was on main, so it has not left it
	b.Git("merge", "-q", "-m", "merge", "feature")
	b.push(false, "refs/heads/main")
	b.wantWorkflows("Other active", "New active")
	b.must(os.Remove(filepath.Join(b.Dir, dir, "new.yml")))
	b.Commit("removed")
	b.push(false, "refs/heads/main")
	b.wantWorkflows("Other active", "New deleted")
}

func TestFilesThatAreNoWorkflowsDoNotKeepOthersFromRunning(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	blob := b.Git("rev-parse", "HEAD:"+dir+"ci.yml")
	var tree strings.Builder // names that a file system would not take, in a tree of their own
	for _, name := range []string{"\xff.yml", "a\nb.yml", strings.Repeat("n", 3000) + ".yml", "ok.yml", "\x1b[31m.yaml"} {
		fmt.Fprintf(&tree, "100644 blob %s\t%s\x00", blob, name)
	}
	fmt.Fprintf(&tree, "120000 blob %s\tlink.yml\x00", blob)
	mk := func(input string) string {
		cmd := exec.CommandContext(t.Context(), "git", "mktree", "-z")
		cmd.Dir, cmd.Stdin = b.Dir, strings.NewReader(input)
		out, err := cmd.Output()
		b.must(err)
		return strings.TrimSpace(string(out))
	}
	root := mk("040000 tree " + mk("040000 tree "+mk(tree.String())+"\tworkflows\x00") + "\t.github\x00")
	b.Git("reset", "-q", "--soft", b.Git("commit-tree", "-m", "odd names", root))
	b.push(false, "refs/heads/main")
	b.want("CI push refs/heads/main")
	if list, err := b.st.AllWorkflows(t.Context(), b.repo.ID); err != nil || len(list) != 1 || list[0].Path != dir+"ok.yml" {
		t.Errorf("workflows %v, %v; want ok.yml alone", list, err)
	}

	root = mk("040000 tree " + mk("100644 blob "+blob+"\tworkflows\x00") + "\t.github\x00")
	b.Git("reset", "-q", "--soft", b.Git("commit-tree", "-m", "a file for a directory", root))
	b.push(false, "refs/heads/main")
	b.want("CI push refs/heads/main")
}

func TestTagsMayBeAboutAnything(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	commit := b.Commit("first", dir+"ci.yml", onPush, dir+"hand.yml", byHand)
	b.push(false, "refs/heads/main")
	push := func(what, ref string) actions.RefUpdate {
		before := actions.ZeroSHA
		if out := b.Git("ls-remote", b.bare, ref); out != "" {
			before = strings.Fields(out)[0]
		}
		b.Git("push", "-q", "--force", "--receive-pack", "git -c core.hooksPath=/dev/null receive-pack", b.bare, what+":"+ref)
		u := actions.RefUpdate{Ref: ref, Before: before, After: b.Git("rev-parse", what)}
		p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
		b.must(b.Intend(t.Context(), p))
		b.must(b.Pushed(t.Context(), base, p, []actions.RefUpdate{u}))
		return u
	}
	b.Git("tag", "-a", "-m", "annotated", "noted")
	u := push("noted", "refs/tags/noted")
	if u.After == commit {
		t.Fatal("the tag is not annotated")
	}
	b.want("CI push refs/heads/main", "CI push refs/tags/noted")
	list, _, err := b.st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
	b.must(err)
	if list[0].HeadSHA != commit || list[0].HeadBranch != "noted" {
		t.Errorf("run of %s at %s, want the commit %s of the tag", list[0].HeadBranch, list[0].HeadSHA, commit)
	}
	b.must(mustErr(b.Dispatch(t.Context(), &trigger.Dispatch{
		Base: base, Repo: b.repo, Workflow: b.byPath("hand.yml"), Ref: "noted", Inputs: map[string]string{"where": "here"}, Actor: b.owner,
	})))

	push("HEAD:"+dir+"ci.yml", "refs/tags/odd") // about a file
	b.want("CI push refs/heads/main", "CI push refs/tags/noted", "Hand workflow_dispatch refs/tags/noted")
	b.Commit("second")
	push("HEAD", "refs/tags/odd")
	b.want("CI push refs/heads/main", "CI push refs/tags/noted", "Hand workflow_dispatch refs/tags/noted", "CI push refs/tags/odd")
}

func mustErr(_ int64, err error) error { return err }

func (b *bench) byPath(name string) *actions.Workflow {
	b.t.Helper()
	w, err := b.st.WorkflowByPath(b.t.Context(), b.repo.ID, dir+name)
	b.must(err)
	return w
}

func TestAPushOfMoreThanAThousandCommitsPassesPathFilters(t *testing.T) { // TRG-7
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", "on: {push: {paths: ['src/**']}}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n")
	b.push(false, "refs/heads/main")
	grow := func(n int) {
		var in strings.Builder
		for i := range n {
			fmt.Fprintf(&in, "commit refs/heads/main\ncommitter M <m@example.com> %d +0000\ndata 1\nx\n", 1700000000+i)
			if i == 0 {
				in.WriteString("from refs/heads/main^0\n")
			}
		}
		cmd := exec.CommandContext(t.Context(), "git", "fast-import", "--quiet")
		cmd.Dir, cmd.Stdin = b.Dir, strings.NewReader(in.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	grow(999)
	b.push(false, "refs/heads/main")
	b.want()
	grow(1001)
	b.push(false, "refs/heads/main")
	b.want(dir + "ci.yml push refs/heads/main")
	grow(1001)
	b.push(false, "refs/heads/new")
	b.want(dir+"ci.yml push refs/heads/main", dir+"ci.yml push refs/heads/new")
}

func TestTwoRefsInOnePushAreTwoEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"ci.yml", onPush)
		b.push(false, "refs/heads/main", "refs/heads/other", "refs/tags/v1")
		b.want("CI push refs/heads/main", "CI push refs/heads/other", "CI push refs/tags/v1")
	})
}

func TestADeletedBranchStartsNothing(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	sha := b.Commit("first", dir+"ci.yml", onPush)
	b.push(false, "refs/heads/main")
	p := &actions.Push{RepoID: b.repo.ID, ActorID: b.owner.ID}
	b.must(b.Intend(t.Context(), p))
	b.must(b.Pushed(t.Context(), base, p, []actions.RefUpdate{{Ref: "refs/heads/main", Before: sha, After: actions.ZeroSHA}}))
	b.want("CI push refs/heads/main")
	b.wantWorkflows("CI active")
}

func TestACommitFromAStrangeZoneStartsItsRun(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	text := fmt.Sprintf("tree %s\nauthor A <a> 1700000000 +2400\ncommitter B <b> 1700000000 -2400\n\nodd\n", b.Git("rev-parse", "HEAD^{tree}"))
	b.must(os.WriteFile(filepath.Join(b.Dir, "odd"), []byte(text), 0o600))
	b.Git("reset", "-q", "--soft", b.Git("hash-object", "-t", "commit", "-w", "odd"))
	b.push(false, "refs/heads/main")
	b.want("CI push refs/heads/main")
}

func TestAForcedPushSaysSo(t *testing.T) { // TRG-3
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"ci.yml", onPush)
	b.Commit("second")
	b.push(false, "refs/heads/main")
	b.Git("commit", "-q", "--amend", "--allow-empty", "-m", "instead")
	b.push(false, "refs/heads/main")
	list, _, err := b.st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
	b.must(err)
	src, err := b.st.RunSource(t.Context(), list[0].ID)
	b.must(err)
	var event struct {
		Forced  bool
		Commits []struct{ Message string }
	}
	b.must(json.Unmarshal(src.Payload, &event))
	if !event.Forced || len(event.Commits) != 1 || strings.TrimSpace(event.Commits[0].Message) != "instead" {
		t.Errorf("event %+v, want a forced one with the new commit", event)
	}
}

func TestTextsThatADatabaseRefusesBecomeRunsAllTheSame(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		labels := make([]string, 100)
		for i := range labels {
			labels[i] = fmt.Sprintf("%0250d", i*7919*7919)
		}
		text, err := json.Marshal(labels)
		b.must(err)
		b.Commit("first", dir+"ci.yml", "name: \"C\\0I\"\nrun-name: ${{ fromJSON('\"t\\u0000\"') }}\non: push\njobs:\n"+
			"  a: {name: \"${{ fromJSON('\\\"n\\\\u0000\\\"') }}\", runs-on: x, steps: [{run: exit 0}]}\n"+
			"  b: {runs-on: "+string(text)+", steps: [{run: exit 0}]}\n"+
			"  c: {runs-on: \"${{ fromJSON('\\\"n\\\\u0000\\\"') }}\", steps: [{run: exit 0}]}\n")
		b.must(os.WriteFile(filepath.Join(b.Dir, "message"), []byte(strings.Repeat("long ", 100_000)), 0o600))
		b.Git("commit", "-q", "--amend", "-F", "message")
		b.push(false, "refs/heads/main")
		list, n, err := st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID}, store.Page{Number: 1, Size: 1})
		if err != nil || n != 1 {
			t.Fatalf("%d runs, %v; want 1", n, err)
		}
		if got := list[0]; got.Name != "C\uFFFDI" || got.Title != "t\uFFFD" || len(got.HeadCommit.Message) > 1<<16 {
			t.Errorf("run %q %q with a message of %d bytes", got.Name, got.Title, len(got.HeadCommit.Message))
		}
		jobs, err := st.Jobs(t.Context(), list[0].ID, 1)
		b.must(err)
		var names []string
		for _, j := range jobs {
			names = append(names, j.Name+" "+string(j.Status))
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"b queued", "c completed", "n\uFFFD queued"}, names); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
	})
}
