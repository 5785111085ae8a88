package refs

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/rest"
)

// matching serves GET /repos/{owner}/{repo}/git/matching-refs/{ref}: all whose names begin
// like that.
func (p *page) matching(w http.ResponseWriter, r *http.Request) error {
	c, prefix := rest.CallOf(r), "refs/"+r.PathValue("ref")
	view := p.Git.View(c.Repo.ID)
	all, err := view.Refs(r.Context(), prefix[:strings.LastIndexByte(prefix, '/')+1])
	if err != nil && actions.KindOf(err) != actions.Invalid {
		return err
	}
	list := []referenceJSON{}
	for _, ref := range all {
		if !strings.HasPrefix(ref.Name, prefix) {
			continue
		}
		one, err := p.reference(r, ref)
		if actions.KindOf(err) == actions.NotFound {
			continue // it stands for no commit, or is gone
		} else if err != nil {
			return err
		}
		list = append(list, *one)
	}
	return httpjson.Write(w, http.StatusOK, list)
}

var (
	errNoRef  = actions.Errorf(actions.Invalid, "Reference does not exist")
	errIsRef  = actions.Errorf(actions.Invalid, "Reference already exists")
	errEmpty  = actions.Errorf(actions.Conflict, "Git Repository is empty.")
	errObject = actions.Errorf(actions.Invalid, "Object does not exist")
	errBehind = actions.Errorf(actions.Invalid, "Update is not a fast forward")
)

// create serves POST /repos/{owner}/{repo}/git/refs.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if !strings.HasPrefix(body.Ref, "refs/") || strings.Count(body.Ref, "/") < 2 {
		return actions.Errorf(actions.Invalid, "Reference name must start with 'refs/' and have at least two slashes.")
	}
	view := p.Git.View(rest.CallOf(r).Repo.ID)
	all, err := view.Refs(r.Context(), "refs/")
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errEmpty
	}
	if err := gitrepo.CheckRef(body.Ref); err != nil {
		return actions.Errorf(actions.Invalid, "%s is not a valid ref name.", body.Ref)
	}
	for _, ref := range all {
		switch {
		case ref.Name == body.Ref:
			return errIsRef
		case strings.HasPrefix(ref.Name, body.Ref+"/"), strings.HasPrefix(body.Ref, ref.Name+"/"):
			return actions.Errorf(actions.Invalid, "Reference update failed: %s is there", ref.Name)
		}
	}
	if err := p.move(r, actions.RefUpdate{Ref: body.Ref, Before: actions.ZeroSHA, After: body.SHA}, errIsRef); err != nil {
		return err
	}
	made, err := p.reference(r, gitrepo.Ref{Name: body.Ref, SHA: body.SHA})
	if err != nil {
		return err
	}
	w.Header().Set("Location", made.URL)
	return httpjson.Write(w, http.StatusCreated, made)
}

// update serves PATCH /repos/{owner}/{repo}/git/refs/{ref}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		SHA   string `json:"sha"`
		Force bool   `json:"force"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	u, err := p.standing(r)
	if err != nil {
		return err
	}
	u.After = body.SHA
	view := p.Git.View(rest.CallOf(r).Repo.ID)
	if !body.Force && gitrepo.IsSHA(body.SHA) {
		ahead, err := view.IsAncestor(r.Context(), u.Before, u.After)
		if k := actions.KindOf(err); err != nil && k != actions.NotFound && k != actions.Invalid {
			return err
		}
		if err == nil && !ahead {
			return errBehind
		}
	}
	if u.Before != u.After {
		if err := p.move(r, u, actions.Errorf(actions.Conflict, "%s was changed by somebody else", u.Ref)); err != nil {
			return err
		}
	}
	is, err := p.reference(r, gitrepo.Ref{Name: u.Ref, SHA: u.After})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, is)
}

// remove serves DELETE /repos/{owner}/{repo}/git/refs/{ref}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	u, err := p.standing(r)
	if err != nil {
		return err
	}
	if u.Ref == actions.BranchPrefix+rest.CallOf(r).Repo.DefaultBranch {
		return actions.Errorf(actions.Invalid, "Cannot delete the default branch")
	}
	u.After = actions.ZeroSHA
	if err := p.move(r, u, actions.Errorf(actions.Conflict, "%s was changed by somebody else", u.Ref)); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// standing is an update of the ref of the path, as it stands.
func (p *page) standing(r *http.Request) (actions.RefUpdate, error) {
	u := actions.RefUpdate{Ref: "refs/" + r.PathValue("ref")}
	var err error
	u.Before, err = p.Git.View(rest.CallOf(r).Repo.ID).Ref(u.Ref)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		err = errNoRef
	}
	return u, err
}

// move moves a ref as a push of the caller. beaten is the error when somebody else has
// been faster.
func (p *page) move(r *http.Request, u actions.RefUpdate, beaten error) error {
	c := rest.CallOf(r)
	if !u.Deleted() {
		if err := p.known(r, u); err != nil {
			return err
		}
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	err = p.Repositories.Move(r.Context(), c.Repo.ID, u, nil, p.Push(c))
	if actions.KindOf(err) == actions.Conflict {
		return beaten
	}
	return err
}

// known says whether a ref may stand at an object: a commit, or a tag that is there, and
// one that the caller may know of. A branch stands at a commit.
func (p *page) known(r *http.Request, u actions.RefUpdate) error {
	if !gitrepo.IsSHA(u.After) {
		return actions.Errorf(actions.Invalid, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	commit, err := rest.CommitOf(r, p.Repositories, u.After)
	switch k := actions.KindOf(err); {
	case k == actions.NotFound || k == actions.Invalid, err == nil && commit != u.After && strings.HasPrefix(u.Ref, actions.BranchPrefix):
		return errObject
	}
	return err
}
