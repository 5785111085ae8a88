package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/version"
)

type workflowJSON struct {
	ID        int64   `json:"id"`
	NodeID    string  `json:"node_id"`
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	State     string  `json:"state"`
	CreatedAt string  `json:"created_at"`
	UpdatedAt string  `json:"updated_at"`
	URL       string  `json:"url"`
	HTMLURL   string  `json:"html_url"`
	BadgeURL  string  `json:"badge_url"`
	DeletedAt *string `json:"deleted_at,omitempty"`
}

func (c *call) workflowJSON(wf *actions.Workflow) *workflowJSON {
	html := c.base.HTML + "/" + c.repo.FullName()
	v := &workflowJSON{
		ID:        wf.ID,
		NodeID:    shape.NodeID("Workflow", wf.ID),
		Name:      wf.Name,
		Path:      wf.Path,
		State:     string(wf.State),
		CreatedAt: shape.Time(wf.CreatedAt),
		UpdatedAt: shape.Time(wf.UpdatedAt),
		URL:       c.workflowURL(wf.ID),
		HTMLURL:   html + "/blob/" + (&url.URL{Path: c.repo.DefaultBranch + "/" + wf.Path}).EscapedPath(),
		BadgeURL:  html + "/actions/workflows/" + url.PathEscape(path.Base(wf.Path)) + "/badge.svg",
	}
	if wf.State == actions.Deleted {
		v.DeletedAt = shape.NullTime(wf.UpdatedAt)
	}
	return v
}

func (c *call) workflowURL(id int64) string {
	return c.base.API + "/repos/" + c.repo.FullName() + "/actions/workflows/" + strconv.FormatInt(id, 10)
}

// listWorkflows serves GET /repos/{owner}/{repo}/actions/workflows.
func (a *API) listWorkflows(w http.ResponseWriter, r *http.Request) error {
	c, l := callOf(r), listingOf(r)
	list, total, err := a.Store.Workflows(r.Context(), c.repo.ID, l.rows())
	if err != nil {
		return err
	}
	answer := struct {
		Total     int             `json:"total_count"`
		Workflows []*workflowJSON `json:"workflows"`
	}{total, make([]*workflowJSON, 0, len(list))}
	for _, wf := range list {
		answer.Workflows = append(answer.Workflows, c.workflowJSON(wf))
	}
	l.link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// workflow finds the workflow of the path, by its id or the name of its file.
func (a *API) workflow(r *http.Request) (*actions.Workflow, error) {
	repo, text := callOf(r).repo, r.PathValue("workflow_id")
	if id, err := strconv.ParseInt(text, 10, 64); err == nil {
		return a.Store.Workflow(r.Context(), repo.ID, id)
	}
	return a.Store.WorkflowByPath(r.Context(), repo.ID, actions.WorkflowPath(strings.TrimPrefix(text, actions.WorkflowPath(""))))
}

// getWorkflow serves GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}.
func (a *API) getWorkflow(w http.ResponseWriter, r *http.Request) error {
	wf, err := a.workflow(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, callOf(r).workflowJSON(wf))
}

// enableWorkflow serves PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable.
func (a *API) enableWorkflow(w http.ResponseWriter, r *http.Request) error {
	return a.setWorkflowState(w, r, actions.Active)
}

// disableWorkflow serves PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable.
func (a *API) disableWorkflow(w http.ResponseWriter, r *http.Request) error {
	return a.setWorkflowState(w, r, actions.DisabledManually)
}

func (a *API) setWorkflowState(w http.ResponseWriter, r *http.Request, state actions.WorkflowState) error {
	found, err := a.workflow(r)
	if err != nil {
		return err
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		wf, err := tx.Workflow(r.Context(), found.RepoID, found.ID)
		if err != nil {
			return err
		}
		if wf.State == actions.Deleted {
			return actions.Errorf(actions.Invalid, "The workflow's file is not on the default branch any more")
		}
		wf.State, wf.UpdatedAt = state, a.Now()
		return tx.SaveWorkflow(r.Context(), wf)
	})
	if err != nil {
		return err
	}
	return noContent(w)
}

type dispatchBody struct {
	Ref     string                     `json:"ref"`
	Inputs  map[string]json.RawMessage `json:"inputs"`
	Details bool                       `json:"return_run_details"`
}

// dispatchWorkflow serves POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches.
func (a *API) dispatchWorkflow(w http.ResponseWriter, r *http.Request) error {
	wf, err := a.workflow(r)
	if err != nil {
		return err
	}
	var body dispatchBody
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Ref == "" {
		return httpjson.Invalid("Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	inputs, err := inputTexts(body.Inputs)
	if err != nil {
		return err
	}
	c := callOf(r)
	id, err := a.Dispatch(r.Context(), &Dispatch{
		Base: c.base, Repo: c.repo, Workflow: wf, Ref: body.Ref, Inputs: inputs, Actor: c.caller.Account,
	})
	if err != nil {
		return err
	}
	if !body.Details && !c.version.AtLeast(version.V20260310) {
		return noContent(w)
	}
	return httpjson.Write(w, http.StatusOK, struct {
		ID      int64  `json:"workflow_run_id"`
		URL     string `json:"run_url"`
		HTMLURL string `json:"html_url"`
	}{id, c.runURL(id), c.runHTML(id)})
}

// inputTexts are inputs as texts: strings as they are, numbers and booleans as
// JSON writes them. Nothing else can be an input.
func inputTexts(inputs map[string]json.RawMessage) (map[string]string, error) {
	texts := make(map[string]string, len(inputs))
	for name, raw := range inputs {
		raw = bytes.TrimSpace(raw)
		switch raw[0] {
		case '"':
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, actions.Errorf(actions.Malformed, "Problems parsing JSON")
			}
			texts[name] = s
		case '{', '[':
			return nil, httpjson.Invalid("Invalid request.\n\nThe input '" + name + "' must be a string, a number or a boolean.")
		case 'n': // null: as if it were not there
		default:
			texts[name] = string(raw)
		}
	}
	return texts, nil
}
