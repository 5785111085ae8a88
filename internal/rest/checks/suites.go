package checks

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// appJSON is the app that check runs of workflows belong to.
type appJSON struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	NodeID      string            `json:"node_id"`
	Owner       *shape.SimpleUser `json:"owner"`
	Name        string            `json:"name"`
	Description *string           `json:"description"`
	ExternalURL string            `json:"external_url"`
	HTMLURL     string            `json:"html_url"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// appID is the number of the only app that there is.
const appID = 15368

// app is GitHub's own Actions app: programs know it by its id and slug.
func app(c *rest.Call) *appJSON {
	const owner, made = 9919, "2018-07-30T09:30:17Z"
	return &appJSON{
		ID:          appID,
		Slug:        "github-actions",
		NodeID:      shape.NodeID("App", appID),
		Owner:       shape.NewSimpleUser(c.Base, &actions.Account{ID: owner, Login: "github", Type: actions.Organization}),
		Name:        "GitHub Actions",
		Description: shape.Null("Automate your workflow from idea to production"),
		ExternalURL: c.Base.HTML,
		HTMLURL:     c.Base.HTML + "/apps/github-actions",
		CreatedAt:   made,
		UpdatedAt:   made,
		Permissions: map[string]string{"actions": "write", "checks": "write", "contents": "write", "metadata": "read"},
		Events:      happening(),
	}
}

// happening are the names of the events that can happen here.
func happening() []string {
	var names []string
	for _, k := range event.Kinds() {
		if k.Happens() {
			names = append(names, k.Name)
		}
	}
	return names
}

type checkSuiteJSON struct {
	ID             int64               `json:"id"`
	NodeID         string              `json:"node_id"`
	HeadBranch     *string             `json:"head_branch"`
	HeadSHA        string              `json:"head_sha"`
	Status         string              `json:"status"`
	Conclusion     *string             `json:"conclusion"`
	URL            string              `json:"url"`
	Before         *string             `json:"before"`
	After          string              `json:"after"`
	PullRequests   []struct{}          `json:"pull_requests"`
	App            *appJSON            `json:"app"`
	CreatedAt      string              `json:"created_at"`
	UpdatedAt      string              `json:"updated_at"`
	Rerequestable  bool                `json:"rerequestable"`
	RunsRerequests bool                `json:"runs_rerequestable"`
	CheckRunsCount int                 `json:"latest_check_runs_count"`
	CheckRunsURL   string              `json:"check_runs_url"`
	HeadCommit     *shape.SimpleCommit `json:"head_commit"`
	Repository     *shape.Repository   `json:"repository"`
}

// suiteRun finds the run whose check suite the path names.
func (p *page) suiteRun(r *http.Request) (*actions.Run, error) {
	id, err := httpjson.PathID(r, "check_suite_id")
	if err != nil {
		return nil, err
	}
	return p.store.RepoRun(r.Context(), rest.CallOf(r).Repo.ID, id)
}

// getSuite serves GET /repos/{owner}/{repo}/check-suites/{check_suite_id}.
func (p *page) getSuite(w http.ResponseWriter, r *http.Request) error {
	run, err := p.suiteRun(r)
	if err != nil {
		return err
	}
	repo, err := p.repository(r)
	if err != nil {
		return err
	}
	suite, err := p.suite(r, run, repo, store.CheckFilter{})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, suite)
}

// listSuites serves GET /repos/{owner}/{repo}/commits/{ref}/check-suites.
func (p *page) listSuites(w http.ResponseWriter, r *http.Request) error {
	sha, err := p.headSHA(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	answer := struct {
		Total  int               `json:"total_count"`
		Suites []*checkSuiteJSON `json:"check_suites"`
	}{Suites: []*checkSuiteJSON{}}
	if id := l.Query.Get("app_id"); id != "" && id != strconv.Itoa(appID) {
		return httpjson.Write(w, http.StatusOK, answer)
	}
	runs, total, err := p.store.Runs(r.Context(), store.RunFilter{RepoID: c.Repo.ID, HeadSHA: sha}, l.Page)
	if err != nil {
		return err
	}
	repo, err := p.repository(r)
	if err != nil {
		return err
	}
	name := l.Query.Get("check_name")
	for _, run := range runs {
		suite, err := p.suite(r, run, repo, store.CheckFilter{Name: name})
		if err != nil {
			return err
		}
		if name != "" && suite.CheckRunsCount == 0 {
			continue // it has no such check run
		}
		answer.Suites = append(answer.Suites, suite)
	}
	answer.Total = total
	if name != "" {
		answer.Total = len(answer.Suites)
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// repository is the call's repository as check suites show it: whole.
func (p *page) repository(r *http.Request) (*shape.Repository, error) {
	c := rest.CallOf(r)
	repo, err := p.store.Repository(r.Context(), c.Repo.ID)
	if err != nil {
		return nil, err
	}
	return c.WholeRepository(repo), nil
}

// suite is the check suite of a run, with the check runs that fit f.
func (p *page) suite(r *http.Request, run *actions.Run, repo *shape.Repository, f store.CheckFilter) (*checkSuiteJSON, error) {
	c := rest.CallOf(r)
	f.RepoID, f.RunID = c.Repo.ID, run.ID
	_, count, err := p.store.CheckRuns(r.Context(), f, store.Page{Number: 1, Size: 1})
	if err != nil {
		return nil, err
	}
	return &checkSuiteJSON{
		ID:             run.ID,
		NodeID:         shape.NodeID("CheckSuite", run.ID),
		HeadBranch:     shape.Null(run.HeadBranch),
		HeadSHA:        run.HeadSHA,
		Status:         string(run.Status),
		Conclusion:     shape.Null(string(run.Conclusion)),
		URL:            c.SuiteURL(run.ID),
		After:          run.HeadSHA,
		PullRequests:   []struct{}{},
		App:            app(c),
		CreatedAt:      shape.Time(run.CreatedAt),
		UpdatedAt:      shape.Time(run.UpdatedAt),
		CheckRunsCount: count,
		CheckRunsURL:   c.SuiteURL(run.ID) + "/check-runs",
		HeadCommit:     shape.NewSimpleCommit(&run.HeadCommit),
		Repository:     repo,
	}, nil
}
