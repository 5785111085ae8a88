package server_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// Mona's run is at work, and she looks at it. The repository is public: it is her
// session that the page ends with.
func TestWhatHangsOnAnAccountEndsAtEveryServer(t *testing.T) {
	for what, call := range map[string][2]string{
		"suspended": {http.MethodPut, "/users/mona/suspended"}, "deleted": {http.MethodDelete, "/admin/users/mona"},
	} {
		t.Run(what, func(t *testing.T) {
			servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
				running(sites...)
				one, two := sites[0], sites[1]
				text, run, page := atWork(one, two)
				begin := time.Now()
				one.Want(one.Do(call[0], servertest.API+call[1], one.AdminToken, nil), http.StatusNoContent)
				page.ends()
				two.Await("the run ends", func() bool {
					r, err := two.Store.Run(t.Context(), run)
					two.Must(err)
					return r.Conclusion == actions.Cancelled
				})
				two.Await("her token is bad", func() bool {
					return two.Do(http.MethodGet, servertest.API+"/user", text, nil).StatusCode == http.StatusUnauthorized
				})
				t.Logf("all has ended after %s", time.Since(begin))
			})
		})
	}
}

// atWork has mona start a run at one server, which a runner of another executes, where
// she follows its log.
func atWork(one, two *servertest.Site) (token string, runID int64, page *openPage) {
	one.Helper()
	ctx := one.Context()
	hire(two)
	repo, mona := project(one, one.User("octo"), one.TempDir()), one.User("mona")
	one.Must(one.Store.SetCollaborator(ctx, repo.ID, mona.ID, actions.Write))
	one.Want(one.Do(http.MethodPatch, servertest.API+"/repos/octo/hello", one.AdminToken, map[string]any{"private": false}), http.StatusOK)
	token = one.Token(mona, "repo", "workflow")
	waits(two)
	var made struct {
		ID int64 `json:"workflow_run_id"`
	}
	path := servertest.API + "/repos/octo/hello/actions/workflows/ci.yml/dispatches"
	one.Want(one.Do(http.MethodPost, path, token, map[string]any{"ref": "main", "return_run_details": true}), http.StatusOK).Into(one, &made)
	jobs, err := one.Store.Jobs(ctx, made.ID, 1)
	one.Must(err)
	page = open(two, fmt.Sprintf("/octo/hello/actions/runs/%d/job/%d/live", made.ID, jobs[0].ID), session(one, mona))
	page.shows("waiting for the gate")
	return token, made.ID, page
}
