package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	fastEmpty  = time.Second      // an empty answer sooner than this is not a held poll
	maxMissed  = 30 * time.Second // between acquisitions that keep failing
	cancelNone = 5 * time.Minute  // for a cancellation that does not say
)

// Listen takes jobs until ctx is done, the registration ends, or an ephemeral
// runner has run its job. A server that does not know the runner, and does not say that
// it was deleted, ends it only where it begins: while it polls, it goes on asking. One
// whose server starts another where it ends does not wait for that. It returns nil in the last case and when ctx is done.
// A job that runs when ctx is done is finished first, see [Config.Drain].
func (r *Runner) Listen(ctx context.Context) error {
	release, err := lock(ctx, r.cfg.Root)
	if err != nil {
		return err
	}
	defer release()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if r.cfg.Isolation == User { // the engine limits those in containers
		defer r.closeGroups(ctx)
		if err := r.openGroups(); err != nil {
			return err
		}
	}
	defer func() {
		stop() // what is tried again and again ends here
		r.removals.wait()
	}()
	if r.cfg.Isolation == User {
		r.spare.refill()
		defer r.spare.close()
	}
	l := &listener{Runner: r}
	err = l.run(ctx)
	switch {
	case errors.Is(err, ErrRemoved), errors.Is(err, ErrUnknown) && r.cfg.OrphanAfter > 0:
		return errors.Join(err, removeConfig(r.cfg.Root))
	case errors.Is(err, errJobDone):
		return removeConfig(r.cfg.Root)
	case ctx.Err() != nil:
		return nil
	}
	return err
}

// errJobDone ends a listener that takes one job only.
var errJobDone = errors.New("the job of an ephemeral runner is done")

// errShutdown ends a listener whose server asked for it.
var errShutdown = errors.New("the server shut this runner down")

// final reports whether the runner cannot go on after err.
func (r *Runner) final(err error) bool {
	return errors.Is(err, ErrRemoved) || errors.Is(err, errShutdown) ||
		brokerKind(err) == wire.RunnerNotFound || brokerKind(err) == wire.RunnerVersionTooOld
}

// A listener is the state of one Listen: a session, and a job while there is
// one.
type listener struct {
	*Runner
	session string
	job     *job
	missed  backoff // between offers that could not be acquired
}

func (l *listener) run(ctx context.Context) (err error) {
	if l.session, err = l.openSession(ctx); err != nil {
		return removed(err)
	}
	defer func() {
		if l.session != "" {
			l.closeSession(ctx)
		}
	}()
	err = removed(l.listen(ctx))
	if l.job == nil {
		return err
	}
	l.job.finish(ctx, l.cfg.Drain) // ctx is done, or the runner is gone: its job ends in order
	if errors.Is(err, ErrRemoved) && l.job.acquired && bool(l.settings.Ephemeral) {
		return errJobDone // the server forgets such a runner with its job, which a poll may hear first
	}
	return err
}

// removed makes a broker's "not found" an ErrRemoved.
func removed(err error) error {
	if brokerKind(err) == wire.RunnerNotFound {
		return fmt.Errorf("%w: %w", ErrRemoved, err)
	}
	return err
}

func (l *listener) listen(ctx context.Context) error {
	var trouble, quiet backoff
	for ctx.Err() == nil {
		if err := l.settle(ctx); err != nil {
			return err
		}
		if err := l.waitForRoom(ctx); err != nil {
			return err
		}
		if err := l.orphaned(); err != nil {
			return err
		}
		started := l.cfg.Now()
		m, err := l.pollOnce(ctx)
		switch {
		case ctx.Err() != nil:
		case err == nil && m != nil:
			trouble.reset()
			quiet.reset()
			if err := l.settle(ctx); err != nil { // the job may have ended in the meantime
				return err
			}
			if err := l.take(ctx, m); err != nil {
				return err
			}
		case l.over(): // which is why there is no message
		case err != nil:
			if err := l.recover(ctx, err, &trouble); err != nil {
				return err
			}
		case l.cfg.Now().Sub(started) < fastEmpty: // a server that holds no polls, or is draining
			if err := quiet.wait(ctx); err != nil {
				return err
			}
		default:
			trouble.reset()
			quiet.reset()
		}
	}
	return context.Cause(ctx)
}

