package e2e_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// builtinWorkflow uses the actions that everybody uses, where nobody has them
// but the server itself.
const builtinWorkflow = `on: push
permissions: {contents: read}
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      hit: ${{ steps.cache.outputs.cache-hit }}
    steps:
      - uses: actions/checkout@v4
      - run: test "$(git rev-parse HEAD)" = "$GITHUB_SHA" && git fetch -q origin
      - uses: actions/cache@v4
        id: cache
        with:
          path: deps
          key: deps-${{ hashFiles('lock') }}
          restore-keys: deps-
      - run: mkdir -p deps out/sub && echo "${{ steps.cache.outputs.cache-matched-key }}" >>deps/seen && cp deps/seen out && echo b >out/sub/b
      - uses: actions/upload-artifact@v4
        id: upload
        with: {name: out, path: out, if-no-files-found: error}
      - run: echo "digest ${{ steps.upload.outputs.artifact-digest }}"
      - uses: actions/checkout@v4
        with: {path: again, persist-credentials: false}
  use:
    runs-on: ubuntu-latest
    needs: build
    steps:
      - uses: actions/download-artifact@v4
        with: {name: out, path: got}
      - uses: Actions/Checkout@0123456789012345678901234567890123456789
        with: {path: src, fetch-depth: 0}
      - uses: actions/cache/restore@v4
        with: {path: deps, key: "deps-${{ hashFiles('src/lock') }}", lookup-only: true}
      - run: |
          cat got/sub/b src/lock
          echo "hit '${{ needs.build.outputs.hit }}' $(wc -l <got/seen)"
`

func TestBuiltInActionsCarryAWorkflowWithoutInternet(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := startServer(t)
	r := s.newRepository("hello")
	for i, push := range []struct {
		lock string
		says []string
	}{
		{"one", []string{"Cache not found for input keys: deps-", "Cache saved with key: deps-", "hit '' 1", "b", "one"}},
		{"one", []string{"Cache restored from key: deps-", "not saving cache.", "hit 'true' 2"}},
		{"two", []string{"Cache hit for restore-key: deps-", "Cache saved with key: deps-", "hit 'false' 2", "two"}},
	} {
		sha := r.commit(".github/workflows/ci.yml", builtinWorkflow, "lock", push.lock+"\n")
		r.push()
		one := r.runOf(sha)
		r.succeed(one)
		var log []string
		for _, j := range r.jobs(one) {
			log = append(log, r.log(&j)...)
		}
		for _, want := range append(push.says, "Built-in action of Understudy", "Total of 1 artifact(s) downloaded", "digest ") {
			if !slices.ContainsFunc(log, func(line string) bool { return strings.Contains(line, want) }) {
				t.Errorf("push %d: the log lacks %q:\n%s", i, want, strings.Join(log, "\n"))
			}
		}
	}
}

// needNode skips a test where no actions in JavaScript can run, unless that is
// where they must.
func needNode(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	switch {
	case err == nil:
	case os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") != "":
		t.Fatal(err)
	default:
		t.Skipf("no node: %v", err)
	}
}
