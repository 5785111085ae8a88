package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// needSandbox skips a test where jobs cannot have namespaces of their own.
func needSandbox(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("sandboxes are tried as root")
	}
}

func TestAJobInASandboxSeesNothingOfTheServer(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	s := newServer(t, "--runners", "2")
	s.isolate("user")
	s.start()
	if out := string(read(t, s.outFile)); !strings.Contains(out, "bundled runners: 2, isolation user") {
		t.Errorf("the start says:\n%s", out)
	}
	s.makeUser("mona") // changes nothing: jobs are kept from the rest of the machine
	r := s.newRepository("hello")
	script := fmt.Sprintf(strings.Join([]string{
		"cat %[1]s/admin-token %[1]s/token.key %[1]s/understudy.db 2>/dev/null && echo FOUND",
		"ls %[1]s-runners/1 %[1]s-runners/2 2>/dev/null | grep . && echo FOUND",
		"ls -d /proc/%[2]d && echo FOUND",
		"(echo x >/usr/x || echo x >/etc/x) && echo FOUND",
		"echo cookie >/tmp/of-a-job; echo cookie >$HOME/of-a-job",
		"echo id $(id -un) $HOME $PWD $RUNNER_TEMP $RUNNER_TOOL_CACHE",
	}, "; "), s.data, s.cmd.Process.Pid)
	job := r.conclude(r.pushWorkflow(workflow("ubuntu-latest", "[{run: '"+script+"'}]")), "success")
	log := r.log(job)
	for _, want := range []string{
		"Isolation: 'user'", "id runner /home/runner /home/runner/work/hello/hello /home/runner/work/_temp /home/runner/work/_tool",
	} {
		if !slices.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, strings.Join(log, "\n"))
		}
	}
	if slices.Contains(log, "FOUND") {
		t.Errorf("the job has found something:\n%s", strings.Join(log, "\n"))
	}
	for range 2 { // on both runners, perhaps
		r.conclude(r.pushWorkflow(workflow("ubuntu-latest", `[{run: 'test ! -e /tmp/of-a-job -a ! -e $HOME/of-a-job'}]`)), "success")
	}
}

// Everything that jobs do elsewhere works in a sandbox, too: scripts, actions with a
// post step, artifacts, caches, summaries, tools, processes in the background.
func TestAJobInASandboxWorksAsElsewhere(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	needNode(t)
	shared := filepath.Join(t.TempDir(), "shared")
	if err := os.MkdirAll(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o777); err != nil { // regardless of the umask
		t.Fatal(err)
	}
	s := newServer(t, "--runners", "1", "--job-share", shared)
	s.isolate("user")
	s.start()
	r := s.newRepository("hello")
	const file = `on: push
jobs:
  first:
    runs-on: ubuntu-latest
    outputs: {out: '${{ steps.set.outputs.out }}'}
    steps:
      - uses: actions/checkout@v4
      - id: set
        run: |
          echo out=value >>$GITHUB_OUTPUT; echo A=b >>$GITHUB_ENV; echo $PWD/bin >>$GITHUB_PATH; echo "# summary" >>$GITHUB_STEP_SUMMARY
          mkdir -p bin $RUNNER_TOOL_CACHE/tool; printf '#!/bin/sh\necho from the path\n' >bin/of-mine; chmod +x bin/of-mine; echo kept >>$RUNNER_TOOL_CACHE/tool/file
          git log --oneline | grep . && echo "hash ${{ hashFiles('.github/**') }}"
          setsid sleep 600 >/dev/null 2>&1 &
      - run: of-mine && test "$A" = b && node -e 'const os = require("os"); if (os.userInfo().username != "runner") process.exit(1); require("net").createServer().listen("/tmp/socket", () => process.exit(0))'
      - uses: actions/upload-artifact@v4
        with: {name: tools, path: bin}
      - uses: actions/cache@v4
        with: {path: ~/.cached, key: k}
      - run: mkdir -p ~/.cached && echo cached >~/.cached/file; echo shared >SHARED/file
  second:
    needs: first
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v4
        with: {name: tools}
      - uses: actions/cache@v4
        with: {path: ~/.cached, key: k}
      - run: test "${{ needs.first.outputs.out }}" = value && sh of-mine && cat ~/.cached/file $RUNNER_TOOL_CACHE/tool/file
`
	run := r.pushWorkflow(strings.ReplaceAll(file, "SHARED", shared))
	r.succeed(run)
	for _, j := range r.jobs(run) {
		log := r.log(&j)
		if j.Name == "first" && !slices.ContainsFunc(log, func(line string) bool { return strings.HasPrefix(line, "Terminate orphan process") }) {
			t.Errorf("a process is not ended:\n%s", strings.Join(log, "\n"))
		}
		if j.Name == "second" && (!slices.Contains(log, "cached") || !slices.Contains(log, "kept")) {
			t.Errorf("the cache and the tools are not there:\n%s", strings.Join(log, "\n"))
		}
	}
	if text := string(read(t, filepath.Join(shared, "file"))); text != "shared\n" {
		t.Errorf("shared: %q", text)
	}
}
