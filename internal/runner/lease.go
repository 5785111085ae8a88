package runner

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	minRenewal = 100 * time.Millisecond
	maxLease   = time.Hour // what a server may promise, in spite of clocks that differ
)

// A lease is our hold on a job, and the way to the server in its name. It lasts
// until the server says that the job is not ours, or has been silent too long.
type lease struct {
	job  *job
	msg  *wire.JobMessage
	base string
	auth string
	ids  wire.ResultsIDs

	// gone is done when the lease has ended, or the runner must leave: nothing
	// is repeated any more. Its cause says why.
	gone  context.Context
	leave context.CancelCauseFunc
}

func newLease(ctx context.Context, j *job, msg *wire.JobMessage) *lease {
	c := msg.Connection()
	l := &lease{
		job: j, msg: msg, base: c.URL, auth: "Bearer " + c.Token(),
		ids: wire.ResultsIDs{RunID: msg.Plan.PlanID, JobID: msg.JobID},
	}
	l.gone, l.leave = context.WithCancelCause(ctx)
	return l
}

// hold renews the job until ctx is done or the lease has ended.
func (l *lease) hold(ctx context.Context) {
	r := l.job.r
	deadline := r.cfg.Now().Add(r.timing.patience)
	var known time.Duration // the last length that an answer gave; 0 before
	for {
		until, err := l.renew(ctx, deadline.Sub(r.cfg.Now()))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.leave(err)
			l.job.lost(err)
			return
		}
		now := r.cfg.Now()
		left := min(until.Sub(now), maxLease)
		switch {
		case left > 0:
			known = left
		case known == 0: // not said, or by another clock
			left = 3 * r.cfg.RenewEvery
		} // else the answer was late: it is renewed at once
		deadline = now.Add(max(left, known) + r.timing.patience)
		if sleep(ctx, max(min(r.cfg.RenewEvery, left/3), minRenewal)) != nil {
			return
		}
	}
}

// renew renews once. It repeats for as long as the patience lasts.
func (l *lease) renew(ctx context.Context, patience time.Duration) (until time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var resp wire.RenewJobResponse
	req := wire.RenewJobRequest{PlanID: l.msg.Plan.PlanID, JobID: l.msg.JobID}
	err = retry(ctx, l.job.log(), wire.RenewJobPath, forRenewal, func(ctx context.Context) error {
		return l.run(ctx, wire.RenewJobPath, req, &resp)
	})
	return resp.LockedUntil.Time, err
}

// complete reports the end of the job, at least once, and again while the lease
// lasts.
func (l *lease) complete(ctx context.Context, req wire.CompleteJobRequest) error {
	return retry(l.gone, l.job.log(), wire.CompleteJobPath, forCompletion, func(context.Context) error {
		return l.run(ctx, wire.CompleteJobPath, req, nil)
	})
}

// run calls the run service. Only a refusal in its own form is final.
func (l *lease) run(ctx context.Context, name string, in, out any) error {
	err := l.job.r.http.do(ctx, call{method: http.MethodPost, url: join(l.base, name), auth: l.auth, in: in, out: out})
	return l.refusal(err)
}

// refusal makes err final exactly when it is the run service's own no.
func (*lease) refusal(err error) error {
	switch status := runServiceStatus(err); {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusUnauthorized:
		return err
	case status != 0:
		return forGood(err)
	case statusOf(err) == http.StatusNotFound || statusOf(err) == http.StatusForbidden:
		return errors.New(err.Error()) // a proxy's, while the server is away
	}
	return err
}

// post calls a service below base with the job's token.
func (l *lease) post(ctx context.Context, base, name string, in, out any) error {
	return l.job.r.http.do(ctx, call{method: http.MethodPost, url: join(base, name), auth: l.auth, in: in, out: out})
}
