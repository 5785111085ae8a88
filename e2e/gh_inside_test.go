package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What scripts do with gh: with the job's token in the step, in the job, without one, and
// with another host.
const ghInside = `on: push
permissions: {actions: read, contents: read}
jobs:
  only:
    runs-on: ubuntu-slim
    steps:
      - env: {GH_TOKEN: '${{ github.token }}'}
        run: |
          gh run list --json databaseId --jq '.[] | "listed \(.databaseId)"'
          gh run view $GITHUB_RUN_ID --json jobs,url --jq '"url \(.url)", "job \(.jobs[].name)"'
          gh api 'repos/{owner}/{repo}' --jq '"repository \(.full_name)"'
          test "$(stat -c %a "$GH_CONFIG_DIR")" = 700 && echo private
      - run: gh run list || echo "without $?"
      - run: echo "GITHUB_TOKEN=${{ github.token }}" >>$GITHUB_ENV
      - run: gh run list -R $GITHUB_REPOSITORY --json databaseId --jq '.[] | "again \(.databaseId)"'
      - env: {GH_TOKEN: a-token-of-another-host}
        run: gh api -X GET https://github.com/api/v3/user || echo "elsewhere $?"
`

func TestGhWorksInScripts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("gh"); err != nil {
		if os.Getenv(requireGH) != "" {
			t.Fatalf("%s is set, but: %v", requireGH, err)
		}
		t.Skipf("no gh: %v", err)
	}
	for _, isolation := range []string{"none", "user"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			if isolation == "user" {
				needSandbox(t)
			}
			s := newServer(t, "--runners", "1")
			s.isolate(isolation)
			s.start()
			r := s.newRepository("hello")
			run := r.pushWorkflow(ghInside)
			log := r.log(r.conclude(run, "success"))
			id := fmt.Sprint(run.ID)
			for _, want := range []string{
				"listed " + id, "url " + s.url + "/" + r.name + "/actions/runs/" + id, "job only", "repository " + r.name, "private",
				"gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable. Example:", "without 4", "again " + id, "elsewhere 1",
			} {
				if !slices.Contains(log, want) {
					t.Errorf("the log does not say %q:\n%s", want, strings.Join(log, "\n"))
				}
			}
		})
	}
}
