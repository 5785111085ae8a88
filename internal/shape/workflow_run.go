package shape

import (
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A WorkflowRun is a run at one of its attempts.
type WorkflowRun struct {
	ID                  int64              `json:"id"`
	Name                string             `json:"name"`
	NodeID              string             `json:"node_id"`
	HeadBranch          *string            `json:"head_branch"`
	HeadSHA             string             `json:"head_sha"`
	Path                string             `json:"path"`
	DisplayTitle        string             `json:"display_title"`
	RunNumber           int64              `json:"run_number"`
	Event               string             `json:"event"`
	Status              string             `json:"status"`
	Conclusion          *string            `json:"conclusion"`
	WorkflowID          int64              `json:"workflow_id"`
	CheckSuiteID        int64              `json:"check_suite_id"`
	CheckSuiteNodeID    string             `json:"check_suite_node_id"`
	URL                 string             `json:"url"`
	HTMLURL             string             `json:"html_url"`
	PullRequests        []*MinimalPull     `json:"pull_requests"` // open ones of its branch
	CreatedAt           string             `json:"created_at"`
	UpdatedAt           string             `json:"updated_at"`
	Actor               *SimpleUser        `json:"actor"`
	RunAttempt          int                `json:"run_attempt"`
	ReferencedWorkflows []struct{}         `json:"referenced_workflows"`
	RunStartedAt        string             `json:"run_started_at"`
	TriggeringActor     *SimpleUser        `json:"triggering_actor"`
	JobsURL             string             `json:"jobs_url"`
	LogsURL             string             `json:"logs_url"`
	CheckSuiteURL       string             `json:"check_suite_url"`
	ArtifactsURL        string             `json:"artifacts_url"`
	CancelURL           string             `json:"cancel_url"`
	RerunURL            string             `json:"rerun_url"`
	PreviousAttemptURL  *string            `json:"previous_attempt_url"`
	WorkflowURL         string             `json:"workflow_url"`
	HeadCommit          *SimpleCommit      `json:"head_commit"`
	Repository          *MinimalRepository `json:"repository"`
	HeadRepository      *MinimalRepository `json:"head_repository"`
}

// NewWorkflowRun is the object for a run at its current attempt. All runs of a list share
// repo. The check suite of a run has the run's id.
func NewWorkflowRun(b Base, run *actions.Run, repo *MinimalRepository) *WorkflowRun {
	id := strconv.FormatInt(run.ID, 10)
	url := repo.URL + "/actions/runs/" + id
	return &WorkflowRun{
		ID:                  run.ID,
		Name:                run.Name,
		NodeID:              NodeID("WorkflowRun", run.ID),
		HeadBranch:          Null(run.HeadBranch),
		HeadSHA:             run.HeadSHA,
		Path:                run.Path,
		DisplayTitle:        run.Title,
		RunNumber:           run.Number,
		Event:               run.Event,
		Status:              string(run.Status),
		Conclusion:          Null(string(run.Conclusion)),
		WorkflowID:          run.WorkflowID,
		CheckSuiteID:        run.ID,
		CheckSuiteNodeID:    NodeID("CheckSuite", run.ID),
		URL:                 url,
		HTMLURL:             repo.HTMLURL + "/actions/runs/" + id,
		PullRequests:        []*MinimalPull{},
		CreatedAt:           Time(run.CreatedAt),
		UpdatedAt:           Time(run.UpdatedAt),
		Actor:               NewSimpleUser(b, &run.Actor),
		RunAttempt:          run.Attempt,
		ReferencedWorkflows: []struct{}{},
		RunStartedAt:        Time(run.StartedAt),
		TriggeringActor:     NewSimpleUser(b, &run.Triggering),
		JobsURL:             url + "/jobs",
		LogsURL:             url + "/logs",
		CheckSuiteURL:       repo.URL + "/check-suites/" + id,
		ArtifactsURL:        url + "/artifacts",
		CancelURL:           url + "/cancel",
		RerunURL:            url + "/rerun",
		PreviousAttemptURL:  previousAttempt(url, run.Attempt),
		WorkflowURL:         repo.URL + "/actions/workflows/" + strconv.FormatInt(run.WorkflowID, 10),
		HeadCommit:          NewSimpleCommit(&run.HeadCommit),
		Repository:          repo,
		HeadRepository:      repo,
	}
}

// At is the object for the run as it was, or is, at one of its attempts.
func (v *WorkflowRun) At(b Base, at *actions.Attempt) *WorkflowRun {
	part := "/attempts/" + strconv.Itoa(at.Number)
	v.RunAttempt = at.Number
	v.Status = string(at.Status)
	v.Conclusion = Null(string(at.Conclusion))
	v.TriggeringActor = NewSimpleUser(b, &at.Triggering)
	v.RunStartedAt = Time(at.StartedAt)
	if !at.CompletedAt.IsZero() {
		v.UpdatedAt = Time(at.CompletedAt)
	}
	v.JobsURL = v.URL + part + "/jobs"
	v.LogsURL = v.URL + part + "/logs"
	v.PreviousAttemptURL = previousAttempt(v.URL, at.Number)
	return v
}

func previousAttempt(runURL string, number int) *string {
	if number < 2 {
		return nil
	}
	return Null(runURL + "/attempts/" + strconv.Itoa(number-1))
}
