package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/store"
)

// Acquire gives the job to runner r and marks its run as in progress. When two
// runners ask for one job, one gets it and the other gets a Conflict, as does one
// that gets no further job. A job that
// is over, or that the runner may not take, is Invalid or NotFound, and so is a
// runner that was removed meanwhile, as an ephemeral one is after its job. prepare
// runs in the same transaction, with the job as it then is, as often as that is tried; its error leaves the job
// where it was.
func (q *Queue) Acquire(ctx context.Context, guid string, r *actions.Runner, prepare func(tx *store.Tx, job *actions.Job) error) (*actions.Job, error) {
	r, group, err := q.today(ctx, r)
	if err == nil {
		err = q.mayAcquire(ctx, guid, r)
	}
	if err != nil {
		return nil, fmt.Errorf("acquire: %w", err)
	}
	var (
		job     *actions.Job
		refused bool // by the group of the runner
	)
	err = q.store.Update(ctx, func(tx *store.Tx) error {
		asked, err := tx.Acquisition(ctx, guid, r.ID)
		if err != nil {
			return err
		}
		job, refused = asked.Job, false
		if job.Status == actions.Queued && asked.Registered {
			if err := admitted(asked, r, group); err != nil {
				refused = true
				return err
			}
		}
		if err := q.take(ctx, tx, asked, r, group); err != nil {
			return err
		}
		return prepare(tx, job)
	})
	if refused {
		q.giveBack(guid, r.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("acquire: %w", err)
	}
	q.mu.Lock()
	q.drop(guid)
	q.mu.Unlock()
	q.log.InfoContext(ctx, "job acquired", "job", job.ID, "run", job.RunID, "runner", r.ID)
	return job, nil
}

// mayAcquire is Invalid where a job that waits may not be handed to runner r any more.
func (q *Queue) mayAcquire(ctx context.Context, guid string, r *actions.Runner) error {
	q.mu.Lock()
	var w *store.Waiting
	if o := q.offers[guid]; o != nil {
		w = o.job
	}
	q.mu.Unlock()
	if w == nil { // another server has offered it, or the runner has it already
		var err error
		if w, err = q.store.WaitingByGUID(ctx, guid); err != nil {
			if actions.KindOf(err) == actions.NotFound {
				return nil // what it is, the transaction finds out
			}
			return err
		}
	}
	may, err := q.permitted(ctx, r.Scope, w)
	if err != nil || may {
		return err
	}
	q.giveBack(guid, r.ID)
	return actions.Errorf(actions.Invalid, "job %d is not handed to runner %s: the permissions of Actions in its repository do not allow it", w.ID, r.Name)
}

// giveBack offers a job to others that a runner was offered and may not have.
func (q *Queue) giveBack(guid string, runnerID int64) {
	q.mu.Lock()
	o := q.offers[guid]
	q.mu.Unlock()
	if o != nil {
		q.takeBack(&Message{Offer: o.job}, runnerID)
	}
}

// admitted is an error unless the group of the runner admits the job. The runner may have
// gone to another group since that was asked.
func admitted(asked *store.Acquisition, r *actions.Runner, group *actions.Access) error {
	switch job := asked.Job; {
	case !r.Serves(job.OwnerID, job.RepoID):
		return actions.Errorf(actions.NotFound, "runner %s does not serve the repository of job %d", r.Name, job.ID)
	case asked.GroupID != group.GroupID:
		return actions.Errorf(actions.Conflict, "runner %s has gone to another group", r.Name)
	case !group.Covers(job.Group):
		return actions.Errorf(actions.NotFound, "runner %s is not in the group %q", r.Name, job.Group)
	case !group.Admits(&asked.Work):
		return actions.Errorf(actions.Invalid, "job %d is not for runner %s: its group %s %s", job.ID, r.Name, group.Name, group.Refusal(&asked.Work))
	}
	return nil
}

// take gives the job to its runner, unless it has it already.
func (q *Queue) take(ctx context.Context, tx *store.Tx, asked *store.Acquisition, r *actions.Runner, group *actions.Access) error {
	job := asked.Job
	switch {
	case !asked.Registered:
		return actions.Errorf(actions.NotFound, "runner %s", r.Name)
	case asked.Held != 0 && asked.Held != job.ID:
		return actions.Errorf(actions.Conflict, "runner %s holds job %d", r.Name, asked.Held)
	}
	fresh := job.Status == actions.Queued
	if fresh && asked.Suspended { // it will be cancelled at once
		return actions.Errorf(actions.Invalid, "job %d is of an account that is suspended", job.ID)
	}
	if fresh && q.isRetired(r.ID) {
		return actions.Errorf(actions.Conflict, "runner %s gets no further job", r.Name)
	}
	if fresh && job.Environment != "" {
		if err := unprotected(ctx, tx, job); err != nil {
			return err
		}
	}
	in := *r
	in.GroupID, in.Group = group.GroupID, group.Name
	if err := job.Acquire(&in, q.now(), q.lease); err != nil {
		return err
	}
	if !fresh { // written as it is, so that it does not end before prepare has written
		_, err := tx.RenewJob(ctx, job.ID, job.LockedUntil)
		return err
	}
	if err := tx.UpdateJob(ctx, job); err != nil || asked.RunStatus == actions.InProgress {
		return err
	}
	began, err := tx.BeginRun(ctx, job, q.now())
	if err != nil || !began {
		return err
	}
	return tx.NoteRun(ctx, job.RunID, job.RepoID, event.RunInProgress, job.Attempt, event.MaxChain, q.now())
}

// ErrProtected is a Conflict: the environment of the job has had a rule since the job
// was offered.
var ErrProtected = actions.Errorf(actions.Conflict, "the environment of the job has protection rules")

// unprotected is nil if the environment of the job has no rules, whatever it had when
// the job was planned: whoever gets the job gets its secrets.
func unprotected(ctx context.Context, tx *store.Tx, job *actions.Job) error {
	e, err := tx.Environment(ctx, job.RepoID, job.Environment)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return nil // it was deleted, with its rules
	case err != nil:
		return err
	case e.Protected():
		return fmt.Errorf("job %d: %w", job.ID, ErrProtected)
	}
	return nil
}

