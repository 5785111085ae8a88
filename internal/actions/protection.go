package actions

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A BranchProtection is what a branch requires before it moves. A branch that has one does not
// move back and is not deleted, unless it says so.
type BranchProtection struct {
	RepoID    int64
	Branch    string // short name
	Rules     ProtectionRules
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ProtectionRules are the rules of a protection, as they are kept.
type ProtectionRules struct {
	Checks *RequiredChecks `json:"checks,omitempty"` // nil for none

	Admins      bool `json:"admins,omitempty"`       // the rules hold for administrators, too
	Pull        bool `json:"pull,omitempty"`         // changes are made through a pull request
	Linear      bool `json:"linear,omitempty"`       // no merge commits
	ForcePushes bool `json:"force_pushes,omitempty"` // are allowed
	Deletions   bool `json:"deletions,omitempty"`    // are allowed
	Locked      bool `json:"locked,omitempty"`       // nobody changes it
}

// RequiredChecks are the checks that a commit must have passed.
type RequiredChecks struct {
	Strict bool            `json:"strict,omitempty"` // a pull request has all of its base
	Checks []RequiredCheck `json:"checks"`
}

// A RequiredCheck is one of them.
type RequiredCheck struct {
	Context string `json:"context"`       // name of a check run, or context of a status
	App     int64  `json:"app,omitempty"` // which must say so; 0 for any
}

const maxRequiredChecks = 200

// Check refuses rules that cannot be.
func (r *ProtectionRules) Check() error {
	if r.Checks != nil {
		if len(r.Checks.Checks) > maxRequiredChecks {
			return Errorf(Invalid, "a branch requires %d checks at most", maxRequiredChecks)
		}
		for _, c := range r.Checks.Checks {
			if strings.TrimSpace(c.Context) == "" || utf8.RuneCountInString(c.Context) > maxContext {
				return Errorf(Invalid, "context has 1 to %d characters", maxContext)
			}
		}
	}
	return nil
}

// Has says whether a check is required: by a name, and of an app.
func (r *RequiredChecks) Has(name string, app int64) bool {
	return r != nil && slices.ContainsFunc(r.Checks, func(c RequiredCheck) bool { return c.matches(name, app) })
}

func (c *RequiredCheck) matches(name string, app int64) bool {
	return c.Context == name && (c.App == 0 || c.App == app)
}

// A CheckStand is how a required check of a commit stands.
type CheckStand string

// How required checks stand, in GitHub's words.
const (
	CheckExpected CheckStand = "expected" // nobody has said anything
	CheckPending  CheckStand = "pending"
	CheckFailing  CheckStand = "failing"
	CheckPassed   CheckStand = "passed"
)

// Stand is how the check stands by the results of a commit: each of its name counts.
func (c *RequiredCheck) Stand(results []CheckResult) CheckStand {
	stand := CheckExpected
	for _, r := range results {
		switch {
		case !c.matches(r.Name, r.App):
		case r.Passed():
			if stand == CheckExpected {
				stand = CheckPassed
			}
		case r.Status == Completed:
			return CheckFailing
		default:
			stand = CheckPending
		}
	}
	return stand
}

// Refusal says, in GitHub's words, why a commit with such results is refused; empty where
// it is not.
func (r *RequiredChecks) Refusal(results []CheckResult) string {
	if r == nil {
		return ""
	}
	missing := map[CheckStand][]string{}
	n := 0
	for _, c := range r.Checks {
		if stand := c.Stand(results); stand != CheckPassed {
			missing[stand] = append(missing[stand], c.Context)
			n++
		}
	}
	var parts []string
	for _, stand := range []CheckStand{CheckExpected, CheckPending, CheckFailing} {
		list := missing[stand]
		switch {
		case len(list) == 0:
		case n == 1:
			return fmt.Sprintf("Required status check %q is %s.", list[0], stand)
		case len(list) == n:
			return fmt.Sprintf("%d of %d required status checks are %s.", n, len(r.Checks), stand)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", len(list), stand))
		}
	}
	if n == 0 {
		return ""
	}
	last := len(parts) - 1
	return fmt.Sprintf("%d of %d required status checks have not succeeded: %s and %s.", n, len(r.Checks), strings.Join(parts[:last], ", "), parts[last])
}
