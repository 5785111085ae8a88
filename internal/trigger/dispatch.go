package trigger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Dispatch asks for a run of one workflow by hand.
type Dispatch struct {
	Base     shape.Base
	Repo     *actions.Repository
	Workflow *actions.Workflow
	Ref      string            // branch or tag, short or in full
	Inputs   map[string]string // as given; texts of booleans and numbers as JSON writes them
	Actor    *actions.Account
}

type dispatchPayload struct {
	Inputs       json.RawMessage           `json:"inputs"`
	Ref          string                    `json:"ref"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
	Workflow     string                    `json:"workflow"`
}

// Dispatch makes a run of the workflow at the ref and returns its id. What is
// wrong with the request is Invalid, in GitHub's words (TRG-12).
func (t *Trigger) Dispatch(ctx context.Context, d *Dispatch) (int64, error) {
	st, err := t.dispatch(ctx, d)
	if err != nil {
		return 0, err
	}
	st.Run.WorkflowID = d.Workflow.ID
	if err := t.scheduler.Prepare(ctx, st); err != nil {
		return 0, err
	}
	err = t.store.Update(ctx, func(tx *store.Tx) error {
		w, err := tx.Workflow(ctx, d.Repo.ID, d.Workflow.ID)
		if err != nil {
			return err
		}
		if err := enabled(w); err != nil { // it may have been disabled meanwhile
			return err
		}
		return t.scheduler.Commit(ctx, tx, st)
	})
	if err != nil {
		return 0, fmt.Errorf("dispatch of %s: %w", d.Workflow.Path, err)
	}
	t.log.InfoContext(ctx, "workflow dispatched", "repo", d.Repo.ID, "run", st.Run.ID)
	return st.Run.ID, nil
}

func enabled(w *actions.Workflow) error {
	if w.State != actions.Active {
		return actions.Errorf(actions.Invalid, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
	}
	return nil
}

func (t *Trigger) dispatch(ctx context.Context, d *Dispatch) (*scheduler.Start, error) {
	if err := enabled(d.Workflow); err != nil {
		return nil, err
	}
	view := t.git.View(d.Repo.ID)
	ref, sha, err := t.findRef(ctx, d)
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
	clip(&commit.Commit)
	f, err := t.one(ctx, view, commit.SHA, d.Workflow.Path)
	if actions.KindOf(err) == actions.NotFound || err == nil && f.problem == nil && f.workflow.On.Event("workflow_dispatch") == nil {
		return nil, actions.Errorf(actions.Invalid, "Workflow does not have 'workflow_dispatch' trigger")
	}
	if err != nil {
		return nil, err
	}
	if f.problem != nil {
		return nil, actions.Errorf(actions.Invalid, "failed to parse workflow: %w", f.problem)
	}
	typed, texts, err := f.workflow.On.Event("workflow_dispatch").DispatchInputs(d.Inputs)
	if err != nil {
		return nil, actions.Errorf(actions.Invalid, "%w", err)
	}
	payload, err := t.dispatchEvent(d, ref, texts)
	if err != nil {
		return nil, err
	}
	run := &actions.Run{
		RepoID: d.Repo.ID, Name: f.name(), Title: f.name(), Path: f.path, Event: "workflow_dispatch", Ref: ref,
		HeadBranch: actions.ShortRef(ref),
		HeadSHA:    commit.SHA, HeadCommit: commit.Commit, Actor: *d.Actor,
	}
	return &scheduler.Start{
		Run: run, Repo: d.Repo, Workflow: f.workflow,
		Source: &actions.RunSource{Payload: payload, Inputs: []byte(expr.ToJSON(typed)), Workflow: f.text},
	}, nil
}

// findRef resolves the ref of a dispatch: a branch before a tag of that name.
func (t *Trigger) findRef(ctx context.Context, d *Dispatch) (ref, sha string, err error) {
	candidates := []string{actions.BranchPrefix + d.Ref, actions.TagPrefix + d.Ref}
	if actions.IsFullRef(d.Ref) {
		candidates = []string{d.Ref}
	}
	for _, ref := range candidates {
		sha, err := t.git.Resolve(ctx, d.Repo.ID, ref)
		if err == nil {
			return ref, sha, nil
		}
		if k := actions.KindOf(err); k != actions.NotFound && k != actions.Invalid {
			return "", "", err
		}
	}
	return "", "", actions.Errorf(actions.Invalid, "No ref found for: %s", d.Ref)
}

func (t *Trigger) dispatchEvent(d *Dispatch, ref string, inputs *expr.Object) ([]byte, error) {
	event := &dispatchPayload{
		Inputs: json.RawMessage("null"), Ref: ref, Workflow: d.Workflow.Path,
		Repository: shape.NewRepository(d.Base, d.Repo), Sender: shape.NewSimpleUser(d.Base, d.Actor),
	}
	if inputs.Len() > 0 {
		event.Inputs = json.RawMessage(expr.ToJSON(inputs))
	}
	if d.Repo.Owner.Type == actions.Organization {
		event.Organization = shape.NewOrganizationSimple(d.Base, &d.Repo.Owner)
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return payload, nil
}
