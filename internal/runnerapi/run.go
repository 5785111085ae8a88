package runnerapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// acquireJob serves POST acquirejob (§5.1): it gives the job to the runner and
// answers with the job message. The same runner may ask again, and gets the same.
func (a *API) acquireJob(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	var req wire.AcquireJobRequest
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	ctx, cancel := detached(r)
	defer cancel()
	as, err := a.assignment(ctx, strings.ToLower(req.JobMessageID))
	if actions.KindOf(err) == actions.Invalid {
		return a.refuse(ctx, as.job, err)
	}
	if err != nil {
		return err
	}
	as.job, err = a.Queue.Acquire(ctx, as.job.GUID, runner, func(tx *store.Tx) error { return a.saveToken(ctx, tx, as) })
	if err != nil {
		return err
	}
	msg, err := a.jobMessage(r, as)
	if err != nil {
		return a.refuse(ctx, as.job, err)
	}
	return httpjson.Write(w, http.StatusOK, msg)
}

// refuse fails a job that cannot be described to any runner: it must not come
// back for ever, and keep others from their turn.
func (a *API) refuse(ctx context.Context, job *actions.Job, reason error) error {
	if err := a.Scheduler.Fail(ctx, job.ID, "The job could not be prepared for a runner: "+text(reason)); err != nil {
		return err
	}
	return actions.Errorf(actions.Invalid, "job %d could not be prepared: %w", job.ID, reason)
}

// renewJob serves POST renewjob (§5.2). 404 tells the runner to stop the job.
func (a *API) renewJob(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	if err != nil {
		return err
	}
	until := job.CompletedAt
	if job.Status == actions.Completed {
		if a.Now().Sub(job.CompletedAt) > renewAfterEnd || forcedEnd(job) {
			return actions.Errorf(actions.NotFound, "job %d is completed", job.ID)
		}
	} else if until, err = a.Queue.Renew(r.Context(), job); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.RenewJobResponse{LockedUntil: wire.At(until)})
}

// completeJob serves POST completejob (§5.3). A job that is over stays as it is.
func (a *API) completeJob(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	if err != nil {
		return err
	}
	var req wire.CompleteJobRequest
	if err := httpjson.Decode(r, &req, maxCompletion); err != nil {
		return err
	}
	if !strings.EqualFold(req.JobID, job.GUID) {
		return actions.Errorf(actions.NotFound, "job %s is not the token's", req.JobID)
	}
	res, err := result(&req)
	if err != nil {
		return err
	}
	ctx, cancel := detached(r)
	defer cancel()
	if err := a.Scheduler.Complete(ctx, job.GUID, res); err != nil {
		return err
	}
	a.Logs.End(job.ID)
	return httpjson.Write(w, http.StatusOK, struct{}{})
}

// result is what a completion means, within limits.
func result(req *wire.CompleteJobRequest) (*scheduler.Result, error) {
	conclusion, err := conclusionOf(req.Conclusion)
	if err != nil {
		return nil, err
	}
	res := &scheduler.Result{Conclusion: conclusion, Outputs: outputs(req.Outputs)}
	if len(req.StepResults) > maxSteps {
		return nil, actions.Errorf(actions.Invalid, "%d steps are more than %d", len(req.StepResults), maxSteps)
	}
	for i := range req.StepResults {
		s := &req.StepResults[i]
		step, err := stepOf(s)
		if err != nil {
			return nil, err
		}
		res.Steps = append(res.Steps, step)
		for j := range s.Annotations {
			res.Annotations = append(res.Annotations, annotationOf(&s.Annotations[j], s.Number))
		}
	}
	for i := range req.Annotations {
		res.Annotations = append(res.Annotations, annotationOf(&req.Annotations[i], 0))
	}
	res.Annotations = res.Annotations[:min(len(res.Annotations), maxAnnotations)]
	return res, nil
}
