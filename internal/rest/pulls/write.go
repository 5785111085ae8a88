package pulls

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// maxBody holds a body of 65,536 characters, each escaped.
const maxBody = 1 << 20

// create serves POST /repos/{owner}/{repo}/pulls.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Title    string `json:"title"`
		Head     string `json:"head"`
		HeadRepo string `json:"head_repo"`
		Base     string `json:"base"`
		Body     string `json:"body"`
		Draft    bool   `json:"draft"`
		Issue    int64  `json:"issue"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	c := rest.CallOf(r)
	if body.Issue != 0 {
		return actions.BadField(pull.Resource, "issue") // there are none
	}
	n := pull.Request{Title: body.Title, Body: body.Body, Draft: body.Draft, Base: body.Base, Head: body.Head, HeadRepo: body.HeadRepo}
	is, err := p.Pulls.Create(r.Context(), p.actor(c), c.Repo, n)
	if err != nil {
		return err
	}
	v, err := p.whole(r, is)
	if err != nil {
		return err
	}
	location(w, c, is)
	return httpjson.Write(w, http.StatusCreated, v)
}

// update serves PATCH /repos/{owner}/{repo}/pulls/{pull_number}: for its author, and for who
// may push.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Title *string            `json:"title"`
		Body  *string            `json:"body"`
		State *actions.PullState `json:"state"`
		Base  *string            `json:"base"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	number, err := httpjson.PathID(r, "pull_number")
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	is, err := p.Pulls.Update(r.Context(), p.actor(c), c.Repo, number, pull.Change{Title: body.Title, Body: body.Body, State: body.State, Base: body.Base})
	if err != nil {
		return err
	}
	return p.show(w, r, is)
}

// merge serves PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge.
func (p *page) merge(w http.ResponseWriter, r *http.Request) error {
	body := struct {
		Title   *string     `json:"commit_title"`
		Message *string     `json:"commit_message"`
		SHA     string      `json:"sha"`
		Method  pull.Method `json:"merge_method"`
	}{Method: pull.Merge}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	sha, err := p.Pulls.Merge(r.Context(), p.actor(c), c.Repo, is.Number, pull.MergeRequest{
		Method: body.Method, Title: body.Title, Message: body.Message, SHA: body.SHA,
	})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		SHA     string `json:"sha"`
		Merged  bool   `json:"merged"`
		Message string `json:"message"`
	}{sha, true, "Pull Request successfully merged"})
}

// updateBranch serves PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch: for who may
// push to the head. It is done when it is answered.
func (p *page) updateBranch(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Head string `json:"expected_head_sha"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	c := rest.CallOf(r)
	if err := p.Pulls.UpdateBranch(r.Context(), p.actor(c), is, body.Head, false); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusAccepted, struct {
		Message string `json:"message"`
		URL     string `json:"url"`
	}{"Updating pull request branch.", shape.PullURL(c.Base, c.Repo, is.Number)})
}
