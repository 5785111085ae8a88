package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// What a runner reports may say less than people must know. A runner that cannot renew
// its job gives it up and reports it as cancelled. One whose worker process was killed
// reports a failure and nothing else.

const workerGone = "The runner's worker process ended unexpectedly, and said nothing of how or why. " +
	"Perhaps it was killed: by somebody, or because the machine of runner %s had no memory left."

// renewEvery is how far apart GitHub's runner renews its job at the most, and then
// some. One that has not been heard of for longer has tried in vain.
const renewEvery = 70 * time.Second

// explained is a result with a conclusion that holds and a note where it needs one. A
// job that nobody cancelled was not cancelled: it failed, and the note says why.
func (s *Scheduler) explained(ctx context.Context, job *actions.Job, res *Result) (*Result, error) {
	switch {
	case res.Conclusion == actions.Cancelled && job.CancelAt.IsZero():
		now, err := s.store.Job(ctx, job.ID) // with the last renewal
		if err != nil {
			return nil, err
		}
		if !now.CancelAt.IsZero() {
			return res, nil
		}
		return res.failed(s.givenUp(now)), nil
	case res.silent():
		return res.failed(fmt.Sprintf(workerGone, job.RunnerName)), nil
	}
	return res, nil
}

// silent says whether the worker of a job that failed has said nothing of it at all.
func (r *Result) silent() bool {
	return r.Conclusion == actions.Failure && r.Steps == nil && len(r.Annotations) == 0
}

// failed is the result as a failure, with the reason before the other annotations.
func (r *Result) failed(reason string) *Result {
	k := *r
	k.Conclusion = actions.Failure
	k.Annotations = append([]*actions.Annotation{note(actions.LevelFailure, reason)}, r.Annotations...)
	return &k
}

// givenUp says why a runner gave a job up that nobody cancelled.
func (s *Scheduler) givenUp(j *actions.Job) string {
	last, now := j.LockedUntil.Add(-s.lease), s.now()
	if last.Before(j.StartedAt) {
		last = j.StartedAt
	}
	if now.Sub(last) < min(renewEvery, s.lease/2) {
		return fmt.Sprintf("The runner %s reported this job as cancelled, but nobody had cancelled it.", j.RunnerName)
	}
	return fmt.Sprintf("The runner %s could not reach the server from %s, so it gave this job up. Nobody had cancelled it.", j.RunnerName, span(last, now))
}

// span writes a time from when to when, with the day once if it is the same.
func span(from, to time.Time) string {
	from, to = from.UTC(), to.UTC()
	end := "15:04:05 MST"
	if from.YearDay() != to.YearDay() || from.Year() != to.Year() {
		end = "2006-01-02 15:04:05 MST"
	}
	return from.Format("2006-01-02 15:04:05") + " to " + to.Format(end)
}
