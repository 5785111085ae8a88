package actions

import (
	"slices"
	"strings"
	"time"
)

// A Job is the part of a run attempt that one runner executes from start to
// end. A matrix entry in the workflow file becomes one Job per combination. Its
// id is also the id of its check run.
type Job struct {
	ID      int64
	RunID   int64
	RepoID  int64
	OwnerID int64  // owner of the repository
	Attempt int    // 1 for the first attempt of the run
	GUID    string // by which the runner protocol knows the job

	Path   []string // keys of the jobs that call the workflow of this one, outermost first; none for a job of the run's own file
	Key    string   // the job's id in the workflow file; with Path and Index, which job of the attempt it is
	Index  int      // which combination of the matrix, from 0
	Total  int      // how many combinations; 1 without a matrix
	Matrix []byte   // JSON object of this combination; empty without a matrix
	Name   string   // as people see it: "test (1.26, linux)"

	Labels []string // runs-on; a runner must carry all of them
	Group  string   // runs-on group; empty for any
	Wait   Wait     // what is to happen before it is offered to runners

	Environment string // name of what it deploys to, as the workflow has it; empty for nothing

	ContinueOnError bool
	Timeout         time.Duration // from StartedAt; the server cancels the job then
	CancelTimeout   time.Duration // grace after a cancellation (CAN-4)

	Status     Status
	Conclusion Conclusion        // set exactly when Status is Completed
	Outputs    map[string]string // set when the runner completes the job

	RunnerID   int64 // 0 until a runner acquires the job; kept afterwards
	RunnerName string

	RunnerGroupID int64  // of the runner when it acquired the job; means nothing before
	RunnerGroup   string // name of that group

	CreatedAt   time.Time
	QueuedAt    time.Time // when runners could first have it; zero while it has a Wait, and for a job that none ever could
	StartedAt   time.Time // zero until a runner acquires the job
	CompletedAt time.Time // zero until Status is Completed
	LockedUntil time.Time // the runner must renew before; zero unless InProgress
	CancelAt    time.Time // when the job was told to cancel; zero if never
	StepOrder   int64     // change_order of the newest step update
}

// Running is Conflict unless a job of that status is in progress. A job keeps
// artifacts and caches until its end, with no grace: by then, others may know its
// token.
func Running(jobID int64, status Status) error {
	if status != InProgress {
		return Errorf(Conflict, "job %d is %s", jobID, status)
	}
	return nil
}

// ShowTime is how long after the end of a job its runner may still show what it had
// begun: late pieces of logs, states of steps, live lines. The server may have ended the
// job while the runner was at work.
const ShowTime = 2 * time.Minute

// MayShow is Conflict unless the job is in progress, or has ended within [ShowTime].
func (j *Job) MayShow(now time.Time) error {
	if j.Status == Completed && now.Sub(j.CompletedAt) <= ShowTime {
		return nil
	}
	return Running(j.ID, j.Status)
}

// Acquire gives the job to runner r until the lock ends. No other method
// starts a job. Whether the group of r may do it is not looked at: see [Access]. The
// runner that holds the job may ask again and gets the same answer, since the first may
// have been lost on the way.
func (j *Job) Acquire(r *Runner, now time.Time, lease time.Duration) error {
	switch {
	case j.Status == InProgress && j.RunnerID == r.ID:
		return nil
	case j.Status == Completed:
		return Errorf(Invalid, "job %d is completed", j.ID)
	case j.Wait != Wait{}:
		return Errorf(Conflict, "job %d waits for %s", j.ID, j.Wait)
	case j.Status != Queued:
		return Errorf(Conflict, "job %d is %s, not queued", j.ID, j.Status)
	case !r.Has(j.Labels):
		return Errorf(NotFound, "runner %s lacks a label of %v", r.Name, j.Labels)
	case !r.Serves(j.OwnerID, j.RepoID):
		return Errorf(NotFound, "runner %s does not serve the repository of job %d", r.Name, j.ID)
	}
	j.Status, j.RunnerID, j.RunnerName, j.StartedAt = InProgress, r.ID, r.Name, now
	j.RunnerGroupID, j.RunnerGroup = r.GroupID, r.Group
	j.LockedUntil = now.Add(lease)
	return nil
}

// Release lets runners have a job that has waited for something else.
func (j *Job) Release(now time.Time) { j.Wait, j.QueuedAt = Wait{}, now }

// Protect makes a job that no runner has wait for the rules of its environment.
func (j *Job) Protect() { j.Wait, j.QueuedAt = Wait{Protection, j.Environment}, time.Time{} }

// Complete ends the job. A job that is over keeps its first conclusion, and
// Complete says so by false.
func (j *Job) Complete(c Conclusion, now time.Time) bool {
	if j.Status == Completed {
		return false
	}
	j.Status, j.Conclusion, j.CompletedAt, j.Wait = Completed, c, now, Wait{}
	j.LockedUntil = time.Time{}
	return true
}

// Reported says that somebody reported the end of a job that a runner had. It is false
// for some that were, too: this server also ends jobs as failed, and as cancelled those
// that it was told to cancel.
func (j *Job) Reported() bool {
	if j.Status != Completed || j.RunnerID == 0 {
		return false
	}
	return j.Conclusion != Failure && (j.Conclusion != Cancelled || j.CancelAt.IsZero())
}

// LabelKey is the one text for what a runs-on asks for: its labels in lower
// case, sorted, without repeats, joined by commas, and its group, if it names one, on a
// line of its own. Labels hold neither (see [CheckLabel]).
func LabelKey(group string, labels []string) string {
	keys := make([]string, len(labels))
	for i, l := range labels {
		keys[i] = strings.ToLower(l)
	}
	slices.Sort(keys)
	key := strings.Join(slices.Compact(keys), ",")
	if group != "" {
		key += "\n" + strings.ToLower(group)
	}
	return key
}

// A Step is one entry of a job, as its runner reports it.
type Step struct {
	JobID       int64
	GUID        string // external_id; also names the step's log
	Number      int    // order within the job, from 1, with gaps
	Name        string
	Status      Status
	Conclusion  Conclusion
	StartedAt   time.Time
	CompletedAt time.Time
}

// A Level says how grave an annotation is, in the words of check runs.
type Level string

// The annotation levels.
const (
	LevelFailure Level = "failure"
	LevelWarning Level = "warning"
	LevelNotice  Level = "notice"
)

// An Annotation is a remark on a job that people see beside it.
type Annotation struct {
	ID          int64
	JobID       int64
	StepNumber  int    // 0 for the job itself
	Path        string // file in the repository, ".github" when there is none
	StartLine   int
	EndLine     int
	StartColumn int // 0 for unknown
	EndColumn   int
	Level       Level
	Title       string
	Message     string
}
