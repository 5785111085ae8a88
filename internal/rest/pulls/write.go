package pulls

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
)

// maxBody holds a body of 65,536 characters, each escaped.
const maxBody = 1 << 20

var (
	writesCode = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents", Level: auth.ReadLevel, SignedIn: true}
	errHasNone = actions.Errorf(actions.Gone, "Pull requests are disabled for this repo")
)

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
	if !c.Repo.Options.HasPullRequests {
		return errHasNone
	}
	if body.Issue != 0 {
		return actions.BadField(pull.Resource, "issue") // there are none
	}
	if c.Repo.Options.PullRequestCreationPolicy == "collaborators_only" {
		may, err := c.May(r.Context(), writesCode)
		if err != nil {
			return err
		}
		if !may {
			return actions.Errorf(actions.Forbidden, "Pull request creation is restricted to collaborators in this repository")
		}
	}
	n := pull.Request{Title: body.Title, Body: body.Body, Draft: body.Draft, Base: body.Base, From: c.Repo}
	var owner string
	owner, n.Head = pull.ParseHead(body.Head)
	if n.Head == "" {
		return actions.Missing(pull.Resource, "head")
	}
	if err := p.from(r, &n, owner, body.HeadRepo); err != nil {
		return err
	}
	is, err := p.Pulls.Create(r.Context(), actor(c), c.Repo, n)
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

// from finds the repository of the head, to which the caller must be able to push.
func (p *page) from(r *http.Request, n *pull.Request, owner, name string) error {
	c := rest.CallOf(r)
	if owner != "" || name != "" {
		repo, err := p.headRepo(r, owner, name)
		if actions.KindOf(err) == actions.NotFound {
			return actions.BadField(pull.Resource, "head")
		}
		if err != nil {
			return err
		}
		n.From = repo
	}
	may, err := p.Auth.May(r.Context(), c.Caller, auth.Target{Repo: n.From}, writesCode)
	if err == nil && !may {
		err = actions.InField(pull.Resource, "", actions.Errorf(actions.Invalid, "must be a collaborator"))
	}
	return err
}

// headRepo is the repository of an owner in the network of the call's, which the caller may
// read.
func (p *page) headRepo(r *http.Request, owner, name string) (*actions.Repository, error) {
	c := rest.CallOf(r)
	var repo *actions.Repository
	if name != "" {
		if owner == "" {
			owner = c.Repo.Owner.Login
		}
		found, err := p.Store.RepositoryByName(r.Context(), owner, name)
		if err != nil {
			return nil, err
		}
		repo = found
	} else {
		account, err := p.Store.AccountByLogin(r.Context(), owner)
		if err != nil {
			return nil, err
		}
		if account.ID == c.Repo.Owner.ID {
			return c.Repo, nil
		}
		if repo, err = p.Store.ForkOf(r.Context(), c.Repo.NetworkID, account.ID); err != nil {
			return nil, err
		}
	}
	may, err := p.Auth.May(r.Context(), c.Caller, auth.Target{Repo: repo}, auth.Metadata)
	if err == nil && (!may || repo.NetworkID != c.Repo.NetworkID) {
		err = rest.ErrNotFound
	}
	return repo, err
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
	is, err := p.pull(r)
	if err == nil {
		err = p.mayChange(r, is)
	}
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	is, err = p.Pulls.Update(r.Context(), actor(c), c.Repo, is.Number, pull.Change{Title: body.Title, Body: body.Body, State: body.State, Base: body.Base})
	if err == nil {
		err = p.Pulls.Check(r.Context(), is)
	}
	if err != nil {
		return err
	}
	v, err := p.whole(r, is)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// mayChange refuses who has neither made a pull request nor may push.
func (p *page) mayChange(r *http.Request, is *actions.Pull) error {
	c := rest.CallOf(r)
	if c.Caller.Account.ID == is.Author.ID {
		return nil
	}
	need := writesCode
	if c.Caller.Job() != 0 {
		need = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "pull-requests"}
	}
	may, err := c.May(r.Context(), need)
	if err == nil && !may {
		err = actions.Errorf(actions.Forbidden, "Must have write access to Repository.")
	}
	return err
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
	sha, err := p.Pulls.Merge(r.Context(), actor(c), c.Repo, is.Number, pull.MergeRequest{
		Method: body.Method, Title: body.Title, Message: body.Message, SHA: body.SHA, Push: p.Push(c),
		Signature: repository.SignatureOf(c.Caller.Account, rest.Host(c.Base), p.Now()),
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
