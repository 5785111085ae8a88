// Package jobs is the page "Workflow jobs" of the reference.
package jobs

import (
	"net/http"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the page needs.
type Config struct {
	Store  *store.Store
	Logs   *logs.Logs
	Groups *group.Groups
	Now    func() time.Time

	// LogURL signs a URL, good for a minute and for whoever has it, of a job's log as
	// text; base is that of pages.
	LogURL func(base string, job *actions.Job) (string, error)
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	const (
		repo = "/repos/{owner}/{repo}/actions"
		run  = repo + "/runs/{run_id}"
		job  = repo + "/jobs/{job_id}"
		docs = "rest/actions/workflow-jobs#"
	)
	p := &page{c.Store, c.Logs, c.Groups, c.Now, c.LogURL}
	return []rest.Route{
		{Pattern: "GET " + run + "/jobs", Handle: p.list, Docs: docs + "list-jobs-for-a-workflow-run", Need: auth.ReadRuns, Polled: true},
		{Pattern: "GET " + run + "/attempts/{attempt_number}/jobs", Handle: p.listOfAttempt, Docs: docs + "list-jobs-for-a-workflow-run-attempt", Need: auth.ReadRuns, Polled: true},
		{Pattern: "GET " + job, Handle: p.get, Docs: docs + "get-a-job-for-a-workflow-run", Need: auth.ReadRuns, Polled: true},
		{Pattern: "GET " + job + "/logs", Handle: p.downloadLog, Docs: docs + "download-job-logs-for-a-workflow-run", Need: auth.DownloadRuns},
	}
}

type page struct {
	store  *store.Store
	logs   *logs.Logs
	groups *group.Groups
	now    func() time.Time
	logURL func(base string, job *actions.Job) (string, error)
}

type stepJSON struct {
	Name        string  `json:"name"`
	Status      string  `json:"status"`
	Conclusion  *string `json:"conclusion"`
	Number      int     `json:"number"`
	StartedAt   *string `json:"started_at"`
	CompletedAt *string `json:"completed_at"`
}

type jobJSON struct {
	ID              int64      `json:"id"`
	RunID           int64      `json:"run_id"`
	WorkflowName    string     `json:"workflow_name"`
	HeadBranch      *string    `json:"head_branch"`
	RunURL          string     `json:"run_url"`
	RunAttempt      int        `json:"run_attempt"`
	NodeID          string     `json:"node_id"`
	HeadSHA         string     `json:"head_sha"`
	URL             string     `json:"url"`
	HTMLURL         string     `json:"html_url"`
	Status          string     `json:"status"`
	Conclusion      *string    `json:"conclusion"`
	CreatedAt       string     `json:"created_at"`
	StartedAt       string     `json:"started_at"`
	CompletedAt     *string    `json:"completed_at"`
	Name            string     `json:"name"`
	Steps           []stepJSON `json:"steps"`
	CheckRunURL     string     `json:"check_run_url"`
	Labels          []string   `json:"labels"`
	RunnerID        *int64     `json:"runner_id"`
	RunnerName      *string    `json:"runner_name"`
	RunnerGroupID   *int64     `json:"runner_group_id"`
	RunnerGroupName *string    `json:"runner_group_name"`
}

func newJob(c *rest.Call, run *actions.Run, j *actions.Job, steps []*actions.Step) *jobJSON {
	repo := c.RepoURL()
	id := strconv.FormatInt(j.ID, 10)
	started := j.StartedAt
	if started.IsZero() {
		started = j.CreatedAt // GitHub has no null here
	}
	v := &jobJSON{
		ID:           j.ID,
		RunID:        j.RunID,
		WorkflowName: run.Name,
		HeadBranch:   shape.Null(run.HeadBranch),
		RunURL:       c.RunURL(j.RunID),
		RunAttempt:   j.Attempt,
		NodeID:       shape.NodeID("CheckRun", j.ID),
		HeadSHA:      run.HeadSHA,
		URL:          repo + "/actions/jobs/" + id,
		HTMLURL:      c.RunHTML(j.RunID) + "/job/" + id,
		Status:       string(j.Status),
		Conclusion:   shape.Null(string(j.Conclusion)),
		CreatedAt:    shape.Time(j.CreatedAt),
		StartedAt:    shape.Time(started),
		CompletedAt:  shape.NullTime(j.CompletedAt),
		Name:         j.Name,
		Steps:        make([]stepJSON, 0, len(steps)),
		CheckRunURL:  repo + "/check-runs/" + id,
		Labels:       j.Labels,
	}
	if v.Labels == nil {
		v.Labels = []string{}
	}
	if j.RunnerID != 0 {
		v.RunnerID, v.RunnerName, v.RunnerGroupID, v.RunnerGroupName = &j.RunnerID, &j.RunnerName, &j.RunnerGroupID, &j.RunnerGroup
	}
	for _, s := range steps {
		v.Steps = append(v.Steps, stepJSON{
			Name: s.Name, Status: string(stepStatus(s)), Conclusion: shape.Null(string(s.Conclusion)), Number: s.Number,
			StartedAt: shape.NullTime(s.StartedAt), CompletedAt: shape.NullTime(s.CompletedAt),
		})
	}
	return v
}

// stepStatus is one of the three that a step has here: one whose turn has not
// come is queued.
func stepStatus(s *actions.Step) actions.Status {
	if s.Status == actions.InProgress || s.Status == actions.Completed {
		return s.Status
	}
	return actions.Queued
}

// list serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("filter") == "all" {
		return p.write(w, r, run, 0)
	}
	return p.write(w, r, run, run.Attempt)
}

