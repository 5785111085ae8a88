package actions

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of environments.
const (
	maxEnvironmentName = 255
	maxReviewers       = 6
	maxWaitTimer       = 43_200 // minutes: 30 days
)

// A BranchPolicy says which branches and tags may deploy to an environment.
type BranchPolicy string

// The branch policies.
const (
	AnyBranch         BranchPolicy = ""
	ProtectedBranches BranchPolicy = "protected"
	CustomBranches    BranchPolicy = "custom" // those that fit a pattern
)

// A ReviewerType is what kind of reviewer somebody is, in GitHub's words.
type ReviewerType string

// The types of reviewers.
const (
	UserReviewer ReviewerType = "User"
	TeamReviewer ReviewerType = "Team"
)

// A Reviewer is who may let jobs deploy to an environment.
type Reviewer struct {
	Type ReviewerType
	ID   int64 // of the account
}

// An Environment is what the jobs of a repository deploy to. It has secrets and
// variables of its own, and rules for the jobs that get them.
type Environment struct {
	ID     int64
	RepoID int64
	Name   string // compared without case: see [EnvironmentKey]

	WaitTimer         int // minutes that a job waits before it starts
	Reviewers         []Reviewer
	PreventSelfReview bool // who started a run does not review it; only with Reviewers
	Branches          BranchPolicy
	AdminsBypass      bool // admins may start a job in spite of the rules

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Protected says whether the environment has a rule. Its jobs wait, then.
func (e *Environment) Protected() bool {
	return e.WaitTimer > 0 || len(e.Reviewers) > 0 || e.Branches != AnyBranch
}

// EnvironmentKey is what names of one environment have in common.
func EnvironmentKey(name string) string { return strings.ToLower(name) }

// CheckEnvironmentName says whether an environment can have that name.
func CheckEnvironmentName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return Errorf(Invalid, "Name can't be blank")
	case utf8.RuneCountInString(name) > maxEnvironmentName:
		return Errorf(Invalid, "Name is too long (maximum is %d characters)", maxEnvironmentName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return Errorf(Invalid, "Name contains characters that are not allowed")
	}
	return nil
}

// Check says whether the environment can be as it is. Whether its reviewers are there
// is not looked at.
func (e *Environment) Check() error {
	if err := CheckEnvironmentName(e.Name); err != nil {
		return err
	}
	switch {
	case e.WaitTimer < 0 || e.WaitTimer > maxWaitTimer:
		return Errorf(Invalid, "Wait timer must be between 0 and %d minutes", maxWaitTimer)
	case len(e.Reviewers) > maxReviewers:
		return Errorf(Invalid, "No more than %d reviewers can be added to an environment", maxReviewers)
	case e.PreventSelfReview && len(e.Reviewers) == 0:
		return Errorf(Invalid, "prevent_self_review needs reviewers")
	}
	return nil
}
