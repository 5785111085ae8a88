// Package pulls is "Pull requests" in the reference: the pages "Pull requests", "Reviews"
// and "Review requests".
package pulls

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/version"
)

// Config is what the pages need. All fields are required.
type Config struct {
	Store *store.Store
	Auth  *auth.Auth
	Git   *gitrepo.Git
	Pulls *pull.Pulls
	Actor func(*auth.Caller, shape.Base) pull.Actor
}

// Routes are the operations of the pages.
func Routes(c Config) []rest.Route {
	const (
		repo = "/repos/{owner}/{repo}"
		list = repo + "/pulls"
		one  = list + "/{pull_number}"
		docs = "rest/pulls/pulls#"
	)
	p := &page{c}
	return slices.Concat([]rest.Route{
		{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-pull-requests", Need: auth.ReadPulls},
		{Pattern: "POST " + list, Handle: p.create, Docs: docs + "create-a-pull-request", Need: auth.WritePulls},
		{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-a-pull-request", Need: auth.ReadPulls},
		{Pattern: "PATCH " + one, Handle: p.update, Docs: docs + "update-a-pull-request", Need: auth.WritePulls},
		{Pattern: "GET " + one + "/commits", Handle: p.commits, Docs: docs + "list-commits-on-a-pull-request", Need: auth.ReadPulls},
		{Pattern: "GET " + one + "/files", Handle: p.files, Docs: docs + "list-pull-requests-files", Need: auth.ReadPulls},
		{Pattern: "GET " + one + "/merge", Handle: p.isMerged, Docs: docs + "check-if-a-pull-request-has-been-merged", Need: auth.ReadPulls},
		{Pattern: "PUT " + one + "/merge", Handle: p.merge, Docs: docs + "merge-a-pull-request", Need: auth.PushCode},
		{Pattern: "PUT " + one + "/update-branch", Handle: p.updateBranch, Docs: docs + "update-a-pull-request-branch", Need: auth.WritePulls},
	}, p.reviewRoutes(one), p.reviewerRoutes(one))
}

type page struct{ Config }

// pull is the pull request that the path names.
func (p *page) pull(r *http.Request) (*actions.Pull, error) {
	n, err := httpjson.PathID(r, "pull_number")
	if err != nil {
		return nil, err
	}
	return p.Store.PullByNumber(r.Context(), rest.CallOf(r).Repo.ID, n)
}

// visible leaves out the head's repository where the caller may not know of it, and what the
// version of the call has not.
func (p *page) visible(r *http.Request, v *shape.Pull) error {
	c := rest.CallOf(r)
	if v.Head == nil || v.Head.ID == c.Repo.ID {
		return nil
	}
	may, err := p.Auth.May(r.Context(), c.Caller, auth.Target{Repo: v.Head}, auth.Metadata)
	if err == nil && !may {
		v.Head = nil
	}
	return err
}

// trim removes what the version of the call has not.
func trim(c *rest.Call, v *shape.SimplePullRequest) {
	if !c.Version.AtLeast(version.V20260310) {
		return
	}
	v.MergeCommitSHA, v.Assignee = nil, nil
	for _, side := range []*shape.PullSide{&v.Head, &v.Base} {
		if side.Repo != nil {
			side.Repo.HasDownloads = nil
		}
	}
}

// whole is the whole object for a pull request.
func (p *page) whole(r *http.Request, is *actions.Pull) (*shape.PullRequest, error) {
	c := rest.CallOf(r)
	v, err := p.Pulls.Whole(r.Context(), c.Repo, is)
	if err == nil {
		err = p.visible(r, v)
	}
	if err != nil {
		return nil, err
	}
	o := shape.NewPullRequest(c.Base, v)
	trim(c, &o.SimplePullRequest)
	return o, nil
}

// actor is the caller.
func (p *page) actor(c *rest.Call) pull.Actor { return p.Actor(c.Caller, c.Base) }

// list serves GET /repos/{owner}/{repo}/pulls.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	f := store.PullFilter{RepoID: c.Repo.ID, State: actions.PullOpen, BaseRef: l.Query.Get("base")}
	list := []*shape.SimplePullRequest{}
	switch l.Query.Get("state") {
	case "closed":
		f.State = actions.PullClosed
	case "all":
		f.State = ""
	}
	switch sort := l.Query.Get("sort"); sort {
	case "updated":
		f.ByUpdate = true
		fallthrough
	case "popularity", "long-running":
		f.Oldest = l.Query.Get("direction") != "desc"
	default: // created
		f.Oldest = l.Query.Get("direction") == "asc"
	}
	if head := l.Query.Get("head"); head != "" {
		owner, branch := pull.ParseHead(head)
		if owner != "" { // without one GitHub ignores it
			a, err := p.Store.AccountByLogin(r.Context(), owner)
			if actions.KindOf(err) == actions.NotFound {
				return httpjson.Write(w, http.StatusOK, list)
			} else if err != nil {
				return err
			}
			f.HeadOwner, f.HeadRef = a.ID, branch
		}
	}
	pulls, total, err := p.Store.Pulls(r.Context(), f, l.Page)
	if err != nil {
		return err
	}
	listed, err := p.Pulls.Listed(r.Context(), c.Repo, pulls...)
	if err != nil {
		return err
	}
	for _, v := range listed {
		if err := p.visible(r, v); err != nil {
			return err
		}
		o := shape.NewSimplePullRequest(c.Base, v)
		trim(c, o)
		list = append(list, o)
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, list)
}

// get serves GET /repos/{owner}/{repo}/pulls/{pull_number}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	return p.show(w, r, is)
}