// settle forgets a job that has ended. A young job gets a little time before
// the poll that says Busy, which a short job does not need at all.
func (l *listener) settle(ctx context.Context) error {
	if l.job == nil {
		return nil
	}
	if !l.job.polled {
		l.job.polled = true
		t := time.NewTimer(l.timing.busyPoll)
		defer t.Stop()
		select {
		case <-l.job.done:
		case <-ctx.Done():
		case <-t.C:
		}
	}
	if !l.over() {
		return nil
	}
	j := l.job
	l.job = nil
	switch {
	case j.acquired && bool(l.settings.Ephemeral):
		return errJobDone
	case j.acquired:
		l.missed.reset()
		return nil
	case j.err != nil && l.final(j.err):
		return j.err
	}
	if l.missed.limit == 0 {
		l.missed.limit = maxMissed
		return nil // the first miss costs nothing
	}
	return l.missed.wait(ctx)
}

// over reports whether the job has ended.
func (l *listener) over() bool {
	if l.job == nil {
		return false
	}
	select {
	case <-l.job.done:
		return true
	default:
		return false
	}
}

// pollOnce polls once with the current status, and ends the poll when the status
// changes.
func (l *listener) pollOnce(ctx context.Context) (*wire.Message, error) {
	if l.job == nil {
		return l.poll(ctx, l.session, wire.StatusOnline)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := l.job.done
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-done:
			cancel()
		case <-stop:
		}
	}()
	return l.poll(ctx, l.session, wire.StatusBusy)
}

// recover makes the best of a failed poll.
func (l *listener) recover(ctx context.Context, err error, trouble *backoff) error {
	switch {
	case brokerKind(err) == wire.RunnerSessionInvalid:
		l.cfg.Log.InfoContext(ctx, "session has ended, opening another")
		session, err := l.openSession(ctx)
		if err != nil {
			return err
		}
		l.session = session
		return nil
	case l.final(err), errors.Is(err, ErrUnknown) && l.cfg.OrphanAfter > 0:
		return err
	}
	if trouble.next == 0 {
		l.cfg.Log.WarnContext(ctx, "cannot poll, will go on trying", "err", err)
	}
	return trouble.after(ctx, err)
}

// take acts on a message.
func (l *listener) take(ctx context.Context, m *wire.Message) error {
	switch m.MessageType {
	case wire.RunnerJobRequestType:
		var req wire.RunnerJobRequest
		if err := json.Unmarshal([]byte(m.Body), &req); err != nil || req.RunServiceURL == "" {
			l.cfg.Log.WarnContext(ctx, "unreadable job request", "err", err)
			return nil
		}
		if l.job != nil { // it will be offered again
			l.cfg.Log.WarnContext(ctx, "job request while a job runs", "request", req.RunnerRequestID)
			return nil
		}
		if _, ok := l.room(); !ok { // it was there when this poll began
			return nil
		}
		l.job = l.start(ctx, l.session, &req)
	case wire.JobCancellationType:
		c := wire.JobCancellation{Timeout: wire.Duration(cancelNone)}
		if err := json.Unmarshal([]byte(m.Body), &c); err != nil {
			l.cfg.Log.WarnContext(ctx, "unreadable cancellation", "err", err)
			return nil
		}
		if l.job != nil {
			l.job.cancel(c.JobID, time.Duration(c.Timeout))
		}
	case wire.RunnerShutdownType:
		return errShutdown
	case wire.ForceTokenRefresh:
		l.tokens.drop()
	default: // updates above all: a bundled runner is as new as its server
		l.cfg.Log.InfoContext(ctx, "message ignored", "type", m.MessageType)
	}
	return nil
}
