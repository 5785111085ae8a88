package server

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

// defaultRunners is how many runners a server has that only its operator uses.
const defaultRunners = 2

// A bundle says which runners the server starts.
type bundle struct {
	count     int
	isolation runner.Isolation
	limits    runner.Limits // of each job
	// guarded says that there are runners only while nobody but the operator can
	// have code run here: nobody has said that the code of others may.
	guarded bool
	choice  string // the flags that say so
	asked   bool   // the operator has said how many
	refusal string // why there are none, in spite of what was asked for
	exposed error  // why the isolation is none although nobody has asked for that
}

// planBundle decides which runners to start. The code of others runs only where
// the operator has asked for runners, and either it is kept from the rest of the
// machine or the operator has written down that it is not.
func (s *Server) planBundle(ctx context.Context) (bundle, error) {
	b := bundle{count: s.config.Runners}
	b.asked = b.count >= 0
	if !b.asked {
		b.count, b.choice = defaultRunners, fmt.Sprintf("--runners %d", defaultRunners)
	}
	if b.count == 0 {
		return b, nil
	}
	if err := s.isolate(ctx, &b); err != nil {
		return b, err
	}
	if b.exposed != nil {
		b.choice = fmt.Sprintf("--runners %d --isolation none", b.count)
	}
	b.guarded = b.choice != ""
	if !b.guarded {
		return b, nil
	}
	who, err := s.others(ctx)
	if who != "" {
		b.count, b.refusal = 0, b.explain(who)
	}
	return b, err
}

// isolate decides what keeps jobs from the rest of the machine: what was asked for,
// or else a sandbox where that works.
func (s *Server) isolate(ctx context.Context, b *bundle) error {
	b.isolation = s.config.Isolation
	switch b.isolation.Kind() {
	case runner.None:
		return s.limit(b)
	case runner.Container: // the image is a matter of the runners, which may have to pull it
		if err := container.Answers(ctx, s.config.ContainerEngine, s.runnerEnv()); err != nil {
			return fmt.Errorf("--isolation container does not work here: %w", err)
		}
		return s.limit(b)
	case runner.User:
	}
	err := sandbox.ErrUnsupported
	if s.deps.TrySandbox != nil {
		err = s.deps.TrySandbox(ctx, s.config.JobUID, s.config.Data)
	}
	switch {
	case err == nil:
		b.isolation = runner.User
	case b.isolation == runner.User:
		return fmt.Errorf("--isolation user does not work here: %w", err)
	default:
		b.isolation, b.exposed = runner.None, err
	}
	return s.limit(b)
}

// limit decides what each job may use. Runners decide the same by the same flags.
func (s *Server) limit(b *bundle) (err error) {
	b.limits, err = runner.SettleLimits(b.isolation, b.exposed, s.config.jobLimits())
	return err
}

// explain says why there are no bundled runners, and what an operator can choose.
func (b *bundle) explain(who string) string {
	text := who + ": bundled runners take no jobs. Give the server " + b.choice + " to have them all the same"
	if b.exposed != nil {
		text += fmt.Sprintf(", their jobs as processes of the server's own user (--isolation user does not work here: %v)", b.exposed)
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
	if b.exposed != nil {
		return fmt.Sprintf("%d, isolation none: user does not work here (%v)", b.count, b.exposed)
	}
	text := fmt.Sprintf("%d, isolation %s", b.count, b.isolation)
	if limits := b.limits.String(); limits != "" {
		text += ", each job with at most " + limits
	}
	return text
}
