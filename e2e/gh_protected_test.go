package e2e_test

import (
	"strings"
	"testing"
)

// A required check refuses the merge of a pull request, and a push, until it is green.
func TestRequiredChecksRefuseUntilTheyAreGreen(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	r.commit(".github/workflows/ci.yml", `name: CI
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: test ! -e broken.txt
`)
	r.push()
	r.mustGit("remote", "add", "upstream", "http://ci.example/"+r.name+".git") // by which gh knows the repository
	r.do("PUT", "/repos/"+r.name+"/branches/main/protection", map[string]any{
		"required_status_checks": map[string]any{"strict": false, "contexts": []string{"test"}}, "enforce_admins": true,
		"required_pull_request_reviews": nil, "restrictions": nil,
	}, nil)
	r.mustGit("checkout", "-q", "-b", "feature", "main")
	r.await(r.pushed("feature", "broken.txt", "yes"), "failure")
	g.prints("http://ci.example/"+r.name+"/pull/1", 0, "pr", "create", "--head", "feature", "--title", "Add it", "--body", "")
	g.prints("test\tfail\t…", 1, "pr", "checks", "1", "--required")
	g.prints("…the base branch policy prohibits the merge…", 1, "pr", "merge", "1", "--merge")
	g.prints("…Required status check \"test\" is failing.…", 1, "pr", "merge", "1", "--merge", "--admin")
	r.mustGit("rm", "-q", "broken.txt")
	green := r.pushed("feature", "feature.txt", "yes")
	r.await(green, "success")
	g.prints("test\tpass\t…", 0, "pr", "checks", "1", "--required")
	g.prints("", 0, "pr", "merge", "1", "--merge")

	r.mustGit("checkout", "-q", "main")
	r.mustGit("pull", "-q", "origin", "main")
	r.commit("direct.txt", "yes")
	out, err := r.git("push", "origin", "main").CombinedOutput()
	for _, want := range []string{
		"remote: error: GH006: Protected branch update failed for refs/heads/main.", `remote: error: Required status check "test" is expected.`, "(protected branch hook declined)",
	} {
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("the push says %s, want %s", out, want)
		}
	}
	r.mustGit("push", "-q", "origin", "main:candidate")
	r.await(r.runOf(r.mustGit("rev-parse", "main")), "success")
	r.push("main")
}

// pushed commits a file, pushes the branch, and returns the run of it.
func (r *repository) pushed(branch, file, text string) *run {
	r.t.Helper()
	sha := r.commit(file, text)
	r.push(branch)
	return r.runOf(sha)
}
