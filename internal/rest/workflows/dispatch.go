package workflows

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/trigger"
	"github.com/understudy-ci/understudy/internal/version"
)

type dispatchBody struct {
	Ref     string                     `json:"ref"`
	Inputs  map[string]json.RawMessage `json:"inputs"`
	Details bool                       `json:"return_run_details"`
}

// dispatch serves POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches.
func (p *page) dispatch(w http.ResponseWriter, r *http.Request) error {
	wf, err := rest.PathWorkflow(r, p.store)
	if err != nil {
		return err
	}
	var body dispatchBody
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Ref == "" {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	inputs, err := inputTexts(body.Inputs)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	id, err := p.trigger.Dispatch(r.Context(), &trigger.Dispatch{
		Base: c.Base, Repo: c.Repo, Workflow: wf, Ref: body.Ref, Inputs: inputs, Actor: c.Caller.Account,
		ByJob: c.Caller.Job() != 0,
	})
	if err != nil {
		return err
	}
	if !body.Details && !c.Version.AtLeast(version.V20260310) {
		return rest.NoContent(w)
	}
	return httpjson.Write(w, http.StatusOK, struct {
		ID      int64  `json:"workflow_run_id"`
		URL     string `json:"run_url"`
		HTMLURL string `json:"html_url"`
	}{id, c.RunURL(id), c.RunHTML(id)})
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
			return nil, actions.Errorf(actions.Invalid, "Invalid request.\n\nThe input '%s' must be a string, a number or a boolean.", name)
		case 'n': // null: as if it were not there
		default:
			texts[name] = string(raw)
		}
	}
	return texts, nil
}
