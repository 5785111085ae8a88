package runners

import (
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/token"
)

// A runner that has no row here was deleted, which is remembered, or the data does not
// know it: older data was put back, or that of another server. The first is told to
// delete its configuration. The second is not, since its data may come back: GitHub's
// runner goes on trying while it polls, and ends without deleting anything when it
// begins.

// noRunner is why there is no runner for a token that is good: Gone for one that was
// deleted, else Unauthorized.
func (s *Runners) noRunner(ctx context.Context, t token.Runner) error {
	deleted, err := s.store.RunnerDeleted(ctx, t.ClientID)
	switch {
	case err != nil:
		return err
	case deleted:
		return actions.Errorf(actions.Gone, "runner %d is not registered any more", t.ID)
	}
	s.unknown.tell(ctx, "runner", t.ID, "client", t.ClientID)
	return actions.Errorf(actions.Unauthorized, "the data of this server does not know runner %d with the client id %s", t.ID, t.ClientID)
}

// noClient is why there is no runner with a client id: it was deleted, or it is not
// known. Both are NotFound.
func (s *Runners) noClient(ctx context.Context, clientID string) error {
	deleted, err := s.store.RunnerDeleted(ctx, clientID)
	switch {
	case err != nil:
		return err
	case deleted:
		return actions.Errorf(actions.NotFound, "the runner with the client id %s was deleted", clientID)
	}
	s.unknown.tell(ctx, "client", clientID)
	return actions.Errorf(actions.NotFound, "the data of this server does not know a runner with the client id %s", clientID)
}

// An unknown says in the log which runners the data does not know, once a minute: they
// come again and again, and anybody may say to be one.
type unknown struct {
	log   *slog.Logger
	now   func() time.Time
	calls saying
}

func (u *unknown) tell(ctx context.Context, which ...any) {
	if calls, tell := u.calls.again(u.now()); tell {
		u.log.WarnContext(ctx, "a runner calls that the data of this server does not know: was older data put back?", append(which, "calls", calls)...)
	}
}
