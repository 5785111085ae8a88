package permissions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// ran pushes a workflow and has a runner end one of its jobs, with a log.
func (d *desk) ran() (run *actions.Run, j *actions.Job) {
	d.Helper()
	d.pushHello("main")
	runs, _, err := d.Store.Runs(d.Context(), store.RunFilter{RepoID: d.Repo.ID}, store.Page{Number: 1, Size: 1})
	d.Must(err)
	r := d.runner()
	w := d.offered(r)
	d.Must(d.acquire(r, w))
	j, err = d.Store.Job(d.Context(), w.ID)
	d.Must(err)
	d.Must(d.Logs.PutPart(d.Context(), j, j.GUID, 1, strings.NewReader("2026-11-30T00:00:00.0000000Z hello\n")))
	d.Must(d.Scheduler.Cancel(d.Context(), runs[0].ID, true))
	return runs[0], j
}

const day = 24 * time.Hour

func TestLogsExpireAsTheRetentionSaysThatTheirRunBeganWith(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		retention := d.Path("actions/permissions/artifact-and-log-retention")
		d.put(retention, resttest.Fields{"days": 5}, http.StatusNoContent)
		run, j := d.ran()
		d.put(retention, resttest.Fields{"days": 1}, http.StatusNoContent) // for runs to come
		paths := []string{d.Path("actions/jobs", j.ID, "logs"), d.Path("actions/runs", run.ID, "logs"), d.Path("actions/runs", run.ID, "attempts/1/logs")}
		are := func(status int) {
			d.Helper()
			d.Must(d.Logs.Expire(d.Context()))
			d.Must(d.Objects.Sweep(d.Context()))
			for _, path := range paths {
				d.Want(d.Get(path), status)
			}
		}
		are(http.StatusFound)
		d.Pass(5*day - time.Minute)
		are(http.StatusFound)
		parts, err := d.Store.JobLog(d.Context(), j.ID)
		d.Must(err)
		d.Pass(2 * time.Minute)
		are(http.StatusGone)

		for _, p := range parts {
			if o, err := d.Blobs.Open(d.Context(), p.Blob); err == nil {
				d.Errorf("the bytes of part %d are there", p.Part)
				d.Must(o.Close())
			} else if actions.KindOf(err) != actions.NotFound {
				d.Error(err)
			}
		}
		if len(parts) == 0 {
			d.Error("the log had no parts")
		}
		got := d.Want(d.Get(d.Path("actions/jobs", j.ID)), http.StatusOK).JSON(d)
		if got["status"] != "completed" || got["conclusion"] != "cancelled" || got["completed_at"] == nil {
			d.Errorf("the job is %v", got)
		}
		const gone = "The logs for this run have expired and are no longer available."
		d.Want(d.Do(http.MethodPatch, d.Path(), d.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
		page := d.Want(d.Site.Site.Do(http.MethodGet, d.URL+fmt.Sprintf("/alice/hello/actions/runs/%d/job/%d", run.ID, j.ID), "", nil), http.StatusOK)
		if !strings.Contains(string(page.Text), gone) {
			d.Errorf("the page does not say %q", gone)
		}
	})
}

func TestLogsOfARunThatGoesOnDoNotExpire(t *testing.T) {
	d := newDesk(resttest.New(t))
	d.put(d.Path("actions/permissions/artifact-and-log-retention"), resttest.Fields{"days": 1}, http.StatusNoContent)
	d.pushHello("main")
	r := d.runner()
	w := d.offered(r)
	d.Must(d.acquire(r, w))
	j, err := d.Store.Job(d.Context(), w.ID)
	d.Must(err)
	d.Must(d.Logs.PutPart(d.Context(), j, j.GUID, 1, strings.NewReader("2026-11-30T00:00:00.0000000Z hello\n")))
	d.Pass(2 * day)
	d.Must(d.Logs.Expire(d.Context()))
	d.Want(d.Get(d.Path("actions/jobs", j.ID, "logs")), http.StatusFound)
	d.Must(d.Scheduler.Cancel(d.Context(), j.RunID, true))
	d.Must(d.Logs.Expire(d.Context()))
	d.Want(d.Get(d.Path("actions/jobs", j.ID, "logs")), http.StatusFound) // the last part may be on its way
	d.Pass(2 * time.Hour)
	d.Must(d.Logs.Expire(d.Context()))
	d.Want(d.Get(d.Path("actions/jobs", j.ID, "logs")), http.StatusGone)
}

// An older server has left many runs without a date. They get that of the settings of now.
func TestLogsOfOlderServersExpireToo(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		d.put(d.Path("actions/permissions/artifact-and-log-retention"), resttest.Fields{"days": 30}, http.StatusNoContent)
		wf := d.AddWorkflow(d.Repo, ".github/workflows/ci.yml")
		var jobs []*actions.Job
		for range 45 { // more than are done at once
			run := d.AddRun(wf, nil)
			j := d.AddJob(run, nil)
			d.AddLog(j)
			d.Must(d.Store.Update(d.Context(), func(tx *store.Tx) error {
				return tx.DateLogs(d.Context(), run.ID, 1, time.UnixMicro(-1))
			}))
			jobs = append(jobs, j)
		}
		are := func(status int) {
			d.Helper()
			d.Must(d.Logs.Expire(d.Context()))
			for _, j := range jobs {
				d.Want(d.Get(d.Path("actions/jobs", j.ID, "logs")), status)
			}
		}
		are(http.StatusFound)
		d.Pass(29 * day)
		are(http.StatusFound)
		d.Pass(day + time.Hour)
		are(http.StatusGone)
	})
}
