package scheduler

import (
	"context"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A draft is the next state of a run while it is being computed: what has
// happened, and what the plan says is next. It is written when it is complete.
type draft struct {
	state
	s   *Scheduler
	now time.Time // in microseconds, as it is kept

	protected map[string]bool // keys of the environments that have a rule

	rows []*row         // that are new or change
	read map[int64]*row // all that were read, by id

	begins bool // the attempt gets its first jobs now
	reruns bool // the attempt itself is new
	asked  bool // somebody cancelled
	ends   bool // the attempt is over now
}

// A row is a job in a draft.
type row struct {
	job      *actions.Job
	was      actions.Status // in the store; empty for a new job
	lease    time.Time      // its lock must still be this one; zero if any will do
	notes    []*actions.Annotation
	steps    []*actions.Step // as its runner reports them in the end
	reported bool            // somebody reports its end
	unknown  bool            // it is said to have succeeded, and nobody has said that of its steps
	tell     bool            // its runner is to hear that it was cancelled
	index    int             // among the jobs of the state; -1 for a job of an older attempt
}

func (s *Scheduler) draft(st *state) *draft {
	d := &draft{state: *st, s: s, now: s.now().Truncate(time.Microsecond), read: make(map[int64]*row)}
	run, attempt := *st.run, *st.attempt
	d.run, d.attempt, d.jobs = &run, &attempt, slices.Clone(st.jobs)
	run.UpdatedAt = d.now
	if attempt.Status == actions.Requested {
		d.begin()
	}
	return d
}

// empty says whether the draft is the state that it was made from.
func (d *draft) empty() bool {
	return len(d.rows) == 0 && !d.begins && !d.reruns && !d.asked && !d.ends
}

// know spares the draft from reading a job that somebody has just read.
func (d *draft) know(j *actions.Job) (*row, error) {
	if r := d.read[j.ID]; r != nil {
		return r, nil
	}
	own := *j
	r := &row{job: &own, was: j.Status, index: slices.IndexFunc(d.jobs, func(k plan.Job) bool { return k.ID == j.ID })}
	switch {
	case r.index < 0 && j.Attempt == d.run.Attempt:
		return nil, errMoved
	case r.index >= 0:
		if k := d.jobs[r.index]; k.Wait != j.Wait || (k.Status == actions.Completed) != (j.Status == actions.Completed) {
			return nil, errMoved
		}
	}
	d.read[j.ID] = r
	return r, nil
}

// row returns a job of the run. One that is not as the state says has moved on.
func (d *draft) row(ctx context.Context, id int64) (*row, error) {
	if r := d.read[id]; r != nil {
		return r, nil
	}
	j, err := d.s.store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.know(j)
}

// change notes that a row is to be written, and tells the plan.
func (d *draft) change(r *row) {
	if !slices.Contains(d.rows, r) {
		d.rows = append(d.rows, r)
	}
	if r.index >= 0 {
		k, j := &d.jobs[r.index], r.job
		k.Status, k.Conclusion, k.Wait, k.Outputs, k.CompletedAt = j.Status, j.Conclusion, j.Wait, j.Outputs, j.CompletedAt
	}
}

// end concludes a job, unless it is over.
func (d *draft) end(r *row, c actions.Conclusion, notes ...*actions.Annotation) {
	if !r.job.Complete(c, d.now) {
		return
	}
	r.notes = append(r.notes, notes...)
	d.change(r)
}

// stop cancels one job. Without a runner, or with force, the job is over now;
// otherwise its runner is told, once.
func (d *draft) stop(r *row, force bool, notes ...*actions.Annotation) {
	if r.job.Status != actions.InProgress {
		d.end(r, actions.Cancelled, notes...)
		return
	}
	if r.job.CancelAt.IsZero() {
		r.job.CancelAt, r.tell = d.now, true
		r.notes = append(r.notes, notes...)
		d.change(r)
	}
	if force {
		r.tell = true
		d.end(r, actions.Cancelled)
	}
}

// advance does what the plan says is next, until nothing is: it queues and skips
// jobs, cancels what is to be cancelled, and concludes the attempt in the end.
func (d *draft) advance(ctx context.Context) error {
	if err := d.readProtection(ctx); err != nil {
		return err
	}
	for d.attempt.Status != actions.Completed {
		if d.source == nil {
			return d.abandon(ctx, d.broken)
		}
		next, err := plan.Next(d.plan())
		if err != nil {
			return d.abandon(ctx, err)
		}
		again, err := d.apply(ctx, next)
		if err != nil {
			return err
		}
		if next.Concluded {
			d.finish(next.Conclusion)
			if next.Error != "" { // why the run could not start
				d.check(noteAt(actions.LevelFailure, next.Error, d.run.Path, next.ErrorPos))
			}
			break
		}
		if !again {
			break
		}
	}
	if d.begins || d.reruns {
		d.warn()
	}
	return nil
}

// plan is the run as the plan sees it.
func (d *draft) plan() *plan.Run {
	if d.shared == nil {
		d.shared = (&contexts.Run{Run: d.run, Repo: d.repo, Source: d.source, Settings: d.settings, Base: d.source.Base}).Contexts()
	}
	return &plan.Run{
		Path: d.source.Workflow.Path, Files: d.source.Files, Contexts: d.shared, Jobs: d.jobs, Protected: d.protected,
		Cancelled: !d.attempt.CancelAt.IsZero(), Force: d.attempt.Forced,
	}
}

// abandon ends an attempt that cannot be planned, because this server cannot read
// its workflow any more. If this were an error instead, the run could never end.
func (d *draft) abandon(ctx context.Context, reason error) error {
	for _, known := range slices.Clone(d.jobs) {
		if known.Status == actions.Completed {
			continue
		}
		r, err := d.row(ctx, known.ID)
		if err != nil {
			return err
		}
		d.end(r, actions.Failure)
	}
	d.finish(actions.Failure)
	d.check(noteAt(actions.LevelFailure, "The workflow of this run cannot be read by this server: "+reason.Error(), d.run.Path, workflow.Pos{}))
	return nil
}

// apply does what the plan says. again means that a job ended by it, so the
// plan may have more to say.
func (d *draft) apply(ctx context.Context, next *plan.Decision) (again bool, err error) {
	for _, id := range next.Cancel {
		r, err := d.row(ctx, id)
		if err != nil {
			return false, err
		}
		before := d.jobs[r.index].Status
		d.stop(r, d.attempt.Forced)
		again = again || before != r.job.Status && r.job.Status == actions.Completed
	}
	for _, id := range next.Release {
		r, err := d.row(ctx, id)
		if err != nil {
			return false, err
		}
		r.job.Release(d.now)
		d.change(r)
	}
	for _, id := range next.Protect {
		r, err := d.row(ctx, id)
		if err != nil {
			return false, err
		}
		if r.job.Status == actions.Queued { // else a runner has it
			r.job.Protect()
			d.change(r)
		}
	}
	for i := range next.Create {
		j := d.create(&next.Create[i])
		again = again || j.Status == actions.Completed
	}
	return again, nil
}

// create makes a job that the plan asks for. Until it is written, its id is a
// negative number that the plan can tell from others.
func (d *draft) create(n *plan.NewJob) *actions.Job {
	j := &actions.Job{
		ID: -int64(len(d.jobs) + 1), Attempt: d.run.Attempt, GUID: d.s.newID(),
		Path: n.Path, Key: n.Key, Index: n.Index, Total: n.Total, Name: actions.Clip(n.Name, maxText), Labels: n.Labels,
		Group: actions.Clip(n.RunnerGroup, maxText), Wait: n.Wait, Environment: n.Environment,
		ContinueOnError: n.ContinueOnError, Timeout: time.Duration(n.TimeoutMinutes) * time.Minute,
		CancelTimeout: time.Duration(n.CancelTimeoutMinutes) * time.Minute, Status: n.Status, Conclusion: n.Conclusion, CreatedAt: d.now,
	}
	if n.Matrix != nil {
		j.Matrix = []byte(expr.ToJSON(n.Matrix))
	}
	switch {
	case j.Status == actions.Completed:
		j.CompletedAt = d.now
	case j.Ready():
		j.QueuedAt = d.now
	}
	d.jobs = append(d.jobs, plan.Job{
		ID: j.ID, Path: j.Path, Key: j.Key, Index: j.Index, Total: j.Total, Wait: j.Wait, Environment: j.Environment,
		Status: j.Status, Conclusion: j.Conclusion, ContinueOnError: j.ContinueOnError, CompletedAt: j.CompletedAt,
	})
	r := &row{job: j, index: len(d.jobs) - 1}
	if a := d.remark(n); a != nil {
		r.notes = append(r.notes, a)
	}
	d.read[j.ID] = r
	d.rows = append(d.rows, r)
	return j
}

// remark says of a new job why it failed before it began; nil if it did not.
func (d *draft) remark(n *plan.NewJob) *actions.Annotation {
	if n.Error == "" {
		return nil
	}
	return noteAt(actions.LevelFailure, n.Error, d.run.Path, n.ErrorPos)
}

// warn says beside the first job of an attempt, or beside the check run of a run
// without jobs, what of its workflow file has no effect.
func (d *draft) warn() {
	if d.source == nil || len(d.rows) == 0 {
		return
	}
	first := d.rows[len(d.rows)-1] // the check run, if there are no jobs
	if len(d.jobs) > 0 {
		first = d.read[d.jobs[0].ID]
	}
	first.notes = append(first.notes, warnings(d.source.Workflow)...)
}

// warnings are what a workflow file asks for in vain: what its events do not know
// (TRG-13), and what this server does not do. People who rely on concurrency groups
// must not find out by two deployments at once that there are none here.
func warnings(w *workflow.Workflow) []*actions.Annotation {
	var notes []*actions.Annotation
	for _, e := range w.Warnings {
		a := noteAt(actions.LevelWarning, e.Error(), w.Path, e.Pos)
		a.Title = "Part of the workflow file is ignored"
		notes = append(notes, a)
	}
	if w.Concurrency != nil || slices.ContainsFunc(w.Jobs, func(j *workflow.Job) bool { return j.Concurrency != nil }) {
		a := note(actions.LevelWarning, "This server does not act on 'concurrency': the run neither waits for others nor cancels them.")
		a.Path = w.Path
		notes = append(notes, a)
	}
	return notes
}

// finish concludes the attempt and the run.
func (d *draft) finish(c actions.Conclusion) {
	d.ends = true
	d.attempt.Status, d.attempt.Conclusion, d.attempt.CompletedAt = actions.Completed, c, d.now
	d.run.Status, d.run.Conclusion = actions.Completed, c
}

// check makes the check run of a workflow file whose run has no jobs. It
// carries annotations and is not listed among jobs, because its key is empty.
func (d *draft) check(notes ...*actions.Annotation) {
	d.rows = append(d.rows, &row{notes: notes, index: -1, job: &actions.Job{
		Attempt: d.run.Attempt, GUID: d.s.newID(), Total: 1, Name: d.run.Path,
		Status: actions.Completed, Conclusion: actions.Failure, CreatedAt: d.now, CompletedAt: d.now,
	}})
}
