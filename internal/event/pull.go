package event

import (
	"encoding/json"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A Pull is what events of pull requests have.
type Pull struct {
	*shape.Pull
	Before, After string            // of a synchronize: the head
	Changes       map[string]string // of an edit: what was there before, by field
	Reviewer      *actions.Account  // who was asked for a review, or is not any more
	Review        *actions.Review   // of a pull_request_review
	ReviewBy      string            // association of its author
}

// An Origin is what the runs of an event are about, where that is not the commit that they
// run at: the head of a pull request.
type Origin struct {
	Branch string // short name
	Commit *actions.Commit
	RepoID int64 // where the branch is; 0 when that is gone
}

type changedFrom struct {
	From string `json:"from"`
}

// A pullPayload is github.event of a pull_request, and of its relatives (TRG-3).
type pullPayload struct {
	Action            string                    `json:"action"`
	Number            int64                     `json:"number,omitempty"`
	Review            *shape.Review             `json:"review,omitempty"`
	PullRequest       any                       `json:"pull_request"`
	Before            string                    `json:"before,omitempty"`
	After             string                    `json:"after,omitempty"`
	Changes           json.RawMessage           `json:"changes,omitempty"`
	RequestedReviewer *shape.SimpleUser         `json:"requested_reviewer,omitempty"`
	Repository        *shape.Repository         `json:"repository"`
	Organization      *shape.OrganizationSimple `json:"organization,omitempty"`
	Sender            *shape.SimpleUser         `json:"sender"`
}

func newPull(e *Event) any {
	p := newPullOf(e)
	p.Number, p.PullRequest = e.Pull.Number, shape.NewPullRequest(e.Base, e.Pull.Pull)
	p.Before, p.After = e.Pull.Before, e.Pull.After
	if e.Pull.Reviewer != nil {
		p.RequestedReviewer = shape.NewSimpleUser(e.Base, e.Pull.Reviewer)
	}
	if e.Action == "edited" {
		p.Changes = changes(e.Pull.Changes)
	}
	return p
}

func newPullReview(e *Event) any {
	p := newPullOf(e)
	p.PullRequest = shape.NewSimplePullRequest(e.Base, e.Pull.Pull)
	p.Review = shape.NewReview(e.Base, e.Repo, e.Pull.Pull.Pull, e.Pull.Review, e.Pull.ReviewBy)
	p.Review.State = strings.ToLower(p.Review.State) // as GitHub's events have it, and its API not
	if e.Action == "edited" {
		p.Changes = changes(e.Pull.Changes)
	}
	return p
}

func newPullOf(e *Event) *pullPayload {
	p := &pullPayload{Action: e.Action, Repository: shape.NewRepository(e.Base, e.Repo), Sender: shape.NewSimpleUser(e.Base, e.Actor)}
	if e.Repo.Owner.Type == actions.Organization {
		p.Organization = shape.NewOrganizationSimple(e.Base, &e.Repo.Owner)
	}
	return p
}

// changes are what an edit has changed. Of the base there are two things: its branch, and
// where that stood.
func changes(was map[string]string) json.RawMessage {
	v := map[string]any{}
	for field, from := range was {
		if field != "base_ref" && field != "base_sha" {
			v[field] = changedFrom{from}
		}
	}
	if ref, ok := was["base_ref"]; ok {
		v["base"] = map[string]any{"ref": changedFrom{ref}, "sha": changedFrom{was["base_sha"]}}
	}
	text, _ := json.Marshal(v) // texts always encode
	return text
}
