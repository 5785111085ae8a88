// Package branches is "Branches" in the reference, the pages "Branches" and "Protected
// branches".
package branches

import (
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the pages need. All fields are required.
type Config struct {
	Store       *store.Store
	Git         *gitrepo.Git
	Protections *protect.Protections
}

// Routes are the operations of the pages.
func Routes(c Config) []rest.Route {
	p := &page{c}
	const (
		list = "/repos/{owner}/{repo}/branches"
		docs = "rest/branches/branches#"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}
	return append([]rest.Route{
		{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-branches", Need: read},
		{Pattern: "GET " + list + "/{branch...}", Handle: p.get, Docs: docs + "get-a-branch", Need: read},
	}, p.protectionRoutes()...)
}

type page struct{ Config }

type branchLinks struct {
	Self string `json:"self"`
	HTML string `json:"html"`
}

type branchProtection struct {
	Enabled bool         `json:"enabled"`
	Checks  branchChecks `json:"required_status_checks"`
}

type branchChecks struct {
	Level    string              `json:"enforcement_level"`
	Contexts []string            `json:"contexts"`
	Checks   []requiredCheckJSON `json:"checks"`
}

// protectionOf is how a branch tells what it requires; p is nil where that is nothing.
func protectionOf(p *actions.BranchProtection) branchProtection {
	v := branchProtection{p != nil, branchChecks{"off", []string{}, []requiredCheckJSON{}}}
	if p != nil && p.Rules.Checks != nil {
		v.Checks = branchChecks{"non_admins", contextsOf(p.Rules.Checks), requiredOf(p.Rules.Checks)}
		if p.Rules.Admins {
			v.Checks.Level = "everyone"
		}
	}
	return v
}

type branchJSON struct {
	Name          string            `json:"name"`
	Commit        *shape.FullCommit `json:"commit"`
	Links         branchLinks       `json:"_links"`
	Protected     bool              `json:"protected"`
	Protection    branchProtection  `json:"protection"`
	ProtectionURL string            `json:"protection_url"`
}

// get serves GET /repos/{owner}/{repo}/branches/{branch}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	c, branch := rest.CallOf(r), r.PathValue("branch")
	g, err := p.Git.CommitAt(r.Context(), c.Repo.ID, actions.BranchPrefix+branch)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return rest.ErrNotFound
	} else if err != nil {
		return err
	}
	all, err := p.Store.Protections(r.Context(), c.Repo.ID)
	if err != nil {
		return err
	}
	escaped := (&url.URL{Path: branch}).EscapedPath()
	self := c.RepoURL() + "/branches/" + escaped
	return httpjson.Write(w, http.StatusOK, branchJSON{
		Name:          branch,
		Commit:        shape.NewFullCommit(c.Base, c.Repo, &g.Commit, g.Parents),
		Links:         branchLinks{self, c.RepoHTML() + "/tree/" + escaped},
		Protected:     all[branch] != nil,
		Protection:    protectionOf(all[branch]),
		ProtectionURL: protectionURL(c, branch),
	})
}
