package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/check"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A checkRow is a check of a commit: a job, or what a tool says.
type checkRow struct {
	URL, Name string
	Of        string // the workflow, or who reports
	Text      string // of a status
	Mark      mark
	Duration  elapsed
	Required  bool

	name string // whole
	app  int64
}

// maxShownStatus bounds the text of a status on a page.
const maxShownStatus = 140

// checksOf lists the checks of a commit: all, or those of tools.
func (s *Site) checksOf(ctx context.Context, repo *actions.Repository, sha string, tools bool) ([]checkRow, error) {
	list, _, err := s.store.CheckRuns(ctx, store.CheckFilter{RepoID: repo.ID, HeadSHA: sha, Tools: tools}, store.Page{Number: 1, Size: maxPullChecks})
	if err != nil {
		return nil, err
	}
	var rows []checkRow
	now := s.now()
	for _, c := range list {
		row := checkRow{
			URL: shape.CheckHTML(shape.Base{}, repo, c.CheckRun), Name: clipped(c.Name, maxShownName), Of: c.Workflow,
			Mark: markOf(c.Status, c.Conclusion), Duration: elapsedOf(c.StartedAt, c.CompletedAt, now), name: c.Name, app: c.App(),
		}
		if c.Job == nil {
			row.Of, row.Text = c.Creator.Login, clipped(c.Title, maxShownStatus)
		}
		rows = append(rows, row)
	}
	statuses, err := s.store.LatestStatuses(ctx, repo.ID, sha)
	for _, st := range statuses[:min(len(statuses), maxPullChecks)] {
		r := st.Result()
		rows = append(rows, checkRow{
			URL: st.TargetURL, Name: clipped(st.Context, maxShownName), Of: st.Creator.Login, Text: clipped(st.Description, maxShownStatus), Mark: markOf(r.Status, r.Conclusion), name: st.Context, app: r.App,
		})
	}
	return rows, err
}

type checkPage struct {
	page
	Name, By, Heading string
	URL               string
	Commit            fileLink
	Details           string // where the tool has more
	Mark              mark
	Duration          elapsed
	Summary, Text     template.HTML
	Annotations       []annotation
	Counts            string
	MoreNotes         bool
	Actions           []actions.CheckAction // that the caller may ask for
	CanAsk            bool                  // to run it again
}

// writeChecks is what it takes to ask something of a check run.
var writeChecks = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "checks", SignedIn: true}

// checkOf is the check run of a tool that a path names.
func (s *Site) checkOf(r *http.Request, c *auth.Caller) (*actions.Repository, *actions.CheckRun, error) {
	repo, err := s.readable(r, c)
	if err != nil {
		return nil, nil, err
	}
	id, err := httpjson.PathID(r, "check")
	if err != nil {
		return nil, nil, err
	}
	run, err := s.store.ToolCheck(r.Context(), repo.ID, id)
	return repo, run, err
}

// check serves GET /{owner}/{repo}/runs/{check}: what a tool reports.
func (s *Site) check(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, run, err := s.checkOf(r, c)
	if err != nil {
		return err
	}
	p := checkPage{
		page: s.page(r, c, run.Name), Name: clipped(run.Name, maxShownName), By: run.Creator.Login, Heading: run.Title, Details: run.DetailsURL,
		URL: shape.CheckHTML(shape.Base{}, repo, run), Mark: markOf(run.Status, run.Conclusion), Duration: elapsedOf(run.StartedAt, run.CompletedAt, s.now()),
	}
	p.Repo = pullHead(repo)
	p.Commit = fileLink{Name: shortSHA(run.HeadSHA), URL: p.Repo.Path + "/commit/" + run.HeadSHA}
	notes, _, err := s.store.CheckNotes(r.Context(), run.ID, store.Page{Number: 1, Size: maxAnnotations + 1})
	if err != nil {
		return err
	}
	p.MoreNotes = len(notes) > maxAnnotations
	list := make([]*actions.Annotation, min(len(notes), maxAnnotations))
	for i := range list {
		list[i] = &notes[i].Annotation
	}
	p.Annotations, p.Counts = annotationsOf(p.Repo, list, nil)
	waiting, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	if p.Summary, err = s.checkHTML(waiting, run, "summary", run.Summary); err != nil {
		return err
	}
	if p.Text, err = s.checkHTML(waiting, run, "text", run.Text); err != nil {
		return err
	}
	if p.CanAsk, err = s.auth.May(r.Context(), c, auth.Target{Repo: repo}, writeChecks); err != nil {
		return err
	}
	if p.CanAsk = p.CanAsk && !repo.Archived; p.CanAsk {
		p.Actions = run.Actions
	}
	return s.render(w, http.StatusOK, "check", p)
}

// checkHTML is the HTML of a text of a check run, or of what there is to say instead.
func (s *Site) checkHTML(ctx context.Context, run *actions.CheckRun, part, text string) (template.HTML, error) {
	if text == "" {
		return "", nil
	}
	html, err := s.checkTexts.html(ctx, fmt.Sprintf("%d/%d/%s/%x", run.RepoID, run.ID, part, sha256.Sum256([]byte(text))))
	switch {
	case err == nil, html != "":
	case actions.KindOf(err) == actions.NotFound:
		return "", nil // deleted meanwhile
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		html = noteWait
	default:
		return "", err
	}
	return template.HTML(html), nil // the renderer has made it safe
}

// readCheckText reads the text of a check run that a key of checkHTML names.
func (s *Site) readCheckText(ctx context.Context, key string) (string, error) {
	var repoID, id int64
	var rest string
	if _, err := fmt.Sscanf(key, "%d/%d/%s", &repoID, &id, &rest); err != nil {
		return "", err
	}
	run, err := s.store.ToolCheck(ctx, repoID, id)
	if err != nil {
		return "", err
	}
	if rest[0] == 't' {
		return run.Text, nil
	}
	return run.Summary, nil
}

// askCheck serves POST /{owner}/{repo}/runs/{check}: it asks the tool to run again, or for an
// action that it offers.
func (s *Site) askCheck(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, run, err := s.checkOf(r, c)
	if err == nil {
		err = s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, writeChecks)
	}
	if err != nil {
		return err
	}
	by := check.By{Account: c.Account, Base: httpjson.Base(r)}
	if action := r.PostForm.Get("action"); action != "" {
		err = s.checks.Act(r.Context(), by, repo, run.ID, action)
	} else {
		err = s.checks.Again(r.Context(), by, repo, run.ID)
	}
	if err != nil {
		return err
	}
	redirect(w, shape.CheckHTML(shape.Base{}, repo, run))
	return nil
}
