// Package checks is "Checks" in the reference, the pages "Check runs" and "Check
// suites". A check run is a job, a check suite the run that it belongs to; they have its id.
package checks

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the pages.
func Routes(st *store.Store, repositories *repository.Repositories) []rest.Route {
	const (
		repo  = "/repos/{owner}/{repo}"
		run   = repo + "/check-runs/{check_run_id}"
		suite = repo + "/check-suites/{check_suite_id}"
		docs  = "rest/checks/"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "checks"}
	p := &page{st, repositories}
	return []rest.Route{
		{Pattern: "GET " + run, Handle: p.getRun, Docs: docs + "runs#get-a-check-run", Need: read},
		{Pattern: "GET " + run + "/annotations", Handle: p.listAnnotations, Docs: docs + "runs#list-check-run-annotations", Need: read},
		{Pattern: "GET " + repo + "/commits/{ref}/check-runs", Handle: p.listOfCommit, Docs: docs + "runs#list-check-runs-for-a-git-reference", Need: read},
		{Pattern: "GET " + suite + "/check-runs", Handle: p.listOfSuite, Docs: docs + "runs#list-check-runs-in-a-check-suite", Need: read},
		{Pattern: "GET " + repo + "/commits/{ref}/check-suites", Handle: p.listSuites, Docs: docs + "suites#list-check-suites-for-a-git-reference", Need: read},
		{Pattern: "GET " + suite, Handle: p.getSuite, Docs: docs + "suites#get-a-check-suite", Need: read},
	}
}

type page struct {
	store        *store.Store
	repositories *repository.Repositories
}

type checkOutputJSON struct {
	Title            *string `json:"title"`
	Summary          *string `json:"summary"`
	Text             *string `json:"text"`
	AnnotationsCount int     `json:"annotations_count"`
	AnnotationsURL   string  `json:"annotations_url"`
}

type idJSON struct {
	ID int64 `json:"id"`
}

type checkRunJSON struct {
	ID           int64           `json:"id"`
	Name         string          `json:"name"`
	NodeID       string          `json:"node_id"`
	HeadSHA      string          `json:"head_sha"`
	ExternalID   string          `json:"external_id"`
	URL          string          `json:"url"`
	HTMLURL      string          `json:"html_url"`
	DetailsURL   string          `json:"details_url"`
	Status       string          `json:"status"`
	Conclusion   *string         `json:"conclusion"`
	StartedAt    *string         `json:"started_at"`
	CompletedAt  *string         `json:"completed_at"`
	Output       checkOutputJSON `json:"output"`
	CheckSuite   idJSON          `json:"check_suite"`
	App          *appJSON        `json:"app"`
	PullRequests []struct{}      `json:"pull_requests"`
}

func newCheckRun(c *rest.Call, run *store.CheckRun) *checkRunJSON {
	j := run.Job
	id := strconv.FormatInt(j.ID, 10)
	url := c.RepoURL() + "/check-runs/" + id
	html := shape.JobHTML(c.Base, c.Repo, j)
	started := j.StartedAt
	if started.IsZero() {
		started = j.CreatedAt
	}
	return &checkRunJSON{
		ID:           j.ID,
		Name:         j.Name,
		NodeID:       shape.NodeID("CheckRun", j.ID),
		HeadSHA:      run.HeadSHA,
		ExternalID:   j.GUID,
		URL:          url,
		HTMLURL:      html,
		DetailsURL:   html,
		Status:       string(j.Status),
		Conclusion:   shape.Null(string(j.Conclusion)),
		StartedAt:    shape.NullTime(started),
		CompletedAt:  shape.NullTime(j.CompletedAt),
		Output:       checkOutputJSON{AnnotationsCount: run.Annotations, AnnotationsURL: url + "/annotations"},
		CheckSuite:   idJSON{j.RunID},
		App:          app(c),
		PullRequests: []struct{}{},
	}
}

// getRun serves GET /repos/{owner}/{repo}/check-runs/{check_run_id}.
func (p *page) getRun(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	list, _, err := p.store.CheckRuns(r.Context(), store.CheckFilter{RepoID: c.Repo.ID, JobID: id}, store.Page{Number: 1, Size: 1})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return rest.ErrNotFound
	}
	return httpjson.Write(w, http.StatusOK, newCheckRun(c, list[0]))
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
	sha, err := rest.CommitOf(r, p.repositories, ref)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return "", actions.Errorf(actions.Invalid, "No commit found for SHA: %s", ref)
	}
	return sha, err
}

// listOfSuite serves GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs.
func (p *page) listOfSuite(w http.ResponseWriter, r *http.Request) error {
	run, err := p.suiteRun(r)
	if err != nil {
		return err
	}
	return p.write(w, r, store.CheckFilter{RunID: run.ID})
}

func (p *page) write(w http.ResponseWriter, r *http.Request, f store.CheckFilter) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	f.RepoID = c.Repo.ID
	if err := narrow(&f, l.Query); err != nil {
		return err
	}
	var (
		list  []*store.CheckRun
		total int
	)
	if id := l.Query.Get("app_id"); id == "" || id == strconv.Itoa(appID) {
		var err error
		if list, total, err = p.store.CheckRuns(r.Context(), f, l.Page); err != nil {
			return err
		}
	}
	answer := struct {
		Total int             `json:"total_count"`
		Runs  []*checkRunJSON `json:"check_runs"`
	}{total, make([]*checkRunJSON, 0, len(list))}
	for _, run := range list {
		answer.Runs = append(answer.Runs, newCheckRun(c, run))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// narrow reads the parameters of a list of check runs.
func narrow(f *store.CheckFilter, query url.Values) error {
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
	j, err := p.store.RepoJob(r.Context(), c.Repo.ID, id)
	if err != nil {
		return err
	}
	run, err := p.store.Run(r.Context(), j.RunID)
	if err != nil {
		return err
	}
	list, total, err := p.store.Annotations(r.Context(), j.ID, l.Page)
	if err != nil {
		return err
	}
	blob := c.RepoHTML() + "/blob/" + run.HeadSHA + "/"
	answer := make([]annotationJSON, 0, len(list))
	for _, n := range list {
		answer = append(answer, annotationJSON{
			Path: n.Path, BlobHref: blob + (&url.URL{Path: n.Path}).EscapedPath(),
			StartLine: n.StartLine, StartColumn: nullInt(n.StartColumn), EndLine: n.EndLine, EndColumn: nullInt(n.EndColumn),
			Level: string(n.Level), Title: n.Title, Message: n.Message,
		})
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

func nullInt(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
