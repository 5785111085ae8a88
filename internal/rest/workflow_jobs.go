package rest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

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

func (c *call) jobJSON(run *actions.Run, j *actions.Job, steps []*actions.Step) *jobJSON {
	repo := c.base.API + "/repos/" + c.repo.FullName()
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
		RunURL:       c.runURL(j.RunID),
		RunAttempt:   j.Attempt,
		NodeID:       shape.NodeID("CheckRun", j.ID),
		HeadSHA:      run.HeadSHA,
		URL:          repo + "/actions/jobs/" + id,
		HTMLURL:      c.runHTML(j.RunID) + "/job/" + id,
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
		group, groupName := int64(actions.DefaultGroupID), actions.DefaultGroup
		v.RunnerID, v.RunnerName, v.RunnerGroupID, v.RunnerGroupName = &j.RunnerID, &j.RunnerName, &group, &groupName
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

// listRunJobs serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs.
func (a *API) listRunJobs(w http.ResponseWriter, r *http.Request) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("filter") == "all" {
		return a.writeJobs(w, r, run, 0)
	}
	return a.writeJobs(w, r, run, run.Attempt)
}

// listAttemptJobs serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs.
func (a *API) listAttemptJobs(w http.ResponseWriter, r *http.Request) error {
	run, at, err := a.attempt(r)
	if err != nil {
		return err
	}
	return a.writeJobs(w, r, run, at.Number)
}

// writeJobs lists the jobs of an attempt, of all for 0. The row that holds what
// is wrong with a workflow file is a check run and no job.
func (a *API) writeJobs(w http.ResponseWriter, r *http.Request, run *actions.Run, attempt int) error {
	c, l := callOf(r), listingOf(r)
	jobs, err := a.Store.Jobs(r.Context(), run.ID, attempt)
	if err != nil {
		return err
	}
	steps, err := a.Store.RunSteps(r.Context(), run.ID, attempt)
	if err != nil {
		return err
	}
	byJob := make(map[int64][]*actions.Step, len(jobs))
	for _, s := range steps {
		byJob[s.JobID] = append(byJob[s.JobID], s)
	}
	jobs = slices.DeleteFunc(jobs, func(j *actions.Job) bool { return j.Key == "" })
	answer := struct {
		Total int        `json:"total_count"`
		Jobs  []*jobJSON `json:"jobs"`
	}{len(jobs), []*jobJSON{}}
	for _, j := range slice(jobs, l.page) {
		answer.Jobs = append(answer.Jobs, c.jobJSON(run, j, byJob[j.ID]))
	}
	l.link(w, r, len(jobs))
	return httpjson.Write(w, http.StatusOK, answer)
}

// job finds the job of the path.
func (a *API) job(r *http.Request) (*actions.Job, error) {
	id, err := httpjson.PathID(r, "job_id")
	if err != nil {
		return nil, err
	}
	j, err := a.Store.RepoJob(r.Context(), callOf(r).repo.ID, id)
	if err != nil {
		return nil, err
	}
	if j.Key == "" {
		return nil, errNotFound
	}
	return j, nil
}

// getJob serves GET /repos/{owner}/{repo}/actions/jobs/{job_id}.
func (a *API) getJob(w http.ResponseWriter, r *http.Request) error {
	j, err := a.job(r)
	if err != nil {
		return err
	}
	run, err := a.Store.Run(r.Context(), j.RunID)
	if err != nil {
		return err
	}
	steps, err := a.Store.Steps(r.Context(), j.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, callOf(r).jobJSON(run, j, steps))
}
