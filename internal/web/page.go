package web

import (
	"html/template"
	"net/http"
	"path"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// A page is what every page shows around its own content.
type page struct {
	Title  string
	Login  string // who signed in; empty for nobody
	CSRF   string // for the forms of this visitor
	Here   string // this page, to return to after signing in
	Assets assets
	Repo   *repoHead // nil outside of a repository
}

// A repoHead is what stands above the pages of a repository.
type repoHead struct {
	Owner, Name, Visibility string
	Path                    string // "/octo/hello"
	Tab                     string // which one is open: code, pulls or actions
}

func headOf(repo *actions.Repository) *repoHead {
	return &repoHead{repo.Owner.Login, repo.Name, repo.Visibility(), "/" + repo.FullName(), "actions"}
}

func (s *Site) page(r *http.Request, c *auth.Caller, title string) page {
	here := r.URL.RequestURI()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		here = path.Dir(r.URL.Path) // the page of the form
	}
	p := page{Title: title, Assets: s.assets, Here: localPath(here)}
	if !c.Anonymous() {
		p.Login, p.CSRF = c.Account.Login, csrf(r)
	}
	return p
}

func parseTemplates() (*template.Template, error) {
	return template.New("web").Funcs(template.FuncMap{
		"mark": markOf,
	}).ParseFS(files, "templates/*.html")
}

// readable is the repository of a path, if the caller may read it, and NotFound
// else. A page of one that was renamed has moved.
func (s *Site) readable(r *http.Request, c *auth.Caller) (*actions.Repository, error) {
	repo, err := s.auth.Repository(r.Context(), r.PathValue("owner"), r.PathValue("repo"))
	if err != nil {
		return nil, err
	}
	if err := s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, auth.ReadRuns); err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet && auth.Renamed(repo, r.PathValue("repo")) {
		to := "/" + repo.FullName()
		if parts := strings.SplitN(r.URL.EscapedPath(), "/", 4); len(parts) == 4 { // /{owner}/{repo}/…
			to += "/" + parts[3]
		}
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		return nil, &movedError{to}
	}
	return repo, nil
}

// A movedError says where a page is now.
type movedError struct{ to string }

func (e *movedError) Error() string { return "moved to " + e.to }

var changeActions = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions", SignedIn: true}
