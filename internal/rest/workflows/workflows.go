// Package workflows is the page "Workflows" of the reference, with the dispatch of
// one by hand.
package workflows

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// Routes are the operations of the page.
func Routes(st *store.Store, tr *trigger.Trigger, now func() time.Time) []rest.Route {
	const (
		list = "/repos/{owner}/{repo}/actions/workflows"
		one  = list + "/{workflow_id}"
		docs = "rest/actions/workflows#"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions"}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions"}
	p := &page{st, tr, now}
	return []rest.Route{
		{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-repository-workflows", Need: read, Polled: true},
		{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-a-workflow", Need: read, Polled: true},
		{Pattern: "GET " + one + "/timing", Handle: p.timing, Docs: docs + "get-workflow-usage", Need: read},
		{Pattern: "POST " + one + "/dispatches", Handle: p.dispatch, Docs: docs + "create-a-workflow-dispatch-event", Need: write},
		{Pattern: "PUT " + one + "/enable", Handle: p.enable, Docs: docs + "enable-a-workflow", Need: write},
		{Pattern: "PUT " + one + "/disable", Handle: p.disable, Docs: docs + "disable-a-workflow", Need: write},
	}
}

type page struct {
	store   *store.Store
	trigger *trigger.Trigger
	now     func() time.Time
}

// list serves GET /repos/{owner}/{repo}/actions/workflows.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	list, total, err := p.store.Workflows(r.Context(), c.Repo.ID, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total     int               `json:"total_count"`
		Workflows []*shape.Workflow `json:"workflows"`
	}{total, make([]*shape.Workflow, 0, len(list))}
	for _, wf := range list {
		answer.Workflows = append(answer.Workflows, shape.NewWorkflow(c.Base, c.Repo, wf))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	wf, err := rest.PathWorkflow(r, p.store)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	return httpjson.Write(w, http.StatusOK, shape.NewWorkflow(c.Base, c.Repo, wf))
}

// enable serves PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable.
func (p *page) enable(w http.ResponseWriter, r *http.Request) error {
	return p.setState(w, r, actions.Active)
}

// disable serves PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable.
func (p *page) disable(w http.ResponseWriter, r *http.Request) error {
	return p.setState(w, r, actions.DisabledManually)
}

func (p *page) setState(w http.ResponseWriter, r *http.Request, state actions.WorkflowState) error {
	wf, err := rest.PathWorkflow(r, p.store)
	if err != nil {
		return err
	}
	if err := p.trigger.SetWorkflowState(r.Context(), wf.RepoID, wf.ID, state); err != nil {
		return err
	}
	return rest.NoContent(w)
}
