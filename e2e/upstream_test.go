package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

const (
	// setupTool is what setup-go and its like do: a program comes into a directory, and
	// into the PATH of later steps.
	setupTool = `const fs = require('fs'), path = require('path');
const dir = path.join(process.env.RUNNER_TOOL_CACHE, 'tool', process.env['INPUT_GO-VERSION']);
fs.mkdirSync(dir, {recursive: true});
fs.writeFileSync(path.join(dir, 'gopher'), '#!/bin/sh\necho tool ' + process.env['INPUT_GO-VERSION'] + '\n', {mode: 0o755});
fs.appendFileSync(process.env.GITHUB_PATH, dir + '\n');
`
	setupAction = `name: Setup
description: Sets a tool up
inputs: {go-version: {description: which, required: true}}
runs: {using: node20, main: dist/setup/index.js}
`
	greetAction = `name: Greet
description: Greets by another action
outputs: {said: {description: what, value: "${{ steps.inner.outputs.said }}"}}
runs:
  using: composite
  steps:
    - id: inner
      uses: far/inner/say@%s
    - shell: bash
      run: cat "$GITHUB_ACTION_PATH/words"
`
	innerAction = `name: Say
description: Says something
outputs: {said: {description: what, value: "${{ steps.a.outputs.said }}"}}
runs:
  using: composite
  steps:
    - {id: a, shell: bash, run: 'echo "said=hello from afar" >>"$GITHUB_OUTPUT"'}
`
	upstreamWorkflow = `on: push
permissions: {contents: read, actions: write}
jobs:
  all:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-go@v6
        with: {go-version: "1.26"}
      - run: gopher && cat lock
      - id: greet
        uses: far/greet@main
      - run: echo "greeting ${{ steps.greet.outputs.said }}"
      - uses: actions/upload-artifact@v4
        with: {do: artifacts, prefix: up, megabytes: 1, token: "${{ github.token }}"}
`
)

// addUpstream adds what the workflow uses to a host. The artifact action is made of npm's
// unmodified packages, with their check of the host's name.
func addUpstream(t *testing.T, host *gittest.Host) {
	t.Helper()
	upload, err := bundles["latest"]()
	if err != nil {
		t.Fatal(err)
	}
	add := func(name, tag string, files ...string) string {
		tree := host.Add(name)
		tree.Commit("before", "only-before", "x")
		tree.Git("rm", "-q", "only-before")
		sha := tree.Commit("one", files...)
		tree.Git("tag", "-a", tag, "-m", tag)
		tree.Git("push", "-q", "origin", "main", tag)
		return sha
	}
	checkout := []string{}
	for _, dir := range []string{"checkout", "lib"} {
		at := filepath.Join("..", "internal", "builtin", "actions", dir)
		entries, err := os.ReadDir(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := e.Name()
			if dir == "lib" {
				name = "lib/" + name
			}
			checkout = append(checkout, name, string(read(t, filepath.Join(at, e.Name()))))
		}
	}
	add("actions/checkout", "v5", append(checkout, "lib/about.json", `{"action":"checkout of upstream","version":"5"}`)...)
	add("actions/setup-go", "v6", "action.yml", setupAction, "dist/setup/index.js", setupTool)
	add("actions/upload-artifact", "v4", "action.yml", toolkitAction, "index.mjs", upload)
	inner := add("far/inner", "v1", "say/action.yml", innerAction)
	add("far/greet", "v1", "action.yml", fmt.Sprintf(greetAction, inner), "words", "words of the action\n")
}

// A lock is the report of what a run used.
type lock struct {
	Total   int `json:"total_count"`
	Actions []struct{ Name, Ref, SHA, Origin, Host string }
}

// runUpstream pushes the workflow, and checks its run and what its actions stood for.
func (r *repository) runUpstream(origin, host string) {
	r.t.Helper()
	sha := r.commit(".github/workflows/ci.yml", upstreamWorkflow, "lock", origin+"\n")
	r.push()
	one := r.runOf(sha)
	r.succeed(one)
	log := r.log(r.job(one))
	for _, want := range []string{"tool 1.26", origin, "greeting hello from afar", "words of the action", "Lifted the host check of the Actions toolkit in actions/upload-artifact@"} {
		if !slices.ContainsFunc(log, func(line string) bool { return strings.Contains(line, want) }) {
			r.t.Errorf("the log lacks %q:\n%s", want, strings.Join(log, "\n"))
		}
	}
	var l lock
	r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/actions", r.api, one.ID), nil, &l) // GitHub has no such operation
	var got []string
	for _, a := range l.Actions {
		if a.Origin != origin || a.Host != host || len(a.SHA) != 40 {
			r.t.Errorf("%+v, want %s from %s", a, origin, host)
		}
		if a.Name == "far/inner" && a.Ref != a.SHA {
			r.t.Errorf("%+v: it was named by its commit", a)
		}
		got = append(got, a.Name)
	}
	if want := "actions/checkout actions/setup-go actions/upload-artifact far/greet far/inner"; strings.Join(got, " ") != want {
		r.t.Errorf("the report has %v, want %s", got, want)
	}
}