// AfterEnd is how long a job that is over is still renewed (JOB-3): its runner may
// have sent one more renewal before it knew. It is longer than the minute between two
// renewals, so that a runner that did not report the end itself comes in this time, and
// then once more: see [scheduler.Scheduler.Renewed].
const AfterEnd = 90 * time.Second

// Renew lets the runner keep its job for another lease, whose end it returns. A
// job that is over is NotFound, which makes the runner stop it; but not at once
// (see [AfterEnd]), unless the job was cancelled. The renewal need not be on disk,
// since the runner comes again.
func (q *Queue) Renew(ctx context.Context, j *actions.Job) (time.Time, error) {
	if j.Status != actions.Completed {
		until, err := q.renew(ctx, j.ID)
		if actions.KindOf(err) != actions.NotFound {
			return until, err
		}
		if j, err = q.store.Job(ctx, j.ID); err != nil { // it has just ended
			return time.Time{}, err
		}
	}
	until := j.CompletedAt.Add(AfterEnd)
	cancelled := j.Conclusion == actions.Cancelled && !j.CancelAt.IsZero()
	if cancelled || !q.now().Before(until) {
		return time.Time{}, actions.Errorf(actions.NotFound, "job %d is completed", j.ID)
	}
	return until, nil
}

// renew renews a job in progress, from when it could be written. Another one is
// NotFound.
func (q *Queue) renew(ctx context.Context, id int64) (until time.Time, err error) {
	err = q.store.UpdateRowsRelaxed(ctx, func(tx *store.Tx) error {
		until = q.now().Add(q.lease)
		ok, err := tx.RenewJob(ctx, id, until)
		if err == nil && !ok {
			err = actions.Errorf(actions.NotFound, "job %d is not in progress", id)
		}
		return err
	})
	return until, err
}

// Cancel tells the runner that holds the job to stop it. Called after the
// commit that noted the cancellation; a runner that does not wait now, or waits at
// another server, finds it in the database.
func (q *Queue) Cancel(j *actions.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.told, j.ID)
	p := q.busy[j.RunnerID]
	if p == nil {
		return
	}
	if j.Status == actions.Completed {
		select {
		case p.ch <- &Message{Cancel: j}:
		default: // it is told already
		}
		return
	}
	p.wake()
}

// Forget drops what memory holds of a job that is over.
func (q *Queue) Forget(j *actions.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.told, j.ID)
	q.drop(j.GUID)
}

// drop ends the offer of a job that no longer waits. A runner whose read of the
// database began before that must not be offered the job, so the job is
// remembered for as long as such a read may take. The caller holds mu.
func (q *Queue) drop(guid string) {
	delete(q.offers, guid)
	now := q.now()
	for len(q.leaving) > 0 && now.Sub(q.leaving[0].at) > staleRead {
		delete(q.gone, q.leaving[0].guid)
		q.leaving = q.leaving[1:]
	}
	if !q.gone[guid] {
		q.gone[guid] = true
		q.leaving = append(q.leaving, departure{guid, now})
	}
}

// heldJob is the job that a busy runner has: the one in progress, or else one that was
// ended by force a short time ago, of which the runner may not have heard.
func (q *Queue) heldJob(ctx context.Context, r *actions.Runner) (*actions.Job, error) {
	j, err := q.store.RunnerJob(ctx, r.ID)
	if actions.KindOf(err) != actions.NotFound {
		return j, err
	}
	j, err = q.store.CancelledJob(ctx, r.ID)
	if err == nil && !q.now().Before(j.CompletedAt.Add(AfterEnd)) {
		return nil, actions.Errorf(actions.NotFound, "a job of runner %s", r.Name)
	}
	return j, err
}

// cancellation is the message that the job of a busy runner was cancelled, nil
// if it was not or the runner was told lately.
func (q *Queue) cancellation(ctx context.Context, r *actions.Runner) (*Message, error) {
	j, err := q.heldJob(ctx, r)
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	}
	if err != nil || j.CancelAt.IsZero() {
		return nil, err
	}
	if wait := settle - q.now().Sub(j.StartedAt); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, nil
		}
	}
	q.mu.Lock()
	told, ok := q.told[j.ID]
	q.mu.Unlock()
	if ok && q.now().Sub(told) < tellAgain {
		return nil, nil
	}
	return &Message{Cancel: j}, nil
}
