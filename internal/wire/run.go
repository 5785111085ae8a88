package wire

// Names below the run service's base, which ends in a slash.
const (
	AcquireJobPath  = "acquirejob"
	RenewJobPath    = "renewjob"
	CompleteJobPath = "completejob"
)

// An AcquireJobRequest takes the job that a [RunnerJobRequest] offered. The
// answer is a [JobMessage].
type AcquireJobRequest struct {
	JobMessageID   string `json:"jobMessageId"`
	RunnerOS       string `json:"runnerOS,omitempty"`
	BillingOwnerID string `json:"billingOwnerId,omitempty"`
}

// A RenewJobRequest holds a job for another while.
type RenewJobRequest struct {
	PlanID string `json:"planId"`
	JobID  string `json:"jobId"`
}

// A RenewJobResponse says for how long.
type RenewJobResponse struct {
	LockedUntil Time `json:"lockedUntil"`
}

// Conclusions of jobs and steps as runners report them.
const (
	Succeeded           = "succeeded"
	SucceededWithIssues = "succeededWithIssues"
	Failed              = "failed"
	Canceled            = "canceled"
	Skipped             = "skipped"
	Abandoned           = "abandoned"
)

// Completed is the status of a [StepResult] that has ended.
const Completed = "completed"

// A CompleteJobRequest reports the end of a job. Its step results are the
// final word on every step.
type CompleteJobRequest struct {
	PlanID                 string              `json:"planId"`
	JobID                  string              `json:"jobId"`
	Conclusion             string              `json:"conclusion"`
	Outputs                map[string]Variable `json:"outputs,omitempty"`
	StepResults            []StepResult        `json:"stepResults,omitempty"`
	Annotations            []Annotation        `json:"annotations,omitempty"`
	Telemetry              []Telemetry         `json:"telemetry,omitempty"`
	EnvironmentURL         string              `json:"environmentUrl,omitempty"`
	BillingOwnerID         string              `json:"billingOwnerId,omitempty"`
	InfrastructureCategory string              `json:"infrastructureFailureCategory,omitempty"`

	Subjects []Subject `json:"declaredArtifacts,omitempty"` // what steps declared in GITHUB_ARTIFACTS; the bundled runner says so
}

// A Subject is something that a job has made, by name and digest.
type Subject struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // "sha256:" and so on, in hexadecimal digits
	Kind   string `json:"kind"`   // "file" or "oci"
}

// A Variable is a value that may be secret: a job variable or an output.
type Variable struct {
	Value    string `json:"value"`
	IsSecret bool   `json:"isSecret,omitempty"`
}

// Types of [StepResult] besides node20, node24 and their like.
const (
	StepRun       = "run"
	StepDocker    = "docker"
	StepComposite = "composite"
	StepRunner    = "runner" // made by the runner itself: "Set up job"
)

// A StepResult is the end of one step.
type StepResult struct {
	ExternalID  string       `json:"external_id"`
	Number      int          `json:"number"`
	Name        string       `json:"name"`
	ActionName  string       `json:"action_name,omitempty"`
	Ref         string       `json:"ref,omitempty"`
	Type        string       `json:"type,omitempty"`
	Status      string       `json:"status"`
	Conclusion  string       `json:"conclusion,omitempty"`
	StartedAt   Time         `json:"started_at,omitzero"`
	CompletedAt Time         `json:"completed_at,omitzero"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// Levels of [Annotation]; one client writes them in upper case.
const (
	LevelFailure = "failure"
	LevelWarning = "warning"
	LevelNotice  = "notice"
)

// An Annotation is a message about a line of a file, or about a line of the
// log when it has no path.
type Annotation struct {
	Level                 string `json:"level"`
	Message               string `json:"message"`
	Title                 string `json:"title,omitempty"`
	RawDetails            string `json:"rawDetails,omitempty"`
	Path                  string `json:"path,omitempty"`
	IsInfrastructureIssue bool   `json:"isInfrastructureIssue,omitempty"`
	StartLine             Int    `json:"startLine,omitempty"`
	EndLine               Int    `json:"endLine,omitempty"`
	StartColumn           Int    `json:"startColumn,omitempty"`
	EndColumn             Int    `json:"endColumn,omitempty"`
	StepNumber            Int    `json:"stepNumber,omitempty"`
}

// Telemetry is a remark of the runner about itself. It may be dropped.
type Telemetry struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// RunServiceSource marks a [RunServiceError]; a body without it is not one.
const RunServiceSource = "actions-run-service"

// A RunServiceError is the body of a refusal by the run service. Runners look
// at its status code and not at that of the response.
type RunServiceError struct {
	Source       string `json:"source"`
	StatusCode   int    `json:"statusCode"`
	ErrorMessage string `json:"errorMessage"`
}
