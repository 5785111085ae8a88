package branches

import (
	"net/http"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
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

// list serves GET /repos/{owner}/{repo}/branches, in the order of names.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	all, err := p.Git.View(c.Repo.ID).Refs(r.Context(), actions.BranchPrefix)
	if err != nil {
		return err
	}
	rules, err := p.Store.Protections(r.Context(), c.Repo.ID)
	if err != nil {
		return err
	}
	short := func(ref gitrepo.Ref) string { return strings.TrimPrefix(ref.Name, actions.BranchPrefix) }
	if only := l.Query.Get("protected"); only == "true" || only == "false" {
		all = slices.DeleteFunc(all, func(ref gitrepo.Ref) bool { return (rules[short(ref)] != nil) != (only == "true") })
	}
	branches := make([]shortBranchJSON, 0, l.Page.Size)
	for _, ref := range actions.Slice(l.Page, all) {
		name := short(ref)
		branches = append(branches, shortBranchJSON{
			Name: name, Commit: shape.ObjectLink{SHA: ref.SHA, URL: c.RepoURL() + "/commits/" + ref.SHA},
			Protected: rules[name] != nil, Protection: protectionOf(rules[name]), ProtectionURL: protectionURL(c, name),
		})
	}
	l.Link(w, r, len(all))
	return httpjson.Write(w, http.StatusOK, branches)
}
