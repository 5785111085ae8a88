package e2e_test

import (
	"fmt"
	"os"
	"testing"
)

// The newest gh, which make test-all builds from its module, does what people do with
// Actions and with repositories.
func TestNewestGhWorksWithActionsAndRepositories(t *testing.T) {
	t.Parallel()
	bin := os.Getenv("UNDERSTUDY_TEST_GH")
	if bin == "" {
		t.Skip("UNDERSTUDY_TEST_GH names no gh")
	}
	g := startWithGHAt(t, bin)
	r := g.repo
	r.do("POST", "/admin/organizations", map[string]any{"login": "guild", "admin": "admin"}, nil)
	r.commit(".github/workflows/ci.yml", `name: CI
on:
  workflow_dispatch:
    inputs:
      who: {required: true}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: echo "hello ${{ inputs.who }} of ${{ vars.PLACE }}, ${{ secrets.WORD && 'with a word' }}"
      - run: echo x > x.txt
      - uses: actions/upload-artifact@v4
        with: {name: dist, path: x.txt}
`)
	r.push()
	try := func(want string, args ...string) { g.t.Helper(); g.prints(want, 0, args...) }

	try("", "secret", "set", "WORD", "-b", "open sesame")
	try("", "secret", "set", "WORD", "-b", "x", "--org", "guild", "--visibility", "all")
	try("WORD\t…", "secret", "list")
	try("WORD\t…\tALL", "secret", "list", "--org", "guild")
	try("", "variable", "set", "PLACE", "-b", "here")
	try("here", "variable", "get", "PLACE")
	try("PLACE\there\t…", "variable", "list")
	try(`[{"name":"PLACE","value":"here"}]`, "variable", "list", "--json", "name,value")

	try("CI\tactive\t{n}", "workflow", "list")
	try("…", "workflow", "run", "ci.yml", "-f", "who=me")
	run := r.runAt(".github/workflows/ci.yml")
	r.await(run, "success")
	id := fmt.Sprint(run.ID)
	try("completed\tsuccess\tCI\tCI\tmain\tworkflow_dispatch\t"+id+"\t…", "run", "list")
	try("…hello me of here, with a word…", "run", "view", id, "--log")
	try("success\n", "run", "view", id, "--json", "conclusion", "--jq", ".conclusion")
	try("", "run", "download", id, "-n", "dist", "-D", t.TempDir())
	try("", "run", "rerun", id)
	r.await(run, "success")
	try("…✓ Request to delete workflow run submitted.", "run", "delete", id)
	try("", "workflow", "disable", "ci.yml")
	try("CI\tdisabled_manually\t{n}", "workflow", "list", "--all")
	try("", "workflow", "enable", "ci.yml")
	try("", "cache", "list")
	try("", "secret", "delete", "WORD")
	try("", "variable", "delete", "PLACE")

	try("http://ci.example/guild/one", "repo", "create", "guild/one", "--private", "-d", "first")
	try("guild/one\tfirst\tprivate\t…", "repo", "list", "guild")
	try("", "repo", "archive", "guild/one", "--yes")
	try("guild/one\tfirst\tprivate, archived\t…", "repo", "list", "guild", "--archived")
	try("", "repo", "list", "guild", "--no-archived")
	try("", "repo", "unarchive", "guild/one", "--yes")
	try("", "repo", "edit", "guild/one", "--description", "second", "--add-topic", "ci")
	try(`{"description":"second","isArchived":false,"repositoryTopics":[{"name":"ci"}]}`, "repo", "view", "guild/one", "--json", "description,isArchived,repositoryTopics")
	try("guild/one\tsecond\tprivate\t…", "repo", "list", "guild", "--topic", "ci")
	try("", "repo", "rename", "-R", "ci.example/guild/one", "two", "--yes")
	try("name:\tguild/two…", "repo", "view", "guild/two")
	try("", "repo", "delete", "guild/two", "--yes")
	try("guild", "org", "list")
	try("admin", "api", "user", "--jq", ".login")
	try(`{"data":{"viewer":{"login":"admin"}}}`, "api", "graphql", "-f", "query={viewer{login}}")
}
