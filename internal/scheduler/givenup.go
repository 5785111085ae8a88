package scheduler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/outage"
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
	silent := outage.Span{From: j.LockedUntil.Add(-s.lease), To: s.now()}
	if silent.From.Before(j.StartedAt) {
		silent.From = j.StartedAt
	}
	if silent.Length() < min(renewEvery, s.lease/2) {
		return fmt.Sprintf("The runner %s reported this job as cancelled, but nobody had cancelled it.", j.RunnerName)
	}
	why := ""
	_, servers := s.store.Rank() // others were there
	if away := s.outages.Between(silent.From, silent.To); len(away) > 0 && servers == 1 {
		silent = slices.MaxFunc(away, func(a, b outage.Span) int { return cmp.Compare(a.Length(), b.Length()) })
		why = ", which was away"
	}
	return fmt.Sprintf("The runner %s could not reach the server%s %s, so it gave this job up. Nobody had cancelled it.", j.RunnerName, why, silent)
}
