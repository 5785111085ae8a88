// Package events is how callers make events happen: a repository dispatch, and what
// happened elsewhere, which a bridge brings with its payload. GitHub does not have the
// latter.
package events

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// Routes are the operations of the page.
func Routes(tr *trigger.Trigger) []rest.Route {
	const repo = "/repos/{owner}/{repo}"
	p := &page{tr}
	return []rest.Route{
		{
			Pattern: "POST " + repo + "/dispatches", Handle: p.dispatch, Docs: "rest/repos/repos#create-a-repository-dispatch-event",
			Need: auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents"},
		},
		{
			Pattern: "POST " + repo + "/actions/events", Handle: p.bridge,
			Need: auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions", Scopes: []string{"workflow"}},
		},
	}
}

type page struct{ trigger *trigger.Trigger }

// GitHub's bounds of a repository dispatch.
const (
	maxType       = 100 // characters
	maxProperties = 10
	maxClient     = 64 << 10 // bytes of its payload, which has fewer
)

// dispatch serves POST /repos/{owner}/{repo}/dispatches.
func (p *page) dispatch(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Type    *string         `json:"event_type"`
		Payload json.RawMessage `json:"client_payload"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Type == nil || *body.Type == "" {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"event_type\" wasn't supplied.")
	}
	if n := utf8.RuneCountInString(*body.Type); n > maxType {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\nOnly %d characters are allowed; %d were supplied.", maxType, n)
	}
	payload, err := clientPayload(body.Payload)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	err = p.trigger.DispatchRepository(r.Context(), &trigger.RepositoryDispatch{
		Base: c.Base, Repo: c.Repo, Actor: c.Caller.Account, ByJob: c.Caller.Job() != 0, Type: *body.Type, Payload: payload,
	})
	if err != nil {
		return err
	}
	return rest.NoContent(w)
}

// clientPayload checks what the caller of a dispatch sends along: an object, or nothing.
func clientPayload(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] != '{' {
		return nil, actions.Errorf(actions.Invalid, "Invalid request.\n\nFor 'properties/client_payload', %s is not an object.", actions.Clip(string(raw), 100))
	}
	if len(raw) >= maxClient {
		return nil, actions.Errorf(actions.Invalid, "client_payload is too large: it must be smaller than 64 KB.")
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(raw, &top); err != nil {
		return nil, actions.Errorf(actions.Malformed, "Problems parsing JSON")
	}
	if len(top) > maxProperties {
		return nil, actions.Errorf(actions.Invalid, "Invalid request.\n\nNo more than %d properties are allowed; %d were supplied.", maxProperties, len(top))
	}
	if _, err := event.ReadFacts([]byte(`{"client_payload":` + string(raw) + `}`)); err != nil { // it may nest too deep
		return nil, err
	}
	return raw, nil
}

var errJob = actions.Errorf(actions.Forbidden, "Resource not accessible by integration")

// bridge serves POST /repos/{owner}/{repo}/actions/events.
func (p *page) bridge(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	if c.Caller.Job() != 0 { // a workflow could start itself without end (TRG-9)
		return errJob
	}
	var body struct {
		Event   string          `json:"event"`
		Payload json.RawMessage `json:"payload"`
		Ref     string          `json:"ref"`
		SHA     string          `json:"sha"`
	}
	if err := httpjson.Decode(r, &body, event.MaxPayload+httpjson.DefaultLimit); err != nil {
		return err
	}
	for _, needed := range []struct {
		name string
		is   bool
	}{{"event", body.Event != ""}, {"payload", len(body.Payload) > 0}} {
		if !needed.is {
			return actions.Errorf(actions.Invalid, "Invalid request.\n\n%q wasn't supplied.", needed.name)
		}
	}
	err := p.trigger.Bridge(r.Context(), &trigger.Bridged{
		Base: c.Base, Repo: c.Repo, Actor: c.Caller.Account, Name: body.Event, Payload: body.Payload, Ref: body.Ref, SHA: body.SHA,
	})
	if err != nil {
		return err
	}
	return rest.NoContent(w)
}
