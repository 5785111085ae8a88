package runners

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A SessionError says that a call was not made in the runner's session, so that
// the runner must open a new one.
type SessionError struct{ err error }

// Error says what is wrong with the session.
func (e *SessionError) Error() string { return e.err.Error() }

// Unwrap gives the error its kind: Malformed or Conflict.
func (e *SessionError) Unwrap() error { return e.err }

func otherSession(r *actions.Runner) error {
	return &SessionError{actions.Errorf(actions.Conflict, "runner %s has another session", r.Name)}
}

// Expired tells a runner that its session is over, and to open another.
func Expired(r *actions.Runner) error {
	return &SessionError{actions.Errorf(actions.Conflict, "the session of runner %s has expired", r.Name)}
}

// OpenSession begins the one session of a runner, in place of the one it had, and
// ends the poll of that. owner is what the process calls itself. While another
// owner's session is polled, this is a Conflict (SES-1).
func (s *Runners) OpenSession(ctx context.Context, r *actions.Runner, owner string) (*actions.Session, error) {
	if !s.pace.wait(ctx, r, s.pollTime) {
		return nil, errTooOften
	}
	now := s.now()
	owner = bounded(owner, maxOwner)
	session := &actions.Session{ID: s.newID(), RunnerID: r.ID, Owner: owner, CreatedAt: now, PolledAt: now}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		old, err := tx.RunnerSession(ctx, r.ID)
		if err == nil && old.Owner != owner && old.Live(now) {
			return actions.Errorf(actions.Conflict, "runner %s has a session of %s", r.Name, old.Owner)
		}
		if err != nil && actions.KindOf(err) != actions.NotFound {
			return err
		}
		if err := tx.SeeRunner(ctx, r, now); err != nil {
			return err
		}
		return tx.SaveSession(ctx, session)
	})
	if err != nil {
		return nil, err
	}
	s.release(r.ID)
	s.log.InfoContext(ctx, "runner connected", "runner", r.ID, "name", r.Name)
	return session, nil
}

// EndSession ends the session of a runner, if it has one. The runner shows as
// offline from then on.
func (s *Runners) EndSession(ctx context.Context, r *actions.Runner) error {
	if err := s.store.DeleteSession(ctx, r.ID); err != nil {
		return err
	}
	s.release(r.ID)
	s.seen(r, "", time.Time{})
	return nil
}

// useSession returns the runner's session if id is the one. A runner without a live
// one may go on with the id that it has: old ones know no other way out.
func (s *Runners) useSession(ctx context.Context, r *actions.Runner, id string) (*actions.Session, error) {
	if uuid.Validate(id) != nil {
		return nil, &SessionError{actions.Errorf(actions.Malformed, "sessionId is not a GUID")}
	}
	have, err := s.session(ctx, r.ID, id)
	now := s.now()
	switch {
	case actions.KindOf(err) == actions.NotFound:
	case err != nil:
		return nil, err
	case have.ID == id:
		return have, nil
	case have.Live(now):
		return nil, otherSession(r)
	}
	session := &actions.Session{ID: id, RunnerID: r.ID, Owner: r.Name, CreatedAt: now, PolledAt: now}
	return session, s.store.Update(ctx, func(tx *store.Tx) error { return tx.SaveSession(ctx, session) })
}

// session is the session of a runner. If it is the expected one, its time of the
// last poll may be out of date: polls come often and change nothing else.
func (s *Runners) session(ctx context.Context, runnerID int64, expected string) (*actions.Session, error) {
	revision := s.store.Revision(store.RunnerTopic(runnerID))
	read := func() (*actions.Session, error) { return s.store.RunnerSession(ctx, runnerID) }
	have, err := s.sessions.FindAt(runnerID, revision, read)
	if err != nil || have.ID == expected {
		return have, err
	}
	return read()
}

// Acknowledge gives a runner time to acquire the job it was offered (SES-4). A
// session that was taken over cannot do it any more. What is not offered is no
// error: it was acquired already, or offered before this server started, and
// acquiring it decides.
func (s *Runners) Acknowledge(ctx context.Context, r *actions.Runner, session, guid string) error {
	have, err := s.session(ctx, r.ID, session)
	switch {
	case actions.KindOf(err) == actions.NotFound, err == nil && have.ID != session:
		return otherSession(r)
	case err != nil:
		return err
	}
	if !s.queue.Acknowledge(r.ID, strings.ToLower(guid)) {
		s.log.DebugContext(ctx, "acknowledged what is not offered", "runner", r.ID)
	}
	return nil
}

// seen notes when a runner was heard of last. It need not be on disk.
func (s *Runners) seen(r *actions.Runner, session string, at time.Time) {
	s.store.Soon("runner "+strconv.FormatInt(r.ID, 10), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SeeRunner(ctx, r, at); err != nil {
			return err
		}
		return tx.TouchSession(ctx, session, at)
	})
}

const (
	maxWord  = 64  // bytes of what a runner says of itself
	maxOwner = 255 // bytes of the name that it gives its session
)

// bounded makes what a runner says of itself short, printable and UTF-8.
func bounded(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, s)
}
