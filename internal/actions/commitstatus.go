package actions

import (
	"cmp"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// A CommitState is what a tool says of a commit, in GitHub's words.
type CommitState string

// The states of commits.
const (
	StateError   CommitState = "error"
	StateFailure CommitState = "failure"
	StatePending CommitState = "pending"
	StateSuccess CommitState = "success"
)

// A CommitStatus is what a tool says of a commit. A later one with the same context takes
// its place.
type CommitStatus struct {
	ID          int64
	RepoID      int64
	SHA         string
	Context     string // which tool, or which part of it: "ci/build"
	State       CommitState
	Description string
	TargetURL   string
	Creator     Account
	CreatedAt   time.Time
}

const (
	statusResource = "Status"
	maxStatusText  = 140 // characters of a description
	maxContext     = 255
	maxStatusURL   = 4096 // bytes
)

// Check fills in what may be missing, and refuses what cannot be.
func (s *CommitStatus) Check() error {
	s.Context = cmp.Or(strings.TrimSpace(s.Context), "default")
	switch s.State {
	case StateError, StateFailure, StatePending, StateSuccess:
	case "":
		return &FieldError{Resource: statusResource, Field: "state", Code: MissingField, err: Errorf(Invalid, "state is missing")}
	default:
		return InField(statusResource, "state", Errorf(Invalid, "state is not included in the list"))
	}
	if utf8.RuneCountInString(s.Description) > maxStatusText {
		return InField(statusResource, "description", Errorf(Invalid, "description is too long (maximum is %d characters)", maxStatusText))
	}
	if utf8.RuneCountInString(s.Context) > maxContext {
		return InField(statusResource, "context", Errorf(Invalid, "context is too long (maximum is %d characters)", maxContext))
	}
	if s.TargetURL == "" {
		return nil
	}
	if u, err := url.Parse(s.TargetURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s.TargetURL) > maxStatusURL {
		return InField(statusResource, "target_url", Errorf(Invalid, "target_url must use http(s) scheme"))
	}
	return nil
}

// Combined is what statuses, the newest of each context, say together: failure where one
// is an error or a failure, success where all are, else pending.
func Combined(list []*CommitStatus) CommitState {
	all := StateSuccess
	for _, s := range list {
		switch s.State {
		case StateError, StateFailure:
			return StateFailure
		case StatePending:
			all = StatePending
		case StateSuccess:
		}
	}
	if len(list) == 0 {
		return StatePending
	}
	return all
}

// A CheckResult is how one check of a commit stands: a status by its context, or a check
// run by its name.
type CheckResult struct {
	Name       string
	FromStatus bool       // a status, not a check run
	App        int64      // that it belongs to
	Status     Status     // Completed once there is a conclusion
	Conclusion Conclusion // of a status: success or failure
}

// Passed says whether the check lets a commit through where it is required.
func (r *CheckResult) Passed() bool {
	return r.Status == Completed && (r.Conclusion == Success || r.Conclusion == Skipped || r.Conclusion == Neutral)
}

// Result is how the status stands as a check.
func (s *CommitStatus) Result() CheckResult {
	r := CheckResult{Name: s.Context, FromStatus: true, App: AppOf(&s.Creator), Status: Completed}
	switch s.State {
	case StatePending:
		r.Status = InProgress
	case StateSuccess:
		r.Conclusion = Success
	case StateError, StateFailure:
		r.Conclusion = Failure
	}
	return r
}
