package pulls

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// reviewRoutes are the operations of the page "Reviews". Nobody comments on lines here, so
// a review has no comments to be listed.
func (p *page) reviewRoutes(one string) []rest.Route {
	const docs = "rest/pulls/reviews#"
	list, review := one+"/reviews", one+"/reviews/{review_id}"
	manage := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "pull-requests", SignedIn: true}
	return []rest.Route{
		{Pattern: "GET " + list, Handle: p.reviews, Docs: docs + "list-reviews-for-a-pull-request", Need: auth.ReadPulls},
		{Pattern: "POST " + list, Handle: p.createReview, Docs: docs + "create-a-review-for-a-pull-request", Need: auth.WritePulls},
		{Pattern: "GET " + review, Handle: p.getReview, Docs: docs + "get-a-review-for-a-pull-request", Need: auth.ReadPulls},
		{Pattern: "PUT " + review, Handle: p.updateReview, Docs: docs + "update-a-review-for-a-pull-request", Need: auth.WritePulls},
		{Pattern: "DELETE " + review, Handle: p.deleteReview, Docs: docs + "delete-a-pending-review-for-a-pull-request", Need: auth.WritePulls},
		{Pattern: "PUT " + review + "/dismissals", Handle: p.dismissReview, Docs: docs + "dismiss-a-review-for-a-pull-request", Need: manage},
		{Pattern: "POST " + review + "/events", Handle: p.submitReview, Docs: docs + "submit-a-review-for-a-pull-request", Need: auth.WritePulls},
	}
}

// reviews serves GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews.
func (p *page) reviews(w http.ResponseWriter, r *http.Request) error {
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	viewer := int64(0)
	if c.Caller.Account != nil {
		viewer = c.Caller.Account.ID
	}
	found, total, err := p.Store.Reviews(r.Context(), is.ID, viewer, l.Page)
	if err != nil {
		return err
	}
	list, err := p.reviewsJSON(r, is, found...)
	if err != nil {
		return err
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, list)
}

// reviewsJSON are the objects for reviews of a pull request.
func (p *page) reviewsJSON(r *http.Request, is *actions.Pull, reviews ...*actions.Review) ([]*shape.Review, error) {
	c := rest.CallOf(r)
	words, err := p.Pulls.AssociationsOf(r.Context(), c.Repo, reviews)
	if err != nil {
		return nil, err
	}
	list := []*shape.Review{}
	for _, v := range reviews {
		list = append(list, shape.NewReview(c.Base, c.Repo, is, v, words[v.Author.ID]))
	}
	return list, nil
}

// answerReview answers with a review, or with what kept it from being.
func (p *page) answerReview(w http.ResponseWriter, r *http.Request, is *actions.Pull, v *actions.Review, err error) error {
	if err != nil {
		return err
	}
	list, err := p.reviewsJSON(r, is, v)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, list[0])
}

// reviewOf is the pull request and the id of the review that the path names.
func (p *page) reviewOf(r *http.Request) (*actions.Pull, int64, error) {
	is, err := p.pull(r)
	if err != nil {
		return nil, 0, err
	}
	id, err := httpjson.PathID(r, "review_id")
	return is, id, err
}

// getReview serves GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}.
func (p *page) getReview(w http.ResponseWriter, r *http.Request) error {
	is, id, err := p.reviewOf(r)
	if err != nil {
		return err
	}
	v, err := p.Pulls.ReviewOf(r.Context(), rest.CallOf(r).Caller.Account, is, id)
	return p.answerReview(w, r, is, v, err)
}

// createReview serves POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews: who may read a
// pull request may review it.
func (p *page) createReview(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Body     string              `json:"body"`
		Commit   string              `json:"commit_id"`
		Event    actions.ReviewEvent `json:"event"`
		Comments []struct{}          `json:"comments"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if len(body.Comments) > 0 {
		return actions.NotReview("This server keeps no comments on lines: say it in body, and leave out comments")
	}
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	v, err := p.Pulls.Review(r.Context(), p.actor(c), c.Repo, is, pull.ReviewRequest{Body: body.Body, Commit: body.Commit, Does: body.Event})
	return p.answerReview(w, r, is, v, err)
}

// updateReview serves PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}.
func (p *page) updateReview(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Body *string `json:"body"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	is, id, err := p.reviewOf(r)
	if err != nil {
		return err
	}
	if body.Body == nil {
		return actions.NotReview("body is missing")
	}
	c := rest.CallOf(r)
	v, err := p.Pulls.EditReview(r.Context(), p.actor(c), c.Repo, is, id, *body.Body)
	return p.answerReview(w, r, is, v, err)
}

// deleteReview serves DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id},
// of one that was not submitted.
func (p *page) deleteReview(w http.ResponseWriter, r *http.Request) error {
	is, id, err := p.reviewOf(r)
	if err != nil {
		return err
	}
	v, err := p.Pulls.DeleteReview(r.Context(), p.actor(rest.CallOf(r)), is, id)
	return p.answerReview(w, r, is, v, err)
}

// submitReview serves POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events.
func (p *page) submitReview(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Body  string              `json:"body"`
		Event actions.ReviewEvent `json:"event"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	is, id, err := p.reviewOf(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	v, err := p.Pulls.SubmitReview(r.Context(), p.actor(c), c.Repo, is, id, body.Body, body.Event)
	return p.answerReview(w, r, is, v, err)
}

// dismissReview serves PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals.
func (p *page) dismissReview(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Message string `json:"message"`
		Event   string `json:"event"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if body.Event != "" && body.Event != "DISMISS" {
		return actions.NotReview("event is not DISMISS")
	}
	is, id, err := p.reviewOf(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	v, err := p.Pulls.DismissReview(r.Context(), p.actor(c), c.Repo, is, id, body.Message)
	return p.answerReview(w, r, is, v, err)
}
