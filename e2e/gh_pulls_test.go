package e2e_test

import (
	"slices"
	"strings"
	"testing"
)

// Debian's gh opens pull requests, shows them and their checks, and merges them.
func TestGhWorksWithPullRequests(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	r.commit(".github/workflows/ci.yml", `name: CI
on: [pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo "$GITHUB_REF $GITHUB_HEAD_REF to $GITHUB_BASE_REF"
      - uses: actions/checkout@v4
      - run: test -e feature.txt
`)
	r.push()
	branch := func(name, file string) {
		t.Helper()
		r.mustGit("checkout", "-q", "-b", name, "main")
		r.commit(file, "of "+name+"\n")
		r.push(name)
	}
	r.mustGit("remote", "add", "upstream", "http://ci.example/"+r.name+".git") // by which gh knows the repository
	try := func(want string, args ...string) { g.t.Helper(); g.prints(want, 0, args...) }

	branch("feature", "feature.txt")
	try("http://ci.example/"+r.name+"/pull/1", "pr", "create", "--head", "feature", "--title", "Add it", "--body", "As asked for.")
	g.prints("…a pull request for branch \"feature\" into branch \"main\" already exists…", 1, "pr", "create", "--head", "feature", "--title", "Again", "--body", "")
	g.prints("…No commits between main and main…", 1, "pr", "create", "--head", "main", "--title", "Nothing", "--body", "")
	try("1\tAdd it\tfeature\tOPEN\t…", "pr", "list")
	try("", "pr", "list", "--state", "merged")
	run := r.runAt(".github/workflows/ci.yml")
	r.await(run, "success")
	try("…title:\tAdd it\nstate:\tOPEN\nauthor:\tadmin\n…number:\t1\nurl:\thttp://ci.example/"+r.name+"/pull/1\nadditions:\t1\ndeletions:\t0\n…--\nAs asked for.", "pr", "view", "1")
	try(`{"headRefName":"feature","mergeStateStatus":"CLEAN","mergeable":"MERGEABLE","state":"OPEN"}`, "pr", "view", "1", "--json", "headRefName,mergeStateStatus,mergeable,state")
	try(`[{"additions":1,"deletions":0,"path":"feature.txt"}]`, "pr", "view", "1", "--json", "files", "--jq", ".files")
	try("change 2", "pr", "view", "1", "--json", "commits", "--jq", ".commits[].messageHeadline")
	try("test\tpass\t…/actions/runs/{n}/job/{n}", "pr", "checks", "1")
	r.do("POST", "/repos/"+r.name+"/statuses/"+r.mustGit("rev-parse", "feature"), map[string]any{"state": "pending", "context": "other/tool", "target_url": "https://example.com/1"}, nil)
	g.prints("test\tpass\t…\nother/tool\tpending\t0\thttps://example.com/1", 1, "pr", "checks", "1")

	branch("other", "other.txt") // whose check fails
	try("http://ci.example/"+r.name+"/pull/2", "pr", "create", "--head", "other", "--title", "Other", "--body", "", "--draft")
	g.prints("…draft…", 1, "pr", "merge", "2", "--merge")
	try("…", "pr", "ready", "2")
	try("2\tOther\tother\tOPEN\t…\n1\tAdd it\tfeature\tOPEN\t…", "pr", "list")
	try("…", "pr", "edit", "2", "--title", "Another")
	try("…", "pr", "close", "2")
	try("2\tAnother\tother\tCLOSED\t…", "pr", "list", "--state", "closed")
	try("…", "pr", "reopen", "2")
	try("…", "pr", "close", "2")

	try("", "pr", "merge", "1", "--squash", "--subject", "All at once", "--body", "in one commit", "--match-head-commit", r.mustGit("rev-parse", "feature"))
	try("1\tAdd it\tfeature\tMERGED\t…", "pr", "list", "--state", "merged")
	r.mustGit("fetch", "-q", "origin")
	if got := r.mustGit("log", "-1", "--format=%s %b", "origin/main"); !strings.HasPrefix(got, "All at once in one commit") {
		t.Errorf("the merge says %q", got)
	}
	try("1\tAdd it\tfeature\tMERGED\t…", "pr", "list", "--state", "all", "--author", "@me", "--base", "main", "--head", "feature")
	try("", "pr", "list", "--search", "draft:true")
	g.prints("…no pull requests found for branch \"nothing\"…", 1, "pr", "view", "nothing")
	g.prints("…Could not resolve to a PullRequest with the number of 7.…", 1, "pr", "view", "7")
}

// Debian's gh asks for reviews and reviews pull requests.
func TestGhReviewsPullRequests(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	r.commit("README.md", "hello\n")
	r.push()
	r.mustGit("checkout", "-q", "-b", "feature", "main")
	r.commit("feature.txt", "of feature\n")
	r.push("feature")
	r.mustGit("remote", "add", "upstream", "http://ci.example/"+r.name+".git")
	token := r.user("mona")
	r.do("PUT", "/repos/"+r.name+"/collaborators/mona", map[string]any{"permission": "push"}, nil)
	mona := *g
	mona.env = append(slices.Clone(g.env), "GH_ENTERPRISE_TOKEN="+token)

	g.prints("http://ci.example/"+r.name+"/pull/1", 0, "pr", "create", "--head", "feature", "--title", "Add it", "--body", "", "--reviewer", "mona")
	g.prints(`["mona"]`, 0, "pr", "view", "1", "--json", "reviewRequests", "--jq", "[.reviewRequests[].login]")
	g.prints("…", 0, "pr", "edit", "1", "--remove-reviewer", "mona")
	g.prints("[]", 0, "pr", "view", "1", "--json", "reviewRequests", "--jq", "[.reviewRequests[].login]")
	g.prints("…", 0, "pr", "edit", "1", "--add-reviewer", "mona")
	g.prints("1", 0, "pr", "list", "--search", "review-requested:mona", "--json", "number", "--jq", ".[].number")
	g.prints("…Can not approve your own pull request…", 1, "pr", "review", "1", "--approve")
	mona.prints("", 0, "pr", "review", "1", "--request-changes", "--body", "Not so.")
	g.prints("CHANGES_REQUESTED", 0, "pr", "view", "1", "--json", "reviewDecision", "--jq", ".reviewDecision")
	mona.prints("", 0, "pr", "review", "1", "--comment", "--body", "By the way.")
	mona.prints("", 0, "pr", "review", "1", "--approve")
	g.prints(`{"decision":"APPROVED","latest":["mona APPROVED"],"reviews":["CHANGES_REQUESTED","COMMENTED","APPROVED"]}`, 0, "pr", "view", "1", "--json", "reviewDecision,latestReviews,reviews",
		"--jq", `{decision: .reviewDecision, latest: [.latestReviews[] | .author.login + " " + .state], reviews: [.reviews[].state]}`)
	g.prints("…reviewers:\tmona (Approved)…", 0, "pr", "view", "1")
}
