package permissions_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

const disabled = "Actions has been disabled for this repository"

// runs counts the runs of Alice's repository.
func (d *desk) runs() int {
	d.Helper()
	_, n, err := d.Store.Runs(d.Context(), store.RunFilter{RepoID: d.Repo.ID}, store.Page{Number: 1, Size: 1})
	d.Must(err)
	return n
}

// pushHello pushes the workflow to a new branch of Alice's repository.
func (d *desk) pushHello(branch string) {
	d.Helper()
	d.Push(d.Repo, branch, map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow})
}

func TestNothingStartsWhereActionsIsDisabled(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		_, run := d.Pushed()
		d.Must(d.Scheduler.Cancel(d.Context(), run.ID, true))
		own := d.Path("actions/permissions")
		dispatch, rerun := d.Path("actions/workflows/hello.yml/dispatches"), d.Path("actions/runs", run.ID, "rerun")
		d.put(own, resttest.Fields{"enabled": false}, http.StatusNoContent)

		d.pushHello("while")
		d.Must(d.Trigger.Reconcile(d.Context(), shape.Base{}))
		d.Refused(d.Do(http.MethodPost, dispatch, d.AliceToken, resttest.Fields{"ref": "main"}), http.StatusUnprocessableEntity, disabled)
		d.Refused(d.Do(http.MethodPost, rerun, d.AliceToken, nil), http.StatusForbidden, disabled)
		if n := d.runs(); n != 1 {
			d.Errorf("%d runs, want the one from before", n)
		}

		d.put(own, resttest.Fields{"enabled": true}, http.StatusNoContent)
		d.Must(d.Trigger.Reconcile(d.Context(), shape.Base{}))
		if n := d.runs(); n != 1 {
			d.Errorf("%d runs when it is enabled again: what happened meanwhile starts nothing", n)
		}
		d.pushHello("afterwards")
		d.Want(d.Do(http.MethodPost, dispatch, d.AliceToken, resttest.Fields{"ref": "main"}), http.StatusNoContent)
		d.Want(d.Do(http.MethodPost, rerun, d.AliceToken, nil), http.StatusCreated)
		if n := d.runs(); n != 3 {
			d.Errorf("%d runs, want 3", n)
		}
	})
}

func TestADisabledWorkflowIsStartedByNothing(t *testing.T) {
	d := newDesk(resttest.New(t))
	d.Pushed()
	workflow := d.Path("actions/workflows/hello.yml")
	d.put(workflow+"/disable", nil, http.StatusNoContent)
	d.pushHello("while")
	d.Refused(d.Do(http.MethodPost, workflow+"/dispatches", d.AliceToken, resttest.Fields{"ref": "main"}), http.StatusUnprocessableEntity,
		"Cannot trigger a 'workflow_dispatch' on a disabled workflow")
	if n := d.runs(); n != 1 {
		d.Errorf("%d runs, want the one from before", n)
	}
	d.put(workflow+"/enable", nil, http.StatusNoContent)
	d.pushHello("afterwards")
	if n := d.runs(); n != 2 {
		d.Errorf("%d runs when it is enabled again, want 2", n)
	}
}

// runner is one that works for everybody.
func (d *desk) runner() *actions.Runner {
	d.Helper()
	r := &actions.Runner{
		Name: "r-" + uuid.NewString()[:8], ClientID: uuid.NewString(), PublicKey: []byte{1}, CreatedAt: d.Now(),
		Labels: []actions.Label{{Name: "ubuntu-latest"}},
	}
	d.Must(d.Store.CreateRunner(d.Context(), r))
	return r
}

// offered is the job that a runner is offered, nil for none. A runner that looks finds
// what there is before it begins to wait.
func (d *desk) offered(r *actions.Runner) *store.Waiting {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), 200*time.Millisecond)
	defer cancel()
	m, err := d.Queue.Message(ctx, r, true)
	if d.Must(err); m == nil {
		return nil
	}
	return m.Offer
}

func (d *desk) acquire(r *actions.Runner, w *store.Waiting) error {
	_, err := d.Queue.Acquire(d.Context(), w.GUID, r, func(*store.Tx, *actions.Job) error { return nil })
	return err
}

func TestJobsWaitWhileActionsIsDisabled(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		_, run := d.Pushed()
		first, second := d.runner(), d.runner()
		running := d.offered(first)
		d.Must(d.acquire(first, running))
		offered := d.offered(second)
		own := d.Path("actions/permissions")
		d.put(own, resttest.Fields{"enabled": false}, http.StatusNoContent)

		if err := d.acquire(second, offered); actions.KindOf(err) != actions.Invalid {
			d.Errorf("acquired what was offered before: %v, want a refusal", err)
		}
		if w := d.offered(second); w != nil {
			d.Errorf("job %d is offered", w.ID)
		}
		const why = "Waiting until Actions is enabled: it has been disabled for this repository"
		job := d.Want(d.Get(d.Path("actions/jobs", offered.ID)), http.StatusOK)
		if got := job.Header.Get(rest.NoticeHeader); got != why || job.JSON(d)["status"] != "queued" {
			d.Errorf("the job that waits is %v, and says %q", job.JSON(d)["status"], got)
		}
		if got := d.Want(d.Get(d.Path("actions/jobs", running.ID)), http.StatusOK).JSON(d)["status"]; got != "in_progress" {
			d.Errorf("the job that runs is %v", got)
		}

		// A runner that waits hears that it is enabled again, without another look.
		ctx, cancel := context.WithCancel(d.Context())
		defer cancel()
		go func() { _ = d.Queue.Run(ctx) }()
		told := make(chan *queue.Message, 1)
		go func() {
			m, err := d.Queue.Message(ctx, second, true)
			if err != nil {
				d.Error(err)
			}
			told <- m
		}()
		for d.Queue.Idle() == 0 {
			time.Sleep(time.Millisecond)
		}
		d.put(own, resttest.Fields{"enabled": true}, http.StatusNoContent)
		select {
		case m := <-told:
			if m == nil || m.Offer == nil || m.Offer.ID != offered.ID {
				d.Errorf("it is told %+v, want an offer of job %d", m, offered.ID)
			}
		case <-time.After(20 * time.Second):
			d.Fatalf("it is told nothing, and would look by itself; run %d", run.ID)
		}
		d.Must(d.acquire(second, offered))
	})
}

func TestJobsWaitWhileTheOrganizationHasNotSelectedTheirRepository(t *testing.T) {
	d := newDesk(resttest.New(t))
	d.Push(d.tool, "main", map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow})
	r := d.runner()
	d.put(ofOrg, resttest.Fields{"enabled_repositories": "selected"}, http.StatusNoContent)
	if w := d.offered(r); w != nil {
		d.Errorf("job %d is offered", w.ID)
	}
	d.put(ofOrg+"/repositories", resttest.Fields{"selected_repository_ids": []int64{d.site.ID}}, http.StatusNoContent)
	if w := d.offered(r); w != nil {
		d.Errorf("job %d is offered while another repository is selected", w.ID)
	}
	d.put(ofOrg+"/repositories", resttest.Fields{"selected_repository_ids": []int64{d.tool.ID}}, http.StatusNoContent)
	if w := d.offered(r); w == nil || w.RepoID != d.tool.ID {
		d.Errorf("offered %+v, want a job of the repository that is selected", w)
	}
}
