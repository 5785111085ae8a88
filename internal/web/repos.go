package web

import (
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxRepositories is how many the first page lists.
const maxRepositories = 200

type indexPage struct {
	page
	Repositories []repoRow
	More         bool // there are more than the page lists
}

type repoRow struct {
	Path, Name, Description, Visibility string
	Pushed                              timestamp
}

// index serves GET /.
func (s *Site) index(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repos, total, err := s.store.VisibleRepositories(r.Context(), s.auth.Viewer(c), store.Page{Number: 1, Size: maxRepositories})
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "index", s.listed(r, c, "Repositories", repos, total))
}

// listed is a page that lists some of total repositories.
func (s *Site) listed(r *http.Request, c *auth.Caller, title string, repos []*actions.Repository, total int) indexPage {
	p := indexPage{page: s.page(r, c, title), More: total > len(repos)}
	now := s.now()
	for _, repo := range repos {
		p.Repositories = append(p.Repositories, repoRow{
			"/" + repo.FullName(), repo.FullName(), repo.Description, repo.Visibility(), timestampOf(repo.PushedAt, now),
		})
	}
	return p
}

type repositoryPage struct {
	page
	Description string
	Branch      string // the default branch
	Files       string // URL of its files
	Clone       string // URL
	Empty       bool
	Pushed      timestamp
}

// repository serves GET /{owner}/{repo}.
func (s *Site) repository(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.readable(r, c)
	if err != nil {
		return err
	}
	p := repositoryPage{
		page:        s.page(r, c, repo.FullName()),
		Description: repo.Description, Branch: repo.DefaultBranch,
		Clone: httpjson.Base(r).HTML + "/" + repo.FullName() + ".git",
		Empty: repo.PushedAt.IsZero(), Pushed: timestampOf(repo.PushedAt, s.now()),
	}
	p.Repo = codeHead(repo)
	p.Files = p.Repo.Path + "/tree/" + (&url.URL{Path: repo.DefaultBranch}).EscapedPath()
	return s.render(w, http.StatusOK, "repository", p)
}
