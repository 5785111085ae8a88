package wire

import "time"

// Names below the broker's base, which ends in a slash.
const (
	SessionPath     = "session"
	MessagePath     = "message"
	AcknowledgePath = "acknowledge"
)

// What a poll says of its runner, in the query parameter status.
const (
	StatusOnline = "Online"
	StatusBusy   = "Busy"
)

// A Session is the body of POST session and of its answer.
type Session struct {
	SessionID         string `json:"sessionId"`
	OwnerName         string `json:"ownerName"`
	Agent             Agent  `json:"agent"`
	UseFIPSEncryption bool   `json:"useFipsEncryption"`
}

// An Agent describes a runner in a [Session].
type Agent struct {
	ID            Int    `json:"id"`
	Name          string `json:"name"`
	Version       string `json:"version,omitempty"`
	OSDescription string `json:"osDescription,omitempty"`
	Ephemeral     *bool  `json:"ephemeral,omitempty"`
}

// Types of [Message].
const (
	RunnerJobRequestType = "RunnerJobRequest"
	JobCancellationType  = "JobCancellation"
	RunnerShutdownType   = "RunnerShutdown"
	ForceTokenRefresh    = "ForceTokenRefresh"
)

// A Message answers a poll. Body is JSON as text; its shape follows the type.
type Message struct {
	MessageID   Int    `json:"messageId"`
	MessageType string `json:"messageType"`
	Body        string `json:"body"`
}

// A RunnerJobRequest offers a job: the body of a [Message].
type RunnerJobRequest struct {
	ID                string `json:"id"`
	RunnerRequestID   string `json:"runner_request_id"`
	ShouldAcknowledge bool   `json:"should_acknowledge"`
	RunServiceURL     string `json:"run_service_url"`
	BillingOwnerID    string `json:"billing_owner_id"`
}

// A JobCancellation asks a runner to end its job within the timeout: the body
// of a [Message].
type JobCancellation struct {
	JobID   string   `json:"jobId"`
	Timeout Duration `json:"timeout"`
}

// KillAfter is how long after a [JobCancellation] with the timeout a runner kills the
// job: a little earlier, so that it may still clean up, and never within the first
// three quarters of a minute.
func KillAfter(timeout time.Duration) time.Duration {
	return max(timeout, time.Minute) - 15*time.Second
}

// An AcknowledgeRequest says that a [RunnerJobRequest] has arrived.
type AcknowledgeRequest struct {
	RunnerRequestID string `json:"runnerRequestId"`
}

// BrokerSource marks a [BrokerError]; a body without it is not one.
const BrokerSource = "actions-broker-listener"

// Kinds of [BrokerError] that runners act on.
const (
	RunnerNotFound         = "RunnerNotFound"         // the runner deletes its configuration
	RunnerVersionTooOld    = "RunnerVersionTooOld"    // it exits
	RunnerSessionInvalid   = "RunnerSessionInvalid"   // it makes a new session
	AcknowledgeJobNotFound = "AcknowledgeJobNotFound" // an ephemeral one exits
)

// A BrokerError is the body of a refusal by the broker. Runners look at it and
// not at the status.
type BrokerError struct {
	Source       string `json:"source"`
	ErrorKind    string `json:"errorKind"`
	StatusCode   int    `json:"statusCode"`
	ErrorMessage string `json:"errorMessage"`
}
