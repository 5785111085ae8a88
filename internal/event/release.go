package event

import (
	"encoding/json"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Release is what events of releases have.
type Release struct {
	*actions.Release
	Was *actions.Release // of an edit: what was there before
}

// A releasePayload is github.event of a release (TRG-3).
type releasePayload struct {
	Action       string                    `json:"action"`
	Changes      json.RawMessage           `json:"changes,omitempty"`
	Release      *shape.Release            `json:"release"`
	Repository   *shape.Repository         `json:"repository"`
	Organization *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender       *shape.SimpleUser         `json:"sender"`
}

func newRelease(e *Event) any {
	p := &releasePayload{
		Action: e.Action, Release: shape.NewRelease(e.Base, e.Repo, e.Release.Release),
		Repository: shape.NewRepository(e.Base, e.Repo), Organization: organization(e), Sender: shape.NewSimpleUser(e.Base, e.Actor),
	}
	if was := e.Release.Was; was != nil && e.Action == "edited" {
		p.Changes = e.Release.changes()
	}
	return p
}

// changes are what an edit has changed.
func (r *Release) changes() json.RawMessage {
	is, was, v := r.Release, r.Was, map[string]any{}
	for field, of := range map[string][2]string{"name": {was.Name, is.Name}, "body": {was.Body, is.Body}, "tag_name": {was.TagName, is.TagName}} {
		if of[0] != of[1] {
			v[field] = changedFrom{of[0]}
		}
	}
	if is.Marked != was.Marked {
		v["make_latest"] = map[string]bool{"to": is.Marked}
	}
	text, _ := json.Marshal(v) // texts always encode
	return text
}
