package runnerapi

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

// acquireJob serves POST acquirejob (JOB-2): it gives the job to the runner and
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
	d, err := a.Assigner.Acquire(ctx, req.JobMessageID, runner, httpjson.Base(r))
	if err != nil {
		return err
	}
	a.Runners.GotJob(runner)
	return httpjson.Write(w, http.StatusOK, a.jobMessage(r, d))
}

// renewJob serves POST renewjob (JOB-3). 404 tells the runner to stop the job.
func (a *API) renewJob(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	if err != nil {
		return err
	}
	var req wire.RenewJobRequest
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	if err := sameJob(job, req.JobID); err != nil {
		return err
	}
	if job.Status == actions.Completed {
		if err := a.Scheduler.Renewed(r.Context(), job); err != nil {
			return err
		}
	}
	until, err := a.Queue.Renew(r.Context(), job)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.RenewJobResponse{LockedUntil: wire.At(until)})
}

// sameJob is an error if a body names another job than the token does.
func sameJob(job *actions.Job, guid string) error {
	if !strings.EqualFold(guid, job.GUID) {
		return actions.Errorf(actions.NotFound, "job %.60q is not the token's", guid)
	}
	return nil
}

// completeJob serves POST completejob (JOB-4). A completed job stays as it is.
func (a *API) completeJob(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	if err != nil {
		return err
	}
	var req wire.CompleteJobRequest
	if err := httpjson.Decode(r, &req, maxCompletion); err != nil {
		return err
	}
	if err := sameJob(job, req.JobID); err != nil {
		return err
	}
	res, err := result(&req)
	if err != nil {
		return err
	}
	ctx, cancel := detached(r)
	defer cancel()
	a.adviseOnHosts(ctx, job, res)
	a.keepSubjects(ctx, job, req.Subjects)
	if err := a.Scheduler.Complete(ctx, job, res); err != nil {
		return err
	}
	a.Logs.Conclude(ctx, job)
	return httpjson.Write(w, http.StatusOK, struct{}{})
}
