package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
)

// threeWorkflows are one for any push, one for the branch release, and a broken one.
var threeWorkflows = []string{
	".github/workflows/ci.yml", "name: CI\n" + quick("ubuntu-latest"),
	".github/workflows/release.yml", "on: {push: {branches: [release]}}\njobs: {publish: {runs-on: ubuntu-latest, steps: [{run: echo published}]}}\n",
	".github/workflows/broken.yml", ghBroken,
	".github/workflows/notes.txt", "not a workflow\n",
	".github/workflows/old/ci.yml", quick("ubuntu-latest"),
	"workflows/ci.yml", quick("ubuntu-latest"),
}

// made waits for the runs of a commit to end and counts them.
func (r *repository) made(sha string) map[string]int {
	r.t.Helper()
	got := map[string]int{}
	for _, one := range r.runs() {
		if one.SHA != sha {
			continue
		}
		until(r.t, fmt.Sprintf("run %d does not end", one.ID), func() bool {
			r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d", r.api, one.ID), nil, &one)
			return one.Status == "completed"
		})
		got[fmt.Sprintf("%s on %s by %s: %s", one.Path, one.Branch, one.Event, one.Conclusion)]++
	}
	return got
}

func TestPushMakesExactlyTheRunsOfItsWorkflows(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	wants := func(sha string, want map[string]int) {
		t.Helper()
		if got := r.made(sha); !maps.Equal(got, want) {
			t.Errorf("runs:\n%v\nwant:\n%v", got, want)
		}
	}
	const ci, release, broken = ".github/workflows/ci.yml", ".github/workflows/release.yml", ".github/workflows/broken.yml"

	first := r.commit(threeWorkflows...)
	r.push()
	wants(first, map[string]int{ci + " on main by push: success": 1, broken + " on main by push: failure": 1})

	r.mustGit("switch", "--quiet", "--create", "release")
	second := r.commit()
	r.push("release")
	wants(second, map[string]int{
		ci + " on release by push: success": 1, release + " on release by push: success": 1, broken + " on release by push: failure": 1,
	})

	third := r.commit()
	r.push("release", "release:refs/heads/copy")
	wants(third, map[string]int{
		ci + " on release by push: success": 1, release + " on release by push: success": 1, broken + " on release by push: failure": 1,
		ci + " on copy by push: success": 1, broken + " on copy by push: failure": 1,
	})

	tagged := r.commit()
	r.push("HEAD:refs/tags/v1") // without a filter of branches, tags count
	wants(tagged, map[string]int{ci + " on v1 by push: success": 1, broken + " on v1 by push: failure": 1})

	before := len(r.runs())
	r.push(":copy")                  // deletes a branch
	r.push("HEAD~1:release")         // moves nothing
	r.push("HEAD:refs/notes/review") // is neither branch nor tag
	if after := len(r.runs()); after != before {
		t.Errorf("%d runs, %d before pushes that make none", after, before)
	}
}

func TestBrokenWorkflowIsShownWithLineAndColumn(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	r.do(http.MethodPatch, r.api, map[string]bool{"private": false}, nil)
	sha := r.commit(threeWorkflows...)
	r.push()
	one := r.runAt(".github/workflows/broken.yml")
	r.await(one, "failure")
	ask := func(path string) *reply {
		t.Helper()
		return r.ask(r.token, http.MethodGet, path, nil).want(http.StatusOK, "")
	}

	var checks struct {
		CheckRuns []struct {
			ID                       int64
			Name, Status, Conclusion string
			Output                   struct {
				Count int    `json:"annotations_count"`
				URL   string `json:"annotations_url"`
			}
		} `json:"check_runs"`
	}
	ask(r.api + "/commits/" + sha + "/check-runs?check_name=.github/workflows/broken.yml").json(&checks)
	if len(checks.CheckRuns) != 1 {
		t.Fatalf("check runs: %+v", checks)
	}
	c := checks.CheckRuns[0]
	if c.Status != "completed" || c.Conclusion != "failure" || c.Output.Count != 2 {
		t.Errorf("check run: %+v", c)
	}

	const message = ".github/workflows/broken.yml (Line: 6, Col: 9): Unexpected value 'runs'" // and what else might stand there
	var annotations []struct {
		Path, Title, Message string
		Level                string `json:"annotation_level"`
		Line                 int    `json:"start_line"`
		Column               int    `json:"start_column"`
	}
	ask(fmt.Sprintf("%s/check-runs/%d/annotations", r.api, c.ID)).json(&annotations)
	if len(annotations) != 2 || annotations[0].Path != ".github/workflows/broken.yml" || annotations[0].Level != "failure" ||
		annotations[0].Line != 6 || annotations[0].Column != 9 || annotations[0].Title != "Invalid workflow file" || annotations[0].Message != message {
		t.Errorf("annotations: %+v", annotations)
	}
	ask(c.Output.URL).has(`"start_line":6`, `"start_column":9`)
	ask(fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID)).has(`"total_count":0`)

	page := fmt.Sprintf("/%s/actions/runs/%d", r.name, one.ID)
	r.page(page).has("Invalid workflow file", "(Line: 6, Col: 9): Unexpected value &#39;runs&#39;")
	r.page("/" + r.name + "/actions").has(`href="` + page + `"`)
}
