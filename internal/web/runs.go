package web

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	runsPerPage  = 25
	maxWorkflows = 100 // in the list beside the runs
	maxFilter    = 256 // characters
)

type runsPage struct {
	page
	Workflow  string // name of the one whose runs these are; empty for all
	File      string // where that one is
	Workflows []workflowLink
	Filter    runFilter
	Total     int
	Runs      []runRow
	Newer     string // URL, empty on the first page
	Older     string // URL, empty on the last page
}

type workflowLink struct {
	Name, URL string
	Current   bool
}

type runFilter struct {
	Branch, Status string
	Statuses       []string // to choose from
	Event, Actor   string   // as the links of other programs have them
	Clear          string   // URL without a filter; empty when there is none
}

type runRow struct {
	URL, Title, Workflow, Event, Actor, Branch, SHA string

	Number   int64
	Mark     mark
	Created  timestamp
	Duration elapsed
}

// runs serves GET /{owner}/{repo}/actions and …/actions/workflows/{file}.
func (s *Site) runs(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.readable(r, c)
	if err != nil {
		return err
	}
	workflows, _, err := s.store.Workflows(r.Context(), repo.ID, store.Page{Number: 1, Size: maxWorkflows})
	if err != nil {
		return err
	}
	p := runsPage{page: s.page(r, c, "Workflow runs")}
	p.Repo = headOf(repo)
	f, at := store.RunFilter{RepoID: repo.ID}, p.Repo.Path+"/actions"
	if file := r.PathValue("file"); file != "" {
		wf, err := s.workflow(r.Context(), repo.ID, file)
		if err != nil {
			return err
		}
		f.WorkflowID, at = wf.ID, workflowPath(p.Repo, wf)
		p.Workflow, p.File, p.Title = wf.Name, wf.Path, "Workflow runs · "+wf.Name
	}
	for _, wf := range workflows {
		p.Workflows = append(p.Workflows, workflowLink{wf.Name, workflowPath(p.Repo, wf), wf.ID == f.WorkflowID})
	}
	if err := s.filter(r, &p, &f, at); err != nil {
		return err
	}
	return s.listRuns(w, r, p, f, at)
}

func workflowPath(h *repoHead, wf *actions.Workflow) string {
	return h.Path + "/actions/workflows/" + url.PathEscape(path.Base(wf.Path))
}

// workflow is the one that a URL names by its file name or id.
func (s *Site) workflow(ctx context.Context, repoID int64, file string) (*actions.Workflow, error) {
	if id, err := strconv.ParseInt(file, 10, 64); err == nil {
		return s.store.Workflow(ctx, repoID, id)
	}
	if strings.Contains(file, "/") {
		return nil, errNotFound
	}
	return s.store.WorkflowByPath(ctx, repoID, actions.WorkflowPath(file))
}

// filter reads the filters of a list from its URL.
func (s *Site) filter(r *http.Request, p *runsPage, f *store.RunFilter, at string) error {
	q := r.URL.Query()
	get := func(name string) string {
		v := strings.TrimSpace(q.Get(name))
		return v[:min(len(v), maxFilter)]
	}
	f.Branch, f.Status, f.Event = get("branch"), get("status"), get("event")
	p.Filter = runFilter{Branch: f.Branch, Status: f.Status, Event: f.Event, Actor: get("actor"), Statuses: statuses()}
	if f.Status != "" && !slices.Contains(p.Filter.Statuses, f.Status) {
		f.Status, p.Filter.Status = "", ""
	}
	if p.Filter.Actor != "" {
		actor, err := s.store.AccountByLogin(r.Context(), p.Filter.Actor)
		switch {
		case err == nil:
			f.ActorID = actor.ID
		case actions.KindOf(err) == actions.NotFound:
			f.ActorID = -1 // nobody's runs
		default:
			return err
		}
	}
	if f.Branch+f.Status+f.Event+p.Filter.Actor != "" {
		p.Filter.Clear = at
	}
	return nil
}

func statuses() []string {
	var all []string
	for _, s := range actions.Statuses() {
		all = append(all, string(s))
	}
	for _, c := range actions.Conclusions() {
		all = append(all, string(c))
	}
	return all
}

func (s *Site) listRuns(w http.ResponseWriter, r *http.Request, p runsPage, f store.RunFilter, base string) error {
	at := pageOf(r, "page", runsPerPage)
	runs, total, err := s.store.Runs(r.Context(), f, at)
	if err != nil {
		return err
	}
	now := s.now()
	p.Total = total
	for _, run := range runs {
		p.Runs = append(p.Runs, rowOf(p.Repo, run, now))
	}
	p.Newer, p.Older = neighbours(at, total, func(n int) string {
		q := url.Values{"page": {strconv.Itoa(n)}}
		for k, v := range map[string]string{"branch": f.Branch, "status": f.Status, "event": f.Event, "actor": p.Filter.Actor} {
			if v != "" {
				q.Set(k, v)
			}
		}
		return base + "?" + q.Encode()
	})
	return s.render(w, http.StatusOK, "runs", p)
}

func rowOf(h *repoHead, run *actions.Run, now time.Time) runRow {
	row := runRow{
		URL: runPath(h, run.ID), Title: run.Title, Workflow: run.Name, Event: run.Event, Actor: run.Actor.Login,
		Branch: run.HeadBranch, SHA: shortSHA(run.HeadSHA), Number: run.Number,
		Mark: markOf(run.Status, run.Conclusion), Created: timestampOf(run.CreatedAt, now),
	}
	if row.Title == "" {
		row.Title = run.Name
	}
	switch run.Status {
	case actions.Completed:
		row.Duration = elapsedOf(run.StartedAt, run.UpdatedAt, now)
	case actions.InProgress:
		row.Duration = elapsedOf(run.StartedAt, time.Time{}, now)
	default: // has not begun
	}
	return row
}

func runPath(h *repoHead, id int64) string {
	return h.Path + "/actions/runs/" + strconv.FormatInt(id, 10)
}
