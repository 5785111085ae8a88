package actions

// A Status says how far a run, attempt, job or step is. The texts are GitHub's.
type Status string

// The statuses. Only Completed is final.
const (
	Requested  Status = "requested"   // a run whose jobs are not made yet
	Queued     Status = "queued"      // waits for a runner
	Waiting    Status = "waiting"     // waits for a person or a deployment rule
	Pending    Status = "pending"     // waits for its concurrency group, or a step for its turn
	InProgress Status = "in_progress" // a runner executes it
	Completed  Status = "completed"   // over; the conclusion says how
)

// A Conclusion says how something ended. It is empty until Status is Completed.
type Conclusion string

// The conclusions. The texts are GitHub's.
const (
	Success        Conclusion = "success"
	Failure        Conclusion = "failure"
	Cancelled      Conclusion = "cancelled"
	Skipped        Conclusion = "skipped"
	TimedOut       Conclusion = "timed_out"
	Neutral        Conclusion = "neutral"
	ActionRequired Conclusion = "action_required"
	Stale          Conclusion = "stale"
	StartupFailure Conclusion = "startup_failure" // the run never got as far as a job
)

// Statuses are all statuses, in the order of a life.
func Statuses() []Status {
	return []Status{Requested, Queued, Waiting, Pending, InProgress, Completed}
}

// Conclusions are all conclusions.
func Conclusions() []Conclusion {
	return []Conclusion{Success, Failure, Cancelled, Skipped, TimedOut, Neutral, ActionRequired, Stale, StartupFailure}
}
