package trigger

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Dispatch asks for a run of one workflow by hand.
type Dispatch struct {
	Base     shape.Base
	Repo     *actions.Repository
	Workflow *actions.Workflow
	Ref      string            // branch or tag, short or in full
	Inputs   map[string]string // as given; booleans and numbers as JSON writes them
	Actor    *actions.Account
	ByJob    bool // the actor uses the token of a job
}

// Dispatch makes a run of the workflow at the ref and returns its id. What is
// wrong with the request is Invalid, in GitHub's words (TRG-12).
func (t *Trigger) Dispatch(ctx context.Context, d *Dispatch) (int64, error) {
	if d.Repo.Archived {
		return 0, actions.ErrArchived
	}
	e, err := t.dispatch(ctx, d)
	if err != nil {
		return 0, err
	}
	runs, err := t.Fire(ctx, *e)
	if err != nil {
		return 0, fmt.Errorf("dispatch of %s: %w", d.Workflow.Path, err)
	}
	if len(runs) == 0 {
		return 0, errNoDispatch
	}
	t.log.InfoContext(ctx, "workflow dispatched", "repo", d.Repo.ID, "run", runs[0].ID)
	return runs[0].ID, nil
}

var errNoDispatch = actions.Errorf(actions.Invalid, "Workflow does not have 'workflow_dispatch' trigger")

// dispatch is the event that the request asks for.
func (t *Trigger) dispatch(ctx context.Context, d *Dispatch) (*event.Event, error) {
	const name = "workflow_dispatch"
	on, err := t.policy.Enabled(ctx, d.Repo)
	if err != nil {
		return nil, err
	}
	if !on {
		return nil, policy.Disabled(actions.Invalid)
	}
	if err := enabled(d.Workflow, name); err != nil {
		return nil, err
	}
	view := t.git.View(d.Repo.ID)
	ref, sha, err := t.findRef(ctx, d.Repo.ID, d.Ref)
	if err != nil {
		return nil, err
	}
	commit, err := view.Commit(ctx, sha)
	if noCommit(err) {
		return nil, actions.Errorf(actions.Invalid, "No ref found for: %s", d.Ref)
	}
	if err != nil {
		return nil, err
	}
	e := &event.Event{
		Name: name, Repo: d.Repo, Actor: d.Actor, ByJob: d.ByJob, Base: d.Base,
		Ref: ref, Head: &commit.Commit, Workflow: d.Workflow.Path,
	}
	files, err := t.at(ctx, view, commit.SHA, d.Workflow.Path)
	if err != nil {
		return nil, err
	}
	for _, f := range files { // one, or none
		if f.problem != nil {
			return nil, actions.Errorf(actions.Invalid, "failed to parse workflow: %w", f.problem)
		}
		on := f.workflow.On.Event(name)
		if on == nil {
			return nil, errNoDispatch
		}
		typed, texts, err := on.DispatchInputs(d.Inputs)
		if err != nil {
			return nil, actions.Errorf(actions.Invalid, "%w", err)
		}
		e.Inputs, e.Dispatch = []byte(expr.ToJSON(typed)), &event.Dispatch{}
		if texts.Len() > 0 {
			e.Dispatch.Inputs = []byte(expr.ToJSON(texts))
		}
	}
	return e, nil
}

// findRef resolves a ref that somebody names: a branch before a tag of that name.
func (t *Trigger) findRef(ctx context.Context, repoID int64, name string) (ref, sha string, err error) {
	candidates := []string{actions.BranchPrefix + name, actions.TagPrefix + name}
	if actions.IsFullRef(name) {
		candidates = []string{name}
	}
	for _, ref := range candidates {
		sha, err := t.git.Resolve(ctx, repoID, ref)
		if err == nil {
			return ref, sha, nil
		}
		if k := actions.KindOf(err); k != actions.NotFound && k != actions.Invalid {
			return "", "", err
		}
	}
	return "", "", actions.Errorf(actions.Invalid, "No ref found for: %s", name)
}
