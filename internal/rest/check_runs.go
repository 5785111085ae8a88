package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

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

func (c *call) checkRunJSON(run *store.CheckRun) *checkRunJSON {
	j := run.Job
	id := strconv.FormatInt(j.ID, 10)
	url := c.base.API + "/repos/" + c.repo.FullName() + "/check-runs/" + id
	html := c.runHTML(j.RunID) + "/job/" + id
	if j.Key == "" {
		html = c.runHTML(j.RunID) // it has no page of its own
	}
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
		App:          c.app(),
		PullRequests: []struct{}{},
	}
}

// getCheckRun serves GET /repos/{owner}/{repo}/check-runs/{check_run_id}.
func (a *API) getCheckRun(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	c := callOf(r)
	list, _, err := a.Store.CheckRuns(r.Context(), store.CheckFilter{RepoID: c.repo.ID, JobID: id}, store.Page{Number: 1, Size: 1})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errNotFound
	}
	return httpjson.Write(w, http.StatusOK, c.checkRunJSON(list[0]))
}

// listCommitCheckRuns serves GET /repos/{owner}/{repo}/commits/{ref}/check-runs.
func (a *API) listCommitCheckRuns(w http.ResponseWriter, r *http.Request) error {
	sha, err := a.headSHA(r)
	if err != nil {
		return err
	}
	return a.writeCheckRuns(w, r, store.CheckFilter{HeadSHA: sha})
}

// headSHA is the commit that the path's ref stands for.
func (a *API) headSHA(r *http.Request) (string, error) {
	ref := r.PathValue("ref")
	sha, err := a.Git.Resolve(r.Context(), callOf(r).repo.ID, ref)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return "", actions.Errorf(actions.Invalid, "No commit found for SHA: %s", ref)
	}
	return sha, err
}

// listSuiteCheckRuns serves GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs.
func (a *API) listSuiteCheckRuns(w http.ResponseWriter, r *http.Request) error {
	run, err := a.suiteRun(r)
	if err != nil {
		return err
	}
	return a.writeCheckRuns(w, r, store.CheckFilter{RunID: run.ID})
}

func (a *API) writeCheckRuns(w http.ResponseWriter, r *http.Request, f store.CheckFilter) error {
	c, l := callOf(r), listingOf(r)
	f.RepoID = c.repo.ID
	if err := narrow(&f, l.query); err != nil {
		return err
	}
	list, total, err := a.Store.CheckRuns(r.Context(), f, l.rows())
	if err != nil {
		return err
	}
	answer := struct {
		Total int             `json:"total_count"`
		Runs  []*checkRunJSON `json:"check_runs"`
	}{total, make([]*checkRunJSON, 0, len(list))}
	for _, run := range list {
		answer.Runs = append(answer.Runs, c.checkRunJSON(run))
	}
	l.link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// narrow reads the parameters of a list of check runs.
func narrow(f *store.CheckFilter, query url.Values) error {
	f.Name = query.Get("check_name")
	f.Attempts = query.Get("filter") == "all"
	f.Status = actions.Status(query.Get("status"))
	if f.Status != "" && !slices.Contains(actions.Statuses(), f.Status) {
		return httpjson.Invalid("Validation Failed", httpjson.FieldError{Resource: "CheckRun", Code: "invalid", Field: "status"})
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
func (a *API) listAnnotations(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "check_run_id")
	if err != nil {
		return err
	}
	c, l := callOf(r), listingOf(r)
	j, err := a.Store.RepoJob(r.Context(), c.repo.ID, id)
	if err != nil {
		return err
	}
	run, err := a.Store.Run(r.Context(), j.RunID)
	if err != nil {
		return err
	}
	list, total, err := a.Store.Annotations(r.Context(), j.ID, l.rows())
	if err != nil {
		return err
	}
	blob := c.base.HTML + "/" + c.repo.FullName() + "/blob/" + run.HeadSHA + "/"
	answer := make([]annotationJSON, 0, len(list))
	for _, n := range list {
		answer = append(answer, annotationJSON{
			Path: n.Path, BlobHref: blob + (&url.URL{Path: n.Path}).EscapedPath(),
			StartLine: n.StartLine, StartColumn: nullInt(n.StartColumn), EndLine: n.EndLine, EndColumn: nullInt(n.EndColumn),
			Level: string(n.Level), Title: n.Title, Message: n.Message,
		})
	}
	l.link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

func nullInt(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
