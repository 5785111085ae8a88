package web

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// A requiredRow is a required check that has not passed.
type requiredRow struct {
	Name string
	Mark mark
}

var standMarks = map[actions.CheckStand]mark{
	actions.CheckExpected: {"queued", "Expected"},
	actions.CheckPending:  {"running", "Pending"},
	actions.CheckFailing:  {"failure", "Failing"},
}

// addProtection says what the base of a pull request requires, and whether the caller may
// pass by it.
func (s *Site) addProtection(ctx context.Context, p *pullPage, c *auth.Caller, repo *actions.Repository, is *actions.Pull, state string) error {
	if state != "blocked" && state != "behind" && state != "unstable" && state != "clean" {
		return nil
	}
	st, err := s.protect.State(ctx, repo, is)
	if err != nil || st.Rules == nil {
		return err
	}
	for _, r := range st.Required {
		if r.Stand != actions.CheckPassed {
			p.Required = append(p.Required, requiredRow{clipped(r.Context, maxShownName), standMarks[r.Stand]})
		}
	}
	if st.Rules.Checks != nil {
		for i := range p.Checks {
			p.Checks[i].Required = st.Rules.Checks.Has(p.Checks[i].name, p.Checks[i].app)
		}
	}
	if state != "blocked" && state != "behind" {
		return nil
	}
	if state == "blocked" {
		p.Why = "Merging is blocked: " + st.Blocked
	}
	admin, err := s.auth.May(ctx, c, auth.Target{Repo: repo}, auth.Administer)
	p.Override = admin && !st.Rules.Admins
	return err
}
