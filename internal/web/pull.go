package web

import (
	"context"
	"html/template"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/shape"
)

const (
	maxPullCommits = 250 // that a page lists, as the API does
	maxPullChecks  = 100
	maxPullFiles   = 300
)

type pullPage struct {
	page
	Pull    pullRow
	Body    template.HTML
	Merged  string // who merged it, empty for nobody
	Reviews []reviewRow
	Asked   string // who is asked for a review
	Commits []commitRow
	Checks  []checkRow
	Files   []pullFile

	CommitCount, FileCount, Additions, Deletions int

	Required []requiredRow // checks that have not passed yet
	Override bool          // the caller may merge all the same

	Why       string   // it cannot be merged; empty where it can
	Methods   []string // by which the caller may merge it
	HeadSHA   string   // that the caller sees and merges
	CanChange string   // what the caller may do: close, reopen, ready or nothing
	CanReady  bool

	CanReview, CanApprove bool
}

type commitRow struct {
	URL, Title, SHA, Author string
	At                      timestamp
}

type pullFile struct {
	Path, Status         string
	Additions, Deletions int
}

// pullOf is the pull request that a path names.
func (s *Site) pullOf(r *http.Request, c *auth.Caller) (*actions.Repository, *actions.Pull, error) {
	repo, err := s.pullsOf(r, c)
	if err != nil {
		return nil, nil, err
	}
	n, err := httpjson.PathID(r, "pull")
	if err != nil {
		return nil, nil, err
	}
	p, err := s.store.PullByNumber(r.Context(), repo.ID, n)
	return repo, p, err
}

// pull serves GET /{owner}/{repo}/pull/{pull}.
func (s *Site) pull(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, is, err := s.pullOf(r, c)
	if err == nil {
		err = s.pulls.Check(r.Context(), is)
	}
	if err != nil {
		return err
	}
	v, err := s.pulls.Whole(r.Context(), repo, is)
	if err != nil {
		return err
	}
	p := pullPage{page: s.page(r, c, is.Title), HeadSHA: is.HeadSHA, Why: whyNotMerged(v)}
	p.Repo = pullHead(repo)
	p.Pull = s.pullRow(p.Repo, is)
	p.CommitCount, p.FileCount, p.Additions, p.Deletions = v.Commits, v.Files, v.Additions, v.Deletions
	if is.Merged() {
		p.Merged = is.MergedBy.Login
	}
	if p.Body, err = s.textHTML(r.Context(), is.Body); err != nil {
		return err
	}
	if err := s.addReviews(r.Context(), &p, c, is); err != nil {
		return err
	}
	if p.Checks, err = s.checksOf(r.Context(), repo, is.HeadSHA, false); err != nil {
		return err
	}
	if err := s.addProtection(r.Context(), &p, c, repo, is, v.MergeState); err != nil {
		return err
	}
	may, err := s.auth.May(r.Context(), c, auth.Target{Repo: repo}, readCode)
	if err == nil && may {
		err = s.addCode(r.Context(), &p, is)
	}
	if err == nil {
		err = s.addForms(r.Context(), &p, c, repo, is)
	}
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "pull", p)
}

// whyNotMerged says what keeps a pull request from being merged, in words.
func whyNotMerged(p *shape.Pull) string {
	switch {
	case p.State != actions.PullOpen:
		return ""
	case p.MergeState == "dirty":
		return "This branch has conflicts that must be resolved: merge or rebase it by git, and push."
	case p.MergeState == "draft":
		return "This pull request is still a draft."
	case p.MergeState == "behind":
		return "This branch is out of date with the base branch: merge that into it first."
	case p.MergeState == "unknown":
		return "It is not known yet whether this branch can be merged. Load the page again."
	}
	return ""
}

func (s *Site) addCode(ctx context.Context, p *pullPage, is *actions.Pull) error {
	view := s.git.View(is.RepoID)
	commits, _, err := view.CommitsBetween(ctx, is.BaseSHA, is.HeadSHA, maxPullCommits)
	if err != nil {
		return err
	}
	now := s.now()
	for _, c := range commits {
		title, _, _ := strings.Cut(c.Message, "\n")
		p.Commits = append(p.Commits, commitRow{
			URL: p.Repo.Path + "/commit/" + c.SHA, Title: clipped(title, maxShownName), SHA: shortSHA(c.SHA),
			Author: clipped(c.Author.Name, maxShownName), At: timestampOf(c.Author.Time, now),
		})
	}
	from, err := view.MergeBase(ctx, is.BaseSHA, is.HeadSHA)
	if err != nil || from == "" {
		return err
	}
	changes, err := view.ChangesBetween(ctx, from, is.HeadSHA, actions.Page{Number: 1, Size: maxPullFiles})
	if err != nil {
		return err
	}
	for _, f := range changes.Files {
		p.Files = append(p.Files, pullFile{clipped(f.Path, maxShownPath), f.Status, f.Additions, f.Deletions})
	}
	return nil
}

// addForms says what the caller may do to the pull request.
func (s *Site) addForms(ctx context.Context, p *pullPage, c *auth.Caller, repo *actions.Repository, is *actions.Pull) error {
	if c.Anonymous() || repo.Archived {
		return nil
	}
	p.CanReview, p.CanApprove = true, c.Account.ID != is.Author.ID
	push, err := s.auth.May(ctx, c, auth.Target{Repo: repo}, auth.PushCode)
	if err != nil {
		return err
	}
	if push && is.State == actions.PullOpen && (p.Why == "" || p.Override) {
		p.Methods = pull.Methods(repo)
	}
	if !push && c.Account.ID != is.Author.ID || is.Merged() {
		return nil
	}
	p.CanChange = "close"
	if is.State == actions.PullClosed {
		p.CanChange = "reopen"
	}
	p.CanReady = is.Draft && is.State == actions.PullOpen
	return nil
}

// mergePull serves POST /{owner}/{repo}/pull/{pull}/merge.
func (s *Site) mergePull(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, is, err := s.pullOf(r, c)
	if err == nil {
		err = s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, auth.PushCode)
	}
	if err != nil {
		return err
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	m := pull.MergeRequest{Method: pull.Method(r.PostForm.Get("method")), SHA: r.PostForm.Get("sha")}
	if _, err := s.pulls.Merge(r.Context(), s.puller(c, httpjson.Base(r)), repo, is.Number, m); err != nil {
		return err
	}
	redirect(w, s.pullRow(headOf(repo), is).URL)
	return nil
}

// changePull serves POST /{owner}/{repo}/pull/{pull}/state: it closes a pull request,
// opens it again, or makes a draft one that may be merged.
func (s *Site) changePull(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, is, err := s.pullOf(r, c)
	if err != nil {
		return err
	}
	open, closed, draft := actions.PullOpen, actions.PullClosed, false
	change, ok := map[string]pull.Change{"close": {State: &closed}, "reopen": {State: &open}, "ready": {Draft: &draft}}[r.PostForm.Get("to")]
	if !ok {
		return actions.Errorf(actions.Invalid, "The form does not say what to do with the pull request.")
	}
	if _, err := s.pulls.Update(r.Context(), s.puller(c, httpjson.Base(r)), repo, is.Number, change); err != nil {
		return err
	}
	redirect(w, s.pullRow(headOf(repo), is).URL)
	return nil
}
