package permissions_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestActionsAreSelected(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const ofOrgs, ofTools = ofOrg + "/selected-actions", ofTool + "/selected-actions"
		example := resttest.Fields{"github_owned_allowed": true, "verified_allowed": false, "patterns_allowed": []any{"monalisa/octocat@*", "docker/*"}}
		none := resttest.Fields{"github_owned_allowed": false, "verified_allowed": false, "patterns_allowed": []any{}}
		for _, path := range []string{ofOrgs, ofTools} {
			d.Want(d.Do(http.MethodGet, path, d.owner, nil), http.StatusConflict)
			d.put(path, example, http.StatusConflict)
		}
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "selected"}, http.StatusNoContent)
		d.is(ofTools, none)
		d.put(ofTools, example, http.StatusNoContent)
		d.is(ofTools, example)
		d.put(ofTools, resttest.Fields{"verified_allowed": true}, http.StatusNoContent)
		d.is(ofTools, resttest.Fields{"github_owned_allowed": true, "verified_allowed": true, "patterns_allowed": example["patterns_allowed"]})
		d.put(ofTools, resttest.Fields{"patterns_allowed": []string{}}, http.StatusNoContent)
		d.is(ofTools, resttest.Fields{"github_owned_allowed": true, "verified_allowed": true, "patterns_allowed": []any{}})
		d.put(ofTools, example, http.StatusNoContent)
		for _, patterns := range []any{"docker/*", []any{7}, []any{""}, []any{"a b"}, []any{"a,b"}, slices.Repeat([]string{"a/b"}, 1001), []string{strings.Repeat("a", 70_000)}} {
			d.put(ofTools, resttest.Fields{"patterns_allowed": patterns}, http.StatusUnprocessableEntity)
		}
		d.is(ofTools, example)

		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "selected"}, http.StatusNoContent)
		d.is(ofOrgs, none)
		d.is(ofTools, none) // the organization decides
		d.put(ofTools, example, http.StatusConflict)
		d.put(ofOrgs, resttest.Fields{"github_owned_allowed": true}, http.StatusNoContent)
		d.is(ofTools, resttest.Fields{"github_owned_allowed": true, "verified_allowed": false, "patterns_allowed": []any{}})
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "local_only"}, http.StatusNoContent)
		d.put(ofTools, example, http.StatusConflict)
		d.put(ofOrg, resttest.Fields{"enabled_repositories": "all", "allowed_actions": "all"}, http.StatusNoContent)
		d.is(ofTools, example)
		d.put(ofTool, resttest.Fields{"enabled": false}, http.StatusNoContent)
		d.put(ofTools, example, http.StatusConflict)
	})
}

// One of them sets whether GitHub's actions are allowed, the other one the patterns.
func TestTwoWhoSelectActionsLoseNothing(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const path = ofTool + "/selected-actions"
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "selected"}, http.StatusNoContent)
		for i := range 5 {
			patterns := []any{fmt.Sprintf("octo/%d", i)}
			var both sync.WaitGroup
			for _, body := range []resttest.Fields{{"github_owned_allowed": i%2 == 0}, {"patterns_allowed": patterns}} {
				both.Go(func() { d.put(path, body, http.StatusNoContent) })
			}
			both.Wait()
			d.is(path, resttest.Fields{"github_owned_allowed": i%2 == 0, "verified_allowed": false, "patterns_allowed": patterns})
		}
	})
}

const usesOthers = `on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: octo/tool/sub@v1
      - uses: ./local
      - uses: docker://alpine
`

// started is how the newest run of a repository began, and what its annotations say.
func (d *desk) started(repo *actions.Repository) (run *actions.Run, notes []string) {
	d.Helper()
	runs, _, err := d.Store.Runs(d.Context(), store.RunFilter{RepoID: repo.ID}, store.Page{Number: 1, Size: 1})
	d.Must(err)
	checks := d.Want(d.Do(http.MethodGet, "/repos/"+repo.FullName()+"/commits/"+runs[0].HeadSHA+"/check-runs", d.owner, nil), http.StatusOK).JSON(d)
	for _, c := range checks["check_runs"].([]any) {
		var list []struct {
			Level   string `json:"annotation_level"`
			Message string `json:"message"`
		}
		d.Want(d.Do(http.MethodGet, fmt.Sprintf("/repos/%s/check-runs/%.0f/annotations", repo.FullName(), c.(map[string]any)["id"]), d.owner, nil), http.StatusOK).Into(d, &list)
		for _, a := range list {
			notes = append(notes, a.Level+": "+a.Message)
		}
	}
	return runs[0], notes
}

func TestARunThatUsesActionsThatAreNotAllowedFailsAtItsStart(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		const path = ofTool + "/selected-actions"
		const begin = "failure: The action octo/tool/sub@v1 is not allowed in acme/tool because all actions must be from a repository owned by acme"
		n := 0
		push := func(want string) *actions.Run {
			d.Helper()
			n++
			d.Push(d.tool, fmt.Sprintf("b%d", n), map[string]string{".github/workflows/ci.yml": usesOthers, "n": fmt.Sprint(n)})
			run, notes := d.started(d.tool)
			var all []string
			status, conclusion := actions.Queued, actions.Conclusion("")
			if want != "" {
				all, status, conclusion = []string{want}, actions.Completed, actions.StartupFailure
			}
			if diff := cmp.Diff(all, notes); diff != "" || run.Status != status || run.Conclusion != conclusion {
				d.Errorf("it is %s %s: %s", run.Status, run.Conclusion, diff)
			}
			return run
		}
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "local_only"}, http.StatusNoContent)
		push("failure: The actions actions/checkout@v4 and octo/tool/sub@v1 are not allowed in acme/tool because all actions must be from a repository owned by acme.")
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "selected"}, http.StatusNoContent)
		d.put(path, resttest.Fields{"github_owned_allowed": true}, http.StatusNoContent)
		push(begin + " or created by GitHub.")
		d.put(path, resttest.Fields{"patterns_allowed": []string{"octo/tool/*"}}, http.StatusNoContent)
		good := push("")
		d.put(path, resttest.Fields{"patterns_allowed": []string{"octo/tool/*", "!*/sub@v1"}}, http.StatusNoContent)
		push(begin + ", created by GitHub, or match one of the patterns: octo/tool/*, !*/sub@v1.")

		d.Must(d.Scheduler.Cancel(d.Context(), good.ID, true))
		rerun := fmt.Sprintf("/repos/acme/tool/actions/runs/%d/rerun", good.ID)
		if got, _ := d.Want(d.Do(http.MethodPost, rerun, d.owner, nil), http.StatusForbidden).JSON(d)["message"].(string); !strings.HasPrefix("failure: "+got, begin) {
			d.Errorf("the re-run is refused with %q", got)
		}
		d.put(ofTool, resttest.Fields{"enabled": true, "allowed_actions": "all"}, http.StatusNoContent)
		d.Want(d.Do(http.MethodPost, rerun, d.owner, nil), http.StatusCreated)

		d.put(ofTool, resttest.Fields{"enabled": true, "sha_pinning_required": true}, http.StatusNoContent)
		push("failure: The actions actions/checkout@v4 and octo/tool/sub@v1 are not allowed in acme/tool because all actions must be pinned to a full-length commit SHA.")
	})
}