// show answers with a pull request, and whether git can merge it.
func (p *page) show(w http.ResponseWriter, r *http.Request, is *actions.Pull) error {
	if err := p.Pulls.Check(r.Context(), is); err != nil {
		return err
	}
	v, err := p.whole(r, is)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// commits serves GET /repos/{owner}/{repo}/pulls/{pull_number}/commits.
func (p *page) commits(w http.ResponseWriter, r *http.Request) error {
	const most = 250 // as on GitHub
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	all, _, err := p.Git.View(c.Repo.ID).CommitsBetween(r.Context(), is.BaseSHA, is.HeadSHA, most)
	if err != nil {
		return err
	}
	list := []*shape.FullCommit{}
	for _, g := range actions.Slice(l.Page, all) {
		list = append(list, shape.NewFullCommit(c.Base, c.Repo, &g.Commit, g.Parents))
	}
	l.Link(w, r, len(all))
	return httpjson.Write(w, http.StatusOK, list)
}

// files serves GET /repos/{owner}/{repo}/pulls/{pull_number}/files.
func (p *page) files(w http.ResponseWriter, r *http.Request) error {
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	view := p.Git.View(c.Repo.ID)
	from, err := view.MergeBase(r.Context(), is.BaseSHA, is.HeadSHA)
	if err != nil {
		return err
	}
	if from == "" {
		return httpjson.Write(w, http.StatusOK, []rest.ChangedFile{})
	}
	changes, err := view.ChangesBetween(r.Context(), from, is.HeadSHA, l.Page)
	if err != nil {
		return err
	}
	l.Link(w, r, changes.Total)
	return httpjson.Write(w, http.StatusOK, c.ChangedFiles(changes, from, is.HeadSHA))
}

// isMerged serves GET /repos/{owner}/{repo}/pulls/{pull_number}/merge.
func (p *page) isMerged(w http.ResponseWriter, r *http.Request) error {
	is, err := p.pull(r)
	if err != nil {
		return err
	}
	if !is.Merged() {
		return rest.ErrNotFound
	}
	return rest.NoContent(w)
}

// location says where the answer to a creation is.
func location(w http.ResponseWriter, c *rest.Call, is *actions.Pull) {
	w.Header().Set("Location", c.RepoURL()+"/pulls/"+strconv.FormatInt(is.Number, 10))
}
