package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
)

const pullsPerPage = 25

type pullsPage struct {
	page
	Closed       bool // those that are listed, not the open ones
	Total        int
	Pulls        []pullRow
	Newer, Older string // URLs, empty on the first and on the last page
}

// A pullRow is a pull request in a list, and the head of its own page.
type pullRow struct {
	URL, Title, Author string
	Head, Base         string // branches; the head's with its owner where that is another one
	Number             int64
	Mark               mark
	Created            timestamp
}

// pullsOf is the repository of a path whose pull requests the caller may read.
func (s *Site) pullsOf(r *http.Request, c *auth.Caller) (*actions.Repository, error) {
	repo, err := s.readable(r, c)
	if err != nil {
		return nil, err
	}
	return repo, s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, auth.ReadPulls)
}

func pullHead(repo *actions.Repository) *repoHead {
	h := headOf(repo)
	h.Tab = "pulls"
	return h
}

// markOfPull is the state of a pull request as an icon and a word.
func markOfPull(p *actions.Pull) mark {
	switch {
	case p.Merged():
		return mark{"merged", "Merged"}
	case p.State == actions.PullClosed:
		return mark{"failure", "Closed"}
	case p.Draft:
		return mark{"skipped", "Draft"}
	}
	return mark{"open", "Open"}
}

func (s *Site) pullRow(h *repoHead, p *actions.Pull) pullRow {
	row := pullRow{
		URL: h.Path + "/pull/" + strconv.FormatInt(p.Number, 10), Title: p.Title, Author: p.Author.Login, Head: p.HeadRef, Base: p.BaseRef,
		Number: p.Number, Mark: markOfPull(p), Created: timestampOf(p.CreatedAt, s.now()),
	}
	if p.FromFork() {
		row.Head = p.Label()
	}
	return row
}

// pullList serves GET /{owner}/{repo}/pulls.
func (s *Site) pullList(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.pullsOf(r, c)
	if err != nil {
		return err
	}
	p := pullsPage{page: s.page(r, c, "Pull requests"), Closed: r.URL.Query().Get("state") == string(actions.PullClosed)}
	p.Repo = pullHead(repo)
	f := store.PullFilter{RepoID: repo.ID, State: actions.PullOpen}
	if p.Closed {
		f.State = actions.PullClosed
	}
	at := pageOf(r, "page", pullsPerPage)
	list, total, err := s.store.Pulls(r.Context(), f, at)
	if err != nil {
		return err
	}
	p.Total = total
	for _, is := range list {
		p.Pulls = append(p.Pulls, s.pullRow(p.Repo, is))
	}
	p.Newer, p.Older = neighbours(at, total, func(n int) string {
		return p.Repo.Path + "/pulls?" + url.Values{"state": {string(f.State)}, "page": {strconv.Itoa(n)}}.Encode()
	})
	return s.render(w, http.StatusOK, "pulls", p)
}