// listOfAttempt serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs.
func (p *page) listOfAttempt(w http.ResponseWriter, r *http.Request) error {
	run, at, err := rest.PathAttempt(r, p.store)
	if err != nil {
		return err
	}
	return p.write(w, r, run, at.Number)
}

// write lists the jobs of an attempt, of all for 0. The row that holds what
// is wrong with a workflow file is a check run and no job.
func (p *page) write(w http.ResponseWriter, r *http.Request, run *actions.Run, attempt int) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	jobs, total, err := p.store.RunJobs(r.Context(), run.ID, attempt, l.Page)
	if err != nil {
		return err
	}
	ids := make([]int64, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	steps, err := p.store.StepsOf(r.Context(), ids)
	if err != nil {
		return err
	}
	answer := struct {
		Total int        `json:"total_count"`
		Jobs  []*jobJSON `json:"jobs"`
	}{total, make([]*jobJSON, len(jobs))}
	for i, j := range jobs {
		answer.Jobs[i] = newJob(c, run, j, steps[j.ID])
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// job finds the job of the path.
func (p *page) job(r *http.Request) (*actions.Job, error) {
	id, err := httpjson.PathID(r, "job_id")
	if err != nil {
		return nil, err
	}
	j, err := p.store.RepoJob(r.Context(), rest.CallOf(r).Repo.ID, id)
	if err != nil {
		return nil, err
	}
	if j.Key == "" {
		return nil, rest.ErrNotFound
	}
	return j, nil
}

// get serves GET /repos/{owner}/{repo}/actions/jobs/{job_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	j, err := p.job(r)
	if err != nil {
		return err
	}
	run, err := p.store.Run(r.Context(), j.RunID)
	if err != nil {
		return err
	}
	steps, err := p.store.Steps(r.Context(), j.ID)
	if err != nil {
		return err
	}
	if err := p.sayHeld(w, r, run, j); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, newJob(rest.CallOf(r), run, j, steps))
}

// sayHeld says in a header why a job waits for a reason that is set for its repository or
// for runner groups: nothing in the body does. Runners and their groups are none of the
// repository's data, so the answer is not remembered while the job waits for a runner.
func (p *page) sayHeld(w http.ResponseWriter, r *http.Request, run *actions.Run, j *actions.Job) error {
	if !j.Ready() {
		return nil
	}
	call, now := rest.CallOf(r), p.now()
	call.GoodUntil(now)
	c, err := p.groups.Candidates(r.Context(), call.Repo, run)
	if err != nil {
		return err
	}
	if j.Held(c, now) {
		w.Header().Set(rest.NoticeHeader, j.WaitsFor(c, now))
	}
	return nil
}

// downloadLog serves GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs.
func (p *page) downloadLog(w http.ResponseWriter, r *http.Request) error {
	j, err := p.job(r)
	if err != nil {
		return err
	}
	if err := p.logs.Available(r.Context(), j); err != nil {
		return err
	}
	to, err := p.logURL(rest.CallOf(r).Base.HTML, j)
	return rest.Redirect(w, to, err)
}
