package trigger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// Fire makes the runs that an event starts, in the order of the names of their
// workflow files, and returns those that it has made. Each run is planned, and then
// written in a transaction of its own, so that others who write wait for one run at
// most. With an error there may be some runs and not the others.
//
// An event with an intent may be fired again, by anyone: no run is made twice. Its
// runs may be lost in a power failure until the caller has ended the intent durably;
// the intent is then still there, so they are made again. The runs of any other event
// are on disk when Fire returns.
func (t *Trigger) Fire(ctx context.Context, e event.Event) ([]*actions.Run, error) {
	return t.fire(ctx, e, func(run func() (jobs int, err error)) error {
		_, err := run()
		return err
	})
}

// fire is Fire that has each run made by do.
func (t *Trigger) fire(ctx context.Context, e event.Event, do func(run func() (jobs int, err error)) error) ([]*actions.Run, error) {
	kind, ok := event.KindOf(e.Name)
	if !ok || !kind.Happens() && e.Given == nil {
		return nil, actions.Errorf(actions.Invalid, "The event '%s' does not happen on this server", e.Name)
	}
	if e.Repo.Archived {
		return nil, nil
	}
	if e.ByJob && !kind.FromJobs { // a workflow could start itself without end (TRG-9)
		return nil, nil
	}
	if on, err := t.policy.Enabled(ctx, e.Repo); err != nil || !on {
		return nil, err
	}
	if err := t.locate(ctx, kind, &e); err != nil {
		return nil, err
	}
	files, err := t.matching(ctx, kind, &e)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	e.Head = clipped(e.Head)
	if e.Complete != nil {
		if err := e.Complete(); err != nil {
			return nil, err
		}
	}
	payload, err := kind.Payload(&e)
	if err != nil {
		return nil, err
	}
	var runs []*actions.Run
	for _, f := range files {
		err := do(func() (int, error) {
			run, jobs, err := t.start(ctx, &e, f, payload)
			if run != nil {
				runs = append(runs, run)
			}
			return jobs, err
		})
		if err != nil {
			return runs, fmt.Errorf("%s: %w", f.path, err)
		}
	}
	return runs, nil
}

// locate gives the event the ref and the commit that its runs get.
func (t *Trigger) locate(ctx context.Context, kind event.Kind, e *event.Event) error {
	e.Ref = kind.Ref(e)
	if e.Head != nil {
		return nil
	}
	view := t.git.View(e.Repo.ID)
	sha, err := view.Resolve(ctx, e.Ref)
	if err != nil {
		return err
	}
	c, err := view.Commit(ctx, sha)
	if err != nil {
		return err
	}
	e.Head = &c.Commit
	return nil
}

// matching are the workflow files that the event starts, less those whose runs
// were made before.
func (t *Trigger) matching(ctx context.Context, kind event.Kind, e *event.Event) ([]*file, error) {
	if kind.SkipMarkers && skipped(e.Message()) {
		return nil, nil
	}
	all, err := t.at(ctx, t.git.View(e.Repo.ID), e.Head.SHA, e.Workflow)
	if err != nil {
		return nil, err
	}
	var lost error
	files := slices.DeleteFunc(all, func(f *file) bool {
		if f.problem != nil {
			return !kind.Unreadable
		}
		on := f.workflow.On.Event(e.Name)
		if on == nil || lost != nil {
			return true
		}
		matches, err := t.match(ctx, on, e)
		lost = err
		return !matches
	})
	if lost != nil {
		return nil, lost
	}
	if e.Intent == 0 || len(files) == 0 {
		return files, nil
	}
	made, err := t.store.PushRuns(ctx, e.Intent, cmp.Or(e.Part, e.Ref))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(f *file) bool { return slices.Contains(made, f.path) }), nil
}

