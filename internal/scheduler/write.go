package scheduler

import (
	"context"
	"errors"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/store"
)

// errMoved means that the run, or a job in the draft, is not any more what the
// draft was made from.
var errMoved = errors.New("the run has moved on")

// write writes the draft, if the run is still what the draft was made from.
// It evaluates nothing and reads next to nothing, since others wait for it. All that it
// depends on is in rows that it writes ([store.Store.UpdateRows]): the run's revision,
// and the jobs that change, of which it also reads the steps, which nobody writes
// without the job.
func (d *draft) write(ctx context.Context, tx *store.Tx) error {
	if err := moved(tx.ReviseRun(ctx, d.run)); err != nil {
		return err
	}
	if err := d.writeAttempt(ctx, tx); err != nil {
		return err
	}
	tx.After(func() { d.run.Revision++ })
	return d.writeRows(ctx, tx)
}

// writeAttempt writes what changes of the attempt, and of the run with it. It
// never sets them to in progress: package queue does when a job is acquired.
func (d *draft) writeAttempt(ctx context.Context, tx *store.Tx) error {
	var err error
	switch {
	case d.reruns:
		err = tx.CreateAttempt(ctx, d.attempt)
	case d.begins || d.ends:
		err = tx.UpdateAttempt(ctx, d.attempt)
	case d.asked:
		return tx.CancelAttempt(ctx, d.attempt)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.UpdateRun(ctx, d.run); err != nil || !d.ends {
		return err
	}
	return d.note(ctx, tx, event.RunCompleted)
}

// note records that the run got on, for workflows that wait for that (TRG-10).
func (d *draft) note(ctx context.Context, tx *store.Tx, action string) error {
	return tx.NoteRun(ctx, d.run.ID, d.run.RepoID, action, d.attempt.Number, event.MaxChain, d.now)
}

// moved is the error of a conditional statement that changed no row.
func moved(ok bool, err error) error {
	if err == nil && !ok {
		return errMoved
	}
	return err
}

// writeRows writes the jobs of the draft, and what is to follow the commit.
func (d *draft) writeRows(ctx context.Context, tx *store.Tx) error {
	var made []*actions.Job
	for _, r := range d.rows {
		if r.was != "" {
			continue
		}
		r.job.RunID, r.job.RepoID, r.job.OwnerID = d.run.ID, d.run.RepoID, d.repo.Owner.ID
		made = append(made, r.job)
	}
	if err := tx.CreateJobs(ctx, made); err != nil {
		return err
	}
	if err := d.addEnvironments(ctx, tx, made); err != nil {
		return err
	}
	for _, r := range d.rows {
		lost, err := d.writeRow(ctx, tx, r)
		if err != nil {
			return err
		}
		notes := r.notes
		if r.unknown {
			notes = append(slices.Clip(notes), unreported(withoutSteps))
			if err := auditUnreported(ctx, tx, d.repo, r.job, withoutSteps); err != nil {
				return err
			}
		}
		if lost > 0 {
			notes = append(slices.Clip(notes), missing("steps", lost))
		}
		for _, a := range notes {
			a.JobID = r.job.ID
			if err := tx.CreateAnnotation(ctx, a); err != nil {
				return err
			}
		}
	}
	tx.After(func() { d.committed(ctx) })
	return nil
}

// writeRow writes what changes of a job that was there, and says how many of the
// steps that its runner reported are not kept.
func (d *draft) writeRow(ctx context.Context, tx *store.Tx, r *row) (lost int, err error) {
	switch j := r.job; {
	case r.was == "":
		return 0, nil
	case j.Status == actions.Completed:
		return d.writeEnd(ctx, tx, r)
	case j.Status == actions.InProgress:
		return 0, moved(tx.TellJob(ctx, j))
	default:
		return 0, moved(tx.ReleaseJob(ctx, j))
	}
}

// writeEnd writes the end of a job: the job's tokens die with it, steps that
// still seem to run are closed, and a runner for one job is removed.
func (d *draft) writeEnd(ctx context.Context, tx *store.Tx, r *row) (lost int, err error) {
	j := r.job
	if err := moved(tx.EndJob(ctx, j, r.was, r.lease)); err != nil {
		return 0, err
	}
	if r.was != actions.InProgress {
		return 0, nil
	}
	if lost, err = steps.Finish(ctx, tx, j, r.steps); err != nil {
		return 0, err
	}
	if r.unknown, err = unknownSteps(ctx, tx, r); err != nil {
		return 0, err
	}
	if err := tx.CloseSteps(ctx, j); err != nil {
		return 0, err
	}
	if err := tx.DeleteJobTokens(ctx, j.ID); err != nil {
		return 0, err
	}
	return lost, tx.DeleteEphemeral(ctx, j.RunnerID)
}

// committed tells those who wait: runners of jobs that are ready, runners of
// jobs that are to stop, and the next one who changes the run.
func (d *draft) committed(ctx context.Context) {
	for _, r := range d.rows {
		if r.index >= 0 {
			d.jobs[r.index].ID = r.job.ID
		}
	}
	d.s.keep(&d.state)
	for _, r := range d.rows {
		d.tell(r)
	}
	if d.ends {
		d.s.log.InfoContext(ctx, "run completed", "repo", d.run.RepoID, "run", d.run.ID, "attempt", d.run.Attempt, "conclusion", d.run.Conclusion)
	}
}

// tell says what becomes of a job to those who wait for that.
func (d *draft) tell(r *row) {
	j := r.job
	if j.Ready() {
		d.s.queue.Wake(&store.Waiting{ID: j.ID, GUID: j.GUID, Group: j.Group, Labels: j.Labels, Work: actions.WorkOf(d.repo, d.run)})
	}
	if j.Status == actions.Queued && !j.Ready() {
		d.s.log.Debug("job waits", "run", j.RunID, "job", j.ID, "for", j.WaitsFor(actions.Candidates{}, d.now))
	}
	if r.tell {
		d.s.queue.Cancel(j)
	}
	if r.was != "" && j.Status == actions.Completed {
		d.s.queue.Forget(j)
	}
}
