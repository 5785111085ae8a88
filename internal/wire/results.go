package wire

// Twirp prefixes, below the results endpoint.
const (
	ReceiverPrefix  = "twirp/results.services.receiver.Receiver/"
	StepsUpdatePath = "twirp/github.actions.results.api.v1.WorkflowStepUpdateService/WorkflowStepsUpdate"
)

// Methods below [ReceiverPrefix].
const (
	GetStepLogsURL       = "GetStepLogsSignedBlobURL"
	CreateStepLogs       = "CreateStepLogsMetadata"
	GetJobLogsURL        = "GetJobLogsSignedBlobURL"
	CreateJobLogs        = "CreateJobLogsMetadata"
	GetStepSummaryURL    = "GetStepSummarySignedBlobURL"
	CreateStepSummary    = "CreateStepSummaryMetadata"
	GetJobDiagnosticsURL = "GetJobDiagLogsSignedBlobURL"
)

// Types of the storage behind an upload URL. Azure makes clients speak as to an
// append or block blob of Azure; the other keeps them from adding its headers.
const (
	BlobStorageAzure       = "BLOB_STORAGE_TYPE_AZURE"
	BlobStorageUnspecified = "BLOB_STORAGE_TYPE_UNSPECIFIED"
)

// Queries that clients add to a signed URL, and the header of its kind.
const (
	CompAppendBlock = "comp=appendblock"
	SealQuery       = "seal=true"
	BlobTypeHeader  = "x-ms-blob-type"
	BlockBlob       = "BlockBlob"
	AppendBlob      = "AppendBlob"
)

// ResultsIDs name a job: every request of the receiver starts with them.
type ResultsIDs struct {
	RunID string `json:"workflow_run_backend_id"`     // the plan's id
	JobID string `json:"workflow_job_run_backend_id"` // the job's id
}

// A BlobURLRequest asks for a URL to upload a log or a summary to. StepID is empty
// in the methods of jobs.
type BlobURLRequest struct {
	ResultsIDs
	StepID string `json:"step_backend_id,omitempty"`
}

// A LogsURLResponse gives a URL to upload a piece of a log to.
type LogsURLResponse struct {
	LogsURL         string    `json:"logs_url"`
	BlobStorageType string    `json:"blob_storage_type"`
	SoftSizeLimit   IntString `json:"soft_size_limit,omitzero"`
}

// A SummaryURLResponse gives a URL to upload a step summary to.
type SummaryURLResponse struct {
	SummaryURL      string    `json:"summary_url"`
	BlobStorageType string    `json:"blob_storage_type"`
	SoftSizeLimit   IntString `json:"soft_size_limit"`
}

// A DiagnosticsURLResponse gives a URL to upload a zip of the runner's own logs to.
type DiagnosticsURLResponse struct {
	DiagLogsURL     string `json:"diag_logs_url"`
	BlobStorageType string `json:"blob_storage_type"`
}

// A LogsMetadata says that a log is complete. StepID is empty for a job's log.
type LogsMetadata struct {
	ResultsIDs
	StepID     string `json:"step_backend_id,omitempty"`
	UploadedAt Time   `json:"uploaded_at"`
	LineCount  Int    `json:"line_count"`
}

// A SummaryMetadata says that a step summary is complete.
type SummaryMetadata struct {
	ResultsIDs
	StepID     string `json:"step_backend_id"`
	Size       Int    `json:"size"`
	UploadedAt Time   `json:"uploaded_at"`
}

// An OKResponse answers metadata and updates; anything but true is a failure.
type OKResponse struct {
	OK bool `json:"ok"`
}

// A StepStatus is how far a step is.
type StepStatus int

// Values of [StepStatus].
const (
	StepUnknown    StepStatus = 0
	StepInProgress StepStatus = 3
	StepPending    StepStatus = 5
	StepCompleted  StepStatus = 6
)

// A StepConclusion is how a step ended.
type StepConclusion int

// Values of [StepConclusion].
const (
	StepConclusionUnknown StepConclusion = 0
	StepSuccess           StepConclusion = 2
	StepFailure           StepConclusion = 3
	StepCancelled         StepConclusion = 4
	StepSkipped           StepConclusion = 7
)

// A StepsUpdateRequest carries the steps that changed since the last one.
// Lower numbers of ChangeOrder than seen before are old news.
type StepsUpdateRequest struct {
	Steps       []StepUpdate `json:"steps"`
	ChangeOrder Int          `json:"change_order"`
	ResultsIDs
}

// A StepUpdate is the state of one step. CompletedAt and Conclusion are more to
// be trusted than Status, which clients number differently.
type StepUpdate struct {
	ExternalID  string         `json:"external_id"`
	Number      int            `json:"number"`
	Name        string         `json:"name"`
	Status      StepStatus     `json:"status"`
	StartedAt   Time           `json:"started_at"`
	CompletedAt Time           `json:"completed_at"`
	Conclusion  StepConclusion `json:"conclusion"`
}

// A TwirpError is the body of a refusal by a Twirp service.
type TwirpError struct {
	Code string            `json:"code"`
	Msg  string            `json:"msg"`
	Meta map[string]string `json:"meta,omitempty"`
}
