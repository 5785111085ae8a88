// Package checks is "Checks" in the reference, the pages "Check runs" and "Check
// suites". A check run is a job, and a check suite the run that it belongs to, whose ids they
// have; or what a tool reports of a commit. GitHub lets Apps report; here each account
// is one, which needs write access, and each job whose token has the permission.
package checks

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/check"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the page needs. All fields are required.
type Config struct {
	Store        *store.Store
	Git          *gitrepo.Git
	Checks       *check.Checks
	Repositories *repository.Repositories
}

// Routes are the operations of the pages.
func Routes(c Config) []rest.Route {
	const (
		repo  = "/repos/{owner}/{repo}"
		run   = repo + "/check-runs/{check_run_id}"
		suite = repo + "/check-suites/{check_suite_id}"
		docs  = "rest/checks/"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "checks"}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "checks"}
	p := &page{c}
	return []rest.Route{
		{Pattern: "POST " + repo + "/check-runs", Handle: p.create, Docs: docs + "runs#create-a-check-run", Need: write},
		{Pattern: "GET " + run, Handle: p.getRun, Docs: docs + "runs#get-a-check-run", Need: read},
		{Pattern: "PATCH " + run, Handle: p.update, Docs: docs + "runs#update-a-check-run", Need: write},
		{Pattern: "GET " + run + "/annotations", Handle: p.listAnnotations, Docs: docs + "runs#list-check-run-annotations", Need: read},
		{Pattern: "POST " + run + "/rerequest", Handle: p.again, Docs: docs + "runs#rerequest-a-check-run", Need: write},
		{Pattern: "GET " + repo + "/commits/{ref}/check-runs", Handle: p.listOfCommit, Docs: docs + "runs#list-check-runs-for-a-git-reference", Need: read},
		{Pattern: "GET " + suite + "/check-runs", Handle: p.listOfSuite, Docs: docs + "runs#list-check-runs-in-a-check-suite", Need: read},
		{Pattern: "GET " + repo + "/commits/{ref}/check-suites", Handle: p.listSuites, Docs: docs + "suites#list-check-suites-for-a-git-reference", Need: read},
		{Pattern: "GET " + suite, Handle: p.getSuite, Docs: docs + "suites#get-a-check-suite", Need: read},
	}
}

type page struct{ Config }

// getRun serves GET /repos/{owner}/{repo}/check-runs/{check_run_id}.
func (p *page) getRun(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	list, _, err := p.Store.CheckRuns(r.Context(), store.CheckFilter{RepoID: c.Repo.ID, ID: id}, store.Page{Number: 1, Size: 1})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return rest.ErrNotFound
	}
	return httpjson.Write(w, http.StatusOK, shape.NewCheckRun(c.Base, c.Repo, list[0].CheckRun, happening()))
}

// listOfCommit serves GET /repos/{owner}/{repo}/commits/{ref}/check-runs.
func (p *page) listOfCommit(w http.ResponseWriter, r *http.Request) error {
	sha, err := p.headSHA(r)
	if err != nil {
		return err
	}
	return p.write(w, r, store.CheckFilter{HeadSHA: sha})
}

// headSHA is the commit that the path's ref stands for.
func (p *page) headSHA(r *http.Request) (string, error) {
	ref := r.PathValue("ref")
	sha, err := rest.CommitOf(r, p.Repositories, ref)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return "", actions.Errorf(actions.Invalid, "No commit found for SHA: %s", ref)
	}
	return sha, err
}

// listOfSuite serves GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs.
func (p *page) listOfSuite(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_suite_id")
	if err != nil {
		return err
	}
	repoID := rest.CallOf(r).Repo.ID
	if id < actions.ToolChecks {
		_, err = p.Store.RepoRun(r.Context(), repoID, id)
	} else if list, _, e := p.Store.CheckSuites(r.Context(), store.CheckFilter{RepoID: repoID, SuiteID: id}, store.Page{Number: 1, Size: 1}); e != nil {
		err = e
	} else if len(list) == 0 {
		err = rest.ErrNotFound
	}
	if err != nil {
		return err
	}
	return p.write(w, r, store.CheckFilter{SuiteID: id})
}

func (p *page) write(w http.ResponseWriter, r *http.Request, f store.CheckFilter) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	f.RepoID = c.Repo.ID
	if err := narrow(&f, l.Query); err != nil {
		return err
	}
	list, total, err := p.Store.CheckRuns(r.Context(), f, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total int               `json:"total_count"`
		Runs  []*shape.CheckRun `json:"check_runs"`
	}{total, make([]*shape.CheckRun, 0, len(list))}
	events := happening()
	for _, run := range list {
		answer.Runs = append(answer.Runs, shape.NewCheckRun(c.Base, c.Repo, run.CheckRun, events))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// narrow reads the parameters of a list of check runs.
func narrow(f *store.CheckFilter, query url.Values) (err error) {
	if f.App, err = appOf(query); err != nil {
		return err
	}
	f.Name = query.Get("check_name")
	f.Attempts = query.Get("filter") == "all"
	f.Status = actions.Status(query.Get("status"))
	if f.Status != "" && !slices.Contains(actions.Statuses(), f.Status) {
		return actions.BadField("CheckRun", "status")
	}
	return nil
}

type annotationJSON struct {
	Path        string  `json:"path"`
	BlobHref    string  `json:"blob_href"`
	StartLine   int     `json:"start_line"`
	StartColumn *int    `json:"start_column"`
	EndLine     int     `json:"end_line"`
	EndColumn   *int    `json:"end_column"`
	Level       string  `json:"annotation_level"`
	Title       string  `json:"title"`
	Message     string  `json:"message"`
	RawDetails  *string `json:"raw_details"`
}

// listAnnotations serves GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations.
func (p *page) listAnnotations(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	list, total, sha, err := p.notes(r, id, l.Page)
	if err != nil {
		return err
	}
	blob := c.RepoHTML() + "/blob/" + sha + "/"
	answer := make([]annotationJSON, 0, len(list))
	for _, n := range list {
		answer = append(answer, annotationJSON{
			Path: n.Path, BlobHref: blob + (&url.URL{Path: n.Path}).EscapedPath(),
			StartLine: n.StartLine, StartColumn: nullInt(n.StartColumn), EndLine: n.EndLine, EndColumn: nullInt(n.EndColumn),
			Level: string(n.Level), Title: n.Title, Message: n.Message, RawDetails: shape.Null(n.RawDetails),
		})
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// notes are annotations of a check run, and the commit that they are of.
func (p *page) notes(r *http.Request, id int64, page store.Page) (list []*actions.CheckNote, total int, sha string, err error) {
	ctx, repoID := r.Context(), rest.CallOf(r).Repo.ID
	if id >= actions.ToolChecks {
		run, err := p.Store.ToolCheck(ctx, repoID, id)
		if err != nil {
			return nil, 0, "", err
		}
		list, total, err = p.Store.CheckNotes(ctx, id, page)
		return list, total, run.HeadSHA, err
	}
	j, err := p.Store.RepoJob(ctx, repoID, id)
	if err != nil {
		return nil, 0, "", err
	}
	run, err := p.Store.Run(ctx, j.RunID)
	if err != nil {
		return nil, 0, "", err
	}
	of, total, err := p.Store.Annotations(ctx, j.ID, page)
	for _, n := range of {
		list = append(list, &actions.CheckNote{Annotation: *n})
	}
	return list, total, run.HeadSHA, err
}

func nullInt(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
