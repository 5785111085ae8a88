package pulls

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// reviewerRoutes are the operations of the page "Review requests". There are no teams.
func (p *page) reviewerRoutes(one string) []rest.Route {
	const docs = "rest/pulls/review-requests#"
	list := one + "/requested_reviewers"
	triage := auth.Need{On: auth.Repo, Role: actions.Triage, Permission: "pull-requests", SignedIn: true}
	return []rest.Route{
		{Pattern: "GET " + list, Handle: p.reviewers, Docs: docs + "get-all-requested-reviewers-for-a-pull-request", Need: auth.ReadPulls},
		{Pattern: "POST " + list, Handle: p.askReviewers, Docs: docs + "request-reviewers-for-a-pull-request", Need: triage},
		{Pattern: "DELETE " + list, Handle: p.dropReviewers, Docs: docs + "remove-requested-reviewers-from-a-pull-request", Need: triage},
	}
}

// reviewers serves GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers.
func (p *page) reviewers(w http.ResponseWriter, r *http.Request) error {
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	asked, err := p.Store.Reviewers(r.Context(), []int64{is.ID})
	if err != nil {
		return err
	}
	users := []*shape.SimpleUser{}
	for _, a := range asked[is.ID] {
		users = append(users, shape.NewSimpleUser(rest.CallOf(r).Base, a))
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Users []*shape.SimpleUser `json:"users"`
		Teams []struct{}          `json:"teams"`
	}{users, []struct{}{}})
}

// askReviewers serves POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers.
func (p *page) askReviewers(w http.ResponseWriter, r *http.Request) error {
	return p.changeReviewers(w, r, http.StatusCreated, p.Pulls.AskReviewers)
}

// dropReviewers serves DELETE /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers.
func (p *page) dropReviewers(w http.ResponseWriter, r *http.Request) error {
	return p.changeReviewers(w, r, http.StatusOK, p.Pulls.DropReviewers)
}

func (p *page) changeReviewers(w http.ResponseWriter, r *http.Request, status int,
	do func(context.Context, pull.Actor, *actions.Repository, *actions.Pull, []*actions.Account) error,
) error {
	var body struct {
		Reviewers []string `json:"reviewers"`
		Teams     []string `json:"team_reviewers"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	who, err := p.Pulls.ReviewersNamed(r.Context(), c.Repo, body.Reviewers, body.Teams)
	if err == nil {
		err = do(r.Context(), p.actor(c), c.Repo, is, who)
	}
	if err != nil {
		return err
	}
	listed, err := p.Pulls.Listed(r.Context(), c.Repo, is)
	if err == nil {
		err = p.visible(r, listed[0])
	}
	if err != nil {
		return err
	}
	o := shape.NewSimplePullRequest(c.Base, listed[0])
	trim(c, o)
	return httpjson.Write(w, status, o)
}
