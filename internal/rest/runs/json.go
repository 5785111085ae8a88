package runs

import (
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

type runJSON struct {
	ID                  int64                    `json:"id"`
	Name                string                   `json:"name"`
	NodeID              string                   `json:"node_id"`
	HeadBranch          *string                  `json:"head_branch"`
	HeadSHA             string                   `json:"head_sha"`
	Path                string                   `json:"path"`
	DisplayTitle        string                   `json:"display_title"`
	RunNumber           int64                    `json:"run_number"`
	Event               string                   `json:"event"`
	Status              string                   `json:"status"`
	Conclusion          *string                  `json:"conclusion"`
	WorkflowID          int64                    `json:"workflow_id"`
	CheckSuiteID        int64                    `json:"check_suite_id"`
	CheckSuiteNodeID    string                   `json:"check_suite_node_id"`
	URL                 string                   `json:"url"`
	HTMLURL             string                   `json:"html_url"`
	PullRequests        []struct{}               `json:"pull_requests"`
	CreatedAt           string                   `json:"created_at"`
	UpdatedAt           string                   `json:"updated_at"`
	Actor               *shape.SimpleUser        `json:"actor"`
	RunAttempt          int                      `json:"run_attempt"`
	ReferencedWorkflows []struct{}               `json:"referenced_workflows"`
	RunStartedAt        string                   `json:"run_started_at"`
	TriggeringActor     *shape.SimpleUser        `json:"triggering_actor"`
	JobsURL             string                   `json:"jobs_url"`
	LogsURL             string                   `json:"logs_url"`
	CheckSuiteURL       string                   `json:"check_suite_url"`
	ArtifactsURL        string                   `json:"artifacts_url"`
	CancelURL           string                   `json:"cancel_url"`
	RerunURL            string                   `json:"rerun_url"`
	PreviousAttemptURL  *string                  `json:"previous_attempt_url"`
	WorkflowURL         string                   `json:"workflow_url"`
	HeadCommit          *shape.SimpleCommit      `json:"head_commit"`
	Repository          *shape.MinimalRepository `json:"repository"`
	HeadRepository      *shape.MinimalRepository `json:"head_repository"`
}

// newRun is the run at its current attempt. All runs of a list share repo.
// The check suite of a run has the run's id.
func newRun(c *rest.Call, run *actions.Run, repo *shape.MinimalRepository) *runJSON {
	url := c.RunURL(run.ID)
	v := &runJSON{
		ID:                  run.ID,
		Name:                run.Name,
		NodeID:              shape.NodeID("WorkflowRun", run.ID),
		HeadBranch:          shape.Null(run.HeadBranch),
		HeadSHA:             run.HeadSHA,
		Path:                run.Path,
		DisplayTitle:        run.Title,
		RunNumber:           run.Number,
		Event:               run.Event,
		Status:              string(run.Status),
		Conclusion:          shape.Null(string(run.Conclusion)),
		WorkflowID:          run.WorkflowID,
		CheckSuiteID:        run.ID,
		CheckSuiteNodeID:    shape.NodeID("CheckSuite", run.ID),
		URL:                 url,
		HTMLURL:             c.RunHTML(run.ID),
		PullRequests:        []struct{}{},
		CreatedAt:           shape.Time(run.CreatedAt),
		UpdatedAt:           shape.Time(run.UpdatedAt),
		Actor:               shape.NewSimpleUser(c.Base, &run.Actor),
		RunAttempt:          run.Attempt,
		ReferencedWorkflows: []struct{}{},
		RunStartedAt:        shape.Time(run.StartedAt),
		TriggeringActor:     shape.NewSimpleUser(c.Base, &run.Triggering),
		JobsURL:             url + "/jobs",
		LogsURL:             url + "/logs",
		CheckSuiteURL:       c.SuiteURL(run.ID),
		ArtifactsURL:        url + "/artifacts",
		CancelURL:           url + "/cancel",
		RerunURL:            url + "/rerun",
		PreviousAttemptURL:  previousAttempt(url, run.Attempt),
		WorkflowURL:         c.WorkflowURL(run.WorkflowID),
		HeadCommit:          shape.NewSimpleCommit(&run.HeadCommit),
		Repository:          repo,
		HeadRepository:      repo,
	}
	return v
}

// newAttempt is the run as it was, or is, at one of its attempts.
func newAttempt(c *rest.Call, run *actions.Run, at *actions.Attempt) *runJSON {
	v := newRun(c, run, shape.NewMinimalRepository(c.Base, c.Repo))
	part := "/attempts/" + strconv.Itoa(at.Number)
	v.RunAttempt = at.Number
	v.Status = string(at.Status)
	v.Conclusion = shape.Null(string(at.Conclusion))
	v.TriggeringActor = shape.NewSimpleUser(c.Base, &at.Triggering)
	v.RunStartedAt = shape.Time(at.StartedAt)
	if !at.CompletedAt.IsZero() {
		v.UpdatedAt = shape.Time(at.CompletedAt)
	}
	v.HTMLURL += part
	v.JobsURL = v.URL + part + "/jobs"
	v.LogsURL = v.URL + part + "/logs"
	v.PreviousAttemptURL = previousAttempt(v.URL, at.Number)
	return v
}

func previousAttempt(runURL string, number int) *string {
	if number < 2 {
		return nil
	}
	return shape.Null(runURL + "/attempts/" + strconv.Itoa(number-1))
}