// match is [workflow.Event.Match] in turn with what is done for other repositories.
// While git looks for what has changed, they may have the processor.
func (t *Trigger) match(ctx context.Context, on *workflow.Event, e *event.Event) (bool, error) {
	done, err := t.pace.plan(ctx, e.Repo.ID)
	if err != nil {
		return false, err
	}
	defer func() { done() }()
	mine := *e
	mine.Changed = func() ([]string, bool) {
		done()
		paths, known := e.Changed()
		done, _ = t.pace.plan(context.WithoutCancel(ctx), e.Repo.ID) // it cannot fail without an end
		return paths, known
	}
	return on.Match(&mine), nil
}

// start makes the run of one file, and says how many jobs it begins with. It is nil
// when the workflow is disabled, or somebody else has made the run.
func (t *Trigger) start(ctx context.Context, e *event.Event, f *file, payload []byte) (*actions.Run, int, error) {
	run := &actions.Run{
		RepoID: e.Repo.ID, Name: f.name(), Title: cmp.Or(actions.Clip(e.Title, maxTitle), f.name()), Path: f.path, Event: e.Name,
		Ref: e.Ref, HeadBranch: actions.ShortRef(e.Ref), HeadSHA: e.Head.SHA, HeadCommit: *e.Head, Actor: *e.Actor, FromFork: e.FromFork,
	}
	if e.WorkflowRun != nil {
		run.Chain = e.WorkflowRun.Run.Chain + 1
	}
	if o := e.From; o != nil {
		run.SHA, run.HeadBranch, run.HeadSHA, run.HeadCommit = e.Head.SHA, o.Branch, o.Commit.SHA, *clipped(o.Commit)
		run.HeadRepoID = o.RepoID
	}
	st := &scheduler.Start{
		Run: run, Repo: e.Repo, Workflow: f.workflow, Problem: f.problem, Hold: e.Hold,
		Source: &actions.RunSource{Payload: payload, Inputs: e.Inputs, Workflow: f.text, Base: e.Base.HTML},
	}
	if err := t.prepare(ctx, st); err != nil {
		return nil, 0, err
	}
	update := t.store.Update
	if e.Intent != 0 {
		update = t.store.UpdateRelaxed
	}
	made := false
	err := update(ctx, func(tx *store.Tx) (err error) {
		made, err = t.write(ctx, tx, e, f, st)
		return err
	})
	if err != nil || !made {
		return nil, 0, err
	}
	return run, st.Jobs(), nil
}

// prepare plans a run in turn with those of other repositories.
func (t *Trigger) prepare(ctx context.Context, st *scheduler.Start) error {
	done, err := t.pace.plan(ctx, st.Repo.ID)
	if err != nil {
		return err
	}
	defer done()
	return t.scheduler.Prepare(ctx, st)
}

// write writes a run, unless that is not to be, and says whether it did.
func (t *Trigger) write(ctx context.Context, tx *store.Tx, e *event.Event, f *file, st *scheduler.Start) (bool, error) {
	if e.Intent != 0 {
		if first, err := tx.CreatePushRun(ctx, e.Intent, cmp.Or(e.Part, e.Ref), f.path); err != nil || !first {
			return false, err
		}
	}
	w, err := t.record(ctx, tx, e, f)
	if err != nil || w.State != actions.Active {
		return false, err
	}
	st.Run.WorkflowID = w.ID
	return true, t.scheduler.Commit(ctx, tx, st)
}

const (
	maxMessage = 64 << 10 // characters of a commit's message, in payloads and runs
	maxTitle   = 1024     // of a title, name or address
)

// clipped is a commit whose texts are cut to a size that can be kept with each of
// its runs.
func clipped(of *actions.Commit) *actions.Commit {
	c := *of
	c.Message = actions.Clip(c.Message, maxMessage)
	for _, who := range []*actions.Signature{&c.Author, &c.Committer} {
		who.Name, who.Email = actions.Clip(who.Name, maxTitle), actions.Clip(who.Email, maxTitle)
	}
	return &c
}

// skipped says whether a commit message asks for no runs (TRG-8).
func skipped(message string) bool {
	for _, marker := range []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"} {
		if strings.Contains(message, marker) {
			return true
		}
	}
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	last := lines[len(lines)-1]
	return len(lines) >= 3 && lines[len(lines)-2] == "" && (last == "skip-checks: true" || last == "skip-checks:true")
}