// adminAction runs the program on the server's data.
func (s *server) adminAction(args ...string) string {
	s.t.Helper()
	code, out := execute(s.t, s.env, append([]string{"admin", "--data", s.data, "action"}, args...)...)
	if code != 0 {
		s.t.Fatalf("admin action %v: %d\n%s", args, code, out)
	}
	return out
}

func TestARepositoryRunsWithActionsFromElsewhere(t *testing.T) {
	t.Parallel()
	needToolkit(t)
	host := gittest.NewHost(t)
	addUpstream(t, host)
	s := startServer(t, "--builtin-actions", "never", "--actions-upstream", host.URL)
	r := s.newRepository("hello")
	r.publish()
	r.runUpstream("fetched", host.URL)
	r.page("/"+r.name+"/actions/runs/1").has("far/greet@main", "Actions <small>5</small>", "fetched from 127.0.0.1")
	if len(host.Requests()) == 0 {
		t.Error("nobody has asked the host")
	}

	s.kill()
	s.args = []string{"--builtin-actions", "never"} // with no upstream
	s.start()
	r.runUpstream("fetched", host.URL)

	mirror := startServer(t, "--builtin-actions", "never")
	file := filepath.Join(t.TempDir(), "ci.yml")
	write(t, file, upstreamWorkflow)
	if out := mirror.adminAction("--actions-upstream", host.URL, "mirror", file); !strings.Contains(out, "far/inner/say@") {
		t.Errorf("the mirror says\n%s", out)
	}
	requests := len(host.Requests())
	host.Close()
	if requests == 0 {
		t.Error("the mirror has asked nobody")
	}
	mirror.newRepository("hello").runUpstream("fetched", host.URL)

	exported := filepath.Join(t.TempDir(), "actions.tar")
	mirror.adminAction("export", exported)
	fresh := startServer(t, "--builtin-actions", "never")
	fresh.adminAction("import", exported)
	fresh.newRepository("hello").runUpstream("imported", host.URL)
	if out := fresh.adminAction("list"); strings.Count(out, "imported") != 5 {
		t.Errorf("the list is\n%s", out)
	}
	fresh.adminAction("remove", "far/greet")
	if code, out := execute(t, fresh.env, "admin", "--data", fresh.data, "action", "--actions-upstream", "off", "mirror", file); code == 0 || !strings.Contains(out, "not had: far/greet@main") {
		t.Errorf("what cannot be had: %d\n%s", code, out)
	}
}

// nodeIn puts a Node.js into a directory, as node24, that says so.
func nodeIn(t *testing.T, dir string) {
	t.Helper()
	real, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "node24", "bin", "node")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	// The real one comes beside it: it is in no PATH.
	if out, err := exec.CommandContext(t.Context(), "cp", real, program+"-real").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, program, "#!/bin/sh\necho this is node24\nexec \"$0-real\" \"$@\"\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
}

// pathWithoutNode is a directory of all programs in the PATH but Node.js.
func pathWithoutNode(t *testing.T) string {
	t.Helper()
	dir := openDir(t)
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(from) // which need not be there
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "node") {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())) // the first of a name counts
			}
		}
	}
	return dir
}

// openDir is a directory that every user may read.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestActionsRunByTheNodeOfTheOperator(t *testing.T) {
	t.Parallel()
	needNode(t)
	for name, begin := range map[string]func(t *testing.T) *server{
		"named before the PATH": func(t *testing.T) *server {
			dir := openDir(t)
			nodeIn(t, dir)
			return startServer(t, "--node", dir)
		},
		"installed where the PATH has none": func(t *testing.T) *server {
			s := newServer(t)
			s.env = append(s.env, "PATH="+pathWithoutNode(t))
			s.start()
			nodeIn(t, s.data+"-runners/node") // where admin node install puts it
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t).newRepository("hello")
			const workflow = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      - uses: ./act\n"
			sha := r.commit(".github/workflows/ci.yml", workflow,
				"act/action.yml", "name: x\ndescription: x\nruns: {using: node24, main: main.js}\n", "act/main.js", "console.log('ran')\n")
			r.push()
			one := r.runOf(sha)
			r.succeed(one)
			if log := r.log(r.job(one)); !slices.Contains(log, "this is node24") || !slices.Contains(log, "ran") {
				t.Errorf("the log is\n%s", strings.Join(log, "\n"))
			}
		})
	}
}
