package rest_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/openapitest"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A statusCall gives a status that is documented for an operation beside that of its
// example.
type statusCall struct {
	operation string
	status    int
	call      func(w *clientWorld, e *example, version string) *servertest.Reply // with an example of its own to change
}

const (
	orgSecret       = "/orgs/{org}/actions/secrets/{secret_name}"
	orgSecretAccess = orgSecret + "/repositories/{repository_id}"
)

var statusCalls = []statusCall{
	{"GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}", http.StatusGone, func(w *clientWorld, e *example, version string) *servertest.Reply {
		w.s.Pass(91 * 24 * time.Hour)
		defer w.s.Pass(-91 * 24 * time.Hour)
		return w.curl(e, version)
	}},
	{"PUT " + orgSecret, http.StatusNoContent, setAgain},
	{"PUT /repos/{owner}/{repo}/actions/secrets/{secret_name}", http.StatusNoContent, setAgain},
	{"PUT " + orgSecretAccess, http.StatusConflict, selectsForAll},
	{"DELETE " + orgSecretAccess, http.StatusConflict, selectsForAll},
	{"DELETE /orgs/{org}/actions/runners/{runner_id}", http.StatusUnprocessableEntity, whileItWorks},
	{"DELETE /repos/{owner}/{repo}/actions/runners/{runner_id}", http.StatusUnprocessableEntity, whileItWorks},
	{"POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", http.StatusOK, func(w *clientWorld, e *example, version string) *servertest.Reply {
		if version != "2026-03-10" { // from then on it is not asked for
			e.body["return_run_details"] = true
		}
		return w.curl(e, version)
	}},
	{"POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel", http.StatusConflict, func(w *clientWorld, e *example, version string) *servertest.Reply {
		e.names["run_id"] = w.values["runID"] // it is over
		return w.curl(e, version)
	}},
	{"DELETE /repos/{owner}/{repo}/actions/runs/{run_id}/logs", http.StatusForbidden, func(w *clientWorld, e *example, version string) *servertest.Reply {
		e.names["run_id"] = w.queued
		return w.curl(e, version)
	}},
}

// setAgain sets a secret of another name twice.
func setAgain(w *clientWorld, e *example, version string) *servertest.Reply {
	e.names["secret_name"] = "AGAIN"
	w.s.Want(w.curl(e, version), http.StatusCreated)
	return w.curl(e, version)
}

// selectsForAll selects a repository for a secret that all of them have.
func selectsForAll(w *clientWorld, e *example, version string) *servertest.Reply {
	secret := w.box("/orgs/guild/actions/secrets/public-key")
	secret["visibility"] = "all"
	if a := w.s.Do(http.MethodPut, "/orgs/guild/actions/secrets/EVERYBODYS", w.token, secret); a.StatusCode >= http.StatusBadRequest {
		w.s.Fatalf("%d %s", a.StatusCode, a.Text)
	}
	e.names["secret_name"] = "EVERYBODYS"
	return w.curl(e, version)
}

// whileItWorks sends an example about a runner that has a job.
func whileItWorks(w *clientWorld, e *example, version string) *servertest.Reply {
	run, err := w.s.Store.Run(w.s.Context(), w.values["runID"].(int64))
	w.s.Must(err)
	job := w.s.AddJob(run, resttest.Running)
	save := func() {
		w.s.Must(w.s.Store.Update(w.s.Context(), func(tx *store.Tx) error { return tx.UpdateJob(w.s.Context(), job) }))
	}
	job.RunnerID = e.names["runner_id"].(int64)
	save()
	answer := w.curl(e, version)
	job.Status, job.Conclusion, job.CompletedAt = actions.Completed, actions.Success, w.s.Now()
	save()
	return answer
}

// unproduced are the documented statuses that no call can give, and why.
var unproduced = map[string]map[int]string{
	"DELETE /repos/{owner}/{repo}/actions/runs/{run_id}/logs": {http.StatusInternalServerError: "a failure of the server: no request asks for one"},
}

// Every operation of the reference gives each status that GitHub documents for it, and
// those that all operations may give.
func TestEveryDocumentedStatusIsGiven(t *testing.T) {
	for _, version := range versions {
		t.Run("version "+version, func(t *testing.T) {
			s := resttest.New(t)
			w := newClientWorld(s)
			examples := examplesOf(w)
			given := make(map[string]map[int]bool)
			for _, e := range examples {
				given[e.operation()] = make(map[int]bool)
			}
			for _, c := range statusCalls {
				i := slices.IndexFunc(examples, func(e *example) bool { return e.operation() == c.operation })
				if i < 0 {
					t.Fatalf("no example of %s", c.operation)
				}
				a := c.call(w, examples[i].clone(), version)
				if a.StatusCode != c.status {
					t.Errorf("%s: %d, want %d: %s", c.operation, a.StatusCode, c.status, a.Text)
				}
				given[c.operation][a.StatusCode] = true
			}
			for _, e := range examples {
				w.refused(e, version)
				given[e.operation()][w.curl(e, version).StatusCode] = true
			}
			description := openapitest.New(t)
			for _, e := range examples {
				operation := e.operation()
				for _, status := range description.Statuses(e.method, e.pattern, version) {
					if !given[operation][status] && unproduced[operation][status] == "" {
						t.Errorf("no call of %s gives %d, which is documented", operation, status)
					}
				}
				for status := range unproduced[operation] {
					if given[operation][status] {
						t.Errorf("%s gives %d, and yet there is a reason why it cannot", operation, status)
					}
				}
			}
		})
	}
}

// operation is the method and pattern of an example.
func (e *example) operation() string { return e.method + " " + e.pattern }

// clone is an example to change.
func (e *example) clone() *example {
	c := *e
	c.names, c.body = maps.Clone(e.names), maps.Clone(e.body)
	return &c
}

// refused sends an example so that it does nothing: with a token that is none, for an
// owner who is nobody, with a body that is no JSON and one that fits nothing, and for an
// answer that the client has.
func (w *clientWorld) refused(e *example, version string) {
	w.s.Helper()
	want := func(what string, got *servertest.Reply, status int) {
		w.s.Helper()
		if got.StatusCode != status {
			w.s.Errorf("%s, %s: %d, want %d: %s", e.operation(), what, got.StatusCode, status, got.Text)
		}
	}
	unknown := *w
	unknown.token = "ghp_none"
	want("a token that is none", unknown.curl(e, version), http.StatusUnauthorized)
	nobodys := e.clone()
	for _, name := range []string{"owner", "org"} {
		if nobodys.names[name] != nil {
			nobodys.names[name] = "nobody"
		}
	}
	want("an owner who is nobody", w.curl(nobodys, version), http.StatusNotFound)
	if e.body != nil {
		broken := e.clone()
		for name := range e.body {
			broken.body[name] = map[string]any{"no": "value"}
		}
		want("fields that are no values", w.curl(broken, version), http.StatusUnprocessableEntity)
		want("no JSON", w.s.Do(e.method, e.path(), w.token, "{", w.headers(version)...), http.StatusBadRequest)
	}
	if e.method == http.MethodGet && e.status == http.StatusOK {
		tag := w.curl(e, version).Header.Get("ETag")
		want("an answer that the client has", w.s.Do(e.method, e.path(), w.token, nil, append(w.headers(version), "If-None-Match: "+tag)...), http.StatusNotModified)
	}
}
