package branches

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

type shortBranchJSON struct {
	Name          string           `json:"name"`
	Commit        shape.ObjectLink `json:"commit"`
	Protected     bool             `json:"protected"`
	Protection    branchProtection `json:"protection"`
	ProtectionURL string           `json:"protection_url"`
}

// list serves GET /repos/{owner}/{repo}/branches, in the order of names. No branch is
// protected.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	all, err := p.git.View(c.Repo.ID).Refs(r.Context(), actions.BranchPrefix)
	if err != nil {
		return err
	}
	if l.Query.Get("protected") == "true" {
		all = nil
	}
	branches := make([]shortBranchJSON, 0, l.Page.Size)
	for _, ref := range actions.Slice(l.Page, all) {
		name := strings.TrimPrefix(ref.Name, actions.BranchPrefix)
		branches = append(branches, shortBranchJSON{
			Name: name, Commit: shape.ObjectLink{SHA: ref.SHA, URL: c.RepoURL() + "/commits/" + ref.SHA},
			ProtectionURL: c.RepoURL() + "/branches/" + (&url.URL{Path: name}).EscapedPath() + "/protection",
		})
	}
	l.Link(w, r, len(all))
	return httpjson.Write(w, http.StatusOK, branches)
}
