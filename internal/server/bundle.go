package server

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/runner"
)

// defaultRunners is how many runners a server has that only its operator uses.
const defaultRunners = 2

// A bundle says which runners the server starts.
type bundle struct {
	count     int
	isolation runner.Isolation
	// guarded says that there are runners only while nobody but the operator can
	// have code run here: nobody has said that the code of others may.
	guarded bool
	choice  string // the flags that say so
	asked   bool   // the operator has said how many
	refusal string // why there are none, in spite of what was asked for
}

// planBundle decides which runners to start. The code of others runs only where
// the operator has asked for runners, and either it is kept from the rest of the
// machine or the operator has written down that it is not.
func (s *Server) planBundle(ctx context.Context) (bundle, error) {
	b := bundle{count: s.config.Runners, isolation: s.config.Isolation}
	b.asked = b.count >= 0
	if !b.asked {
		b.count, b.choice = defaultRunners, fmt.Sprintf("--runners %d", defaultRunners)
	}
	if b.isolation == "" {
		b.isolation = runner.None
		b.choice = fmt.Sprintf("--runners %d --isolation none", max(b.count, 1))
	}
	b.guarded = b.choice != "" && b.count > 0
	if !b.guarded {
		return b, nil
	}
	who, err := s.others(ctx)
	if who != "" {
		b.count, b.refusal = 0, b.explain(who)
	}
	return b, err
}

// explain says why there are no bundled runners, and what an operator can choose.
func (b *bundle) explain(who string) string {
	text := who + ": bundled runners take no jobs. Give the server " + b.choice + " to have them all the same"
	if b.isolation == runner.None {
		text += ", their jobs as processes of the server's own user on this machine"
	}
	return text + ", or register runners elsewhere."
}

// String says which runners there are, for the operator.
func (b *bundle) String() string {
	switch {
	case b.refusal != "":
		return "none: " + b.refusal
	case b.count == 0:
		return "none"
	}
	return fmt.Sprintf("%d, isolation %s", b.count, b.isolation)
}
