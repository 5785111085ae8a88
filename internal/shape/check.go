package shape

import (
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An App is what check runs belong to.
type App struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	NodeID      string            `json:"node_id"`
	Owner       *SimpleUser       `json:"owner"`
	Name        string            `json:"name"`
	Description *string           `json:"description"`
	ExternalURL string            `json:"external_url"`
	HTMLURL     string            `json:"html_url"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// ActionsApp is GitHub's own Actions app: programs know it by its id and slug. events are
// the names of those that can happen here; none where nobody asks.
func ActionsApp(b Base, events []string) *App {
	const owner, made = 9919, "2018-07-30T09:30:17Z"
	return &App{
		ID:          actions.ActionsApp,
		Slug:        "github-actions",
		NodeID:      NodeID("App", actions.ActionsApp),
		Owner:       NewSimpleUser(b, &actions.Account{ID: owner, Login: "github", Type: actions.Organization}),
		Name:        "GitHub Actions",
		Description: Null("Automate your workflow from idea to production"),
		ExternalURL: b.HTML,
		HTMLURL:     b.HTML + "/apps/github-actions",
		CreatedAt:   made,
		UpdatedAt:   made,
		Permissions: map[string]string{"actions": "write", "checks": "write", "contents": "write", "metadata": "read"},
		Events:      append([]string{}, events...),
	}
}

// AppOf is the app that an account stands for when it reports of commits.
func AppOf(b Base, a *actions.Account, events []string) *App {
	id := actions.AppOf(a)
	if id == actions.ActionsApp {
		return ActionsApp(b, events)
	}
	html := b.HTML + "/" + a.Login
	return &App{
		ID: id, Slug: strings.ToLower(a.Login), NodeID: NodeID("App", id), Owner: NewSimpleUser(b, a), Name: a.Login, ExternalURL: html, HTMLURL: html,
		CreatedAt: Time(a.CreatedAt), UpdatedAt: Time(a.UpdatedAt), Permissions: map[string]string{"checks": "write", "statuses": "write", "metadata": "read"}, Events: []string{},
	}
}

// CheckHTML is the page of a check run.
func CheckHTML(b Base, r *actions.Repository, c *actions.CheckRun) string {
	if c.Job != nil {
		return JobHTML(b, r, c.Job)
	}
	return b.HTML + "/" + r.FullName() + "/runs/" + strconv.FormatInt(c.ID, 10)
}

// SuiteURL is where the API has a check suite of a repository.
func SuiteURL(b Base, r *actions.Repository, id int64) string {
	return b.API + "/repos/" + r.FullName() + "/check-suites/" + strconv.FormatInt(id, 10)
}

type checkOutput struct {
	Title            *string `json:"title"`
	Summary          *string `json:"summary"`
	Text             *string `json:"text"`
	AnnotationsCount int     `json:"annotations_count"`
	AnnotationsURL   string  `json:"annotations_url"`
}

// A CheckRun is how one check of a commit stands.
type CheckRun struct {
	ID           int64       `json:"id"`
	Name         string      `json:"name"`
	NodeID       string      `json:"node_id"`
	HeadSHA      string      `json:"head_sha"`
	ExternalID   string      `json:"external_id"`
	URL          string      `json:"url"`
	HTMLURL      string      `json:"html_url"`
	DetailsURL   string      `json:"details_url"`
	Status       string      `json:"status"`
	Conclusion   *string     `json:"conclusion"`
	StartedAt    *string     `json:"started_at"`
	CompletedAt  *string     `json:"completed_at"`
	Output       checkOutput `json:"output"`
	CheckSuite   any         `json:"check_suite"` // its id, or a [CheckSuite]
	App          *App        `json:"app"`
	PullRequests []struct{}  `json:"pull_requests"`
}

type onlyID struct {
	ID int64 `json:"id"`
}

// NewCheckRun is the object for a check run of a repository. events are as of [ActionsApp].
func NewCheckRun(b Base, r *actions.Repository, c *actions.CheckRun, events []string) *CheckRun {
	url, html := b.API+"/repos/"+r.FullName()+"/check-runs/"+strconv.FormatInt(c.ID, 10), CheckHTML(b, r, c)
	started, details, app := c.StartedAt, c.DetailsURL, ActionsApp(b, events)
	if started.IsZero() {
		started = c.CreatedAt
	}
	if details == "" {
		details = html
	}
	if c.Job == nil {
		app = AppOf(b, &c.Creator, events)
	}
	return &CheckRun{
		ID:          c.ID,
		Name:        c.Name,
		NodeID:      NodeID("CheckRun", c.ID),
		HeadSHA:     c.HeadSHA,
		ExternalID:  c.ExternalID,
		URL:         url,
		HTMLURL:     html,
		DetailsURL:  details,
		Status:      string(c.Status),
		Conclusion:  Null(string(c.Conclusion)),
		StartedAt:   NullTime(started),
		CompletedAt: NullTime(c.CompletedAt),
		Output: checkOutput{
			Title: Null(c.Title), Summary: Null(c.Summary), Text: Null(c.Text), AnnotationsCount: c.Annotations, AnnotationsURL: url + "/annotations",
		},
		CheckSuite:   onlyID{c.SuiteID},
		App:          app,
		PullRequests: []struct{}{},
	}
}

// A CheckSuite is all check runs of one commit that one app has made, as events have it.
type CheckSuite struct {
	ID           int64         `json:"id"`
	NodeID       string        `json:"node_id"`
	HeadBranch   *string       `json:"head_branch"`
	HeadSHA      string        `json:"head_sha"`
	Status       string        `json:"status"`
	Conclusion   *string       `json:"conclusion"`
	URL          string        `json:"url"`
	Before       *string       `json:"before"`
	After        string        `json:"after"`
	PullRequests []struct{}    `json:"pull_requests"`
	App          *App          `json:"app"`
	CreatedAt    string        `json:"created_at"`
	UpdatedAt    string        `json:"updated_at"`
	Rerequest    bool          `json:"rerequestable"`
	RunsAgain    bool          `json:"runs_rerequestable"`
	CheckRuns    int           `json:"latest_check_runs_count"`
	CheckRunsURL string        `json:"check_runs_url"`
	HeadCommit   *SimpleCommit `json:"head_commit,omitempty"`
	Repository   any           `json:"repository,omitempty"`
}

// NewCheckSuite is the object for a check suite of a tool.
func NewCheckSuite(b Base, r *actions.Repository, s *actions.CheckSuite, events []string) *CheckSuite {
	url := SuiteURL(b, r, s.ID)
	return &CheckSuite{
		ID: s.ID, NodeID: NodeID("CheckSuite", s.ID), HeadBranch: Null(s.HeadBranch), HeadSHA: s.HeadSHA, Status: string(s.Status), Conclusion: Null(string(s.Conclusion)),
		URL: url, After: s.HeadSHA, PullRequests: []struct{}{}, App: AppOf(b, &s.Creator, events), CreatedAt: Time(s.CreatedAt), UpdatedAt: Time(s.UpdatedAt),
		RunsAgain: true, CheckRuns: s.CheckRuns, CheckRunsURL: url + "/check-runs",
	}
}
