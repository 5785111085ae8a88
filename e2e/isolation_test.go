package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
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
		"cat %[1]s/admin-token %[1]s/token.key %[1]s/secret.keys %[1]s/understudy.db 2>/dev/null && echo FOUND",
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
      - run: yes | head -1; echo "ended by ${PIPESTATUS[0]}"
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
		if j.Name == "first" && !slices.Contains(log, "ended by 1") { // as on GitHub's runner: the write fails, and no signal comes
			t.Errorf("a write to a closed pipe:\n%s", strings.Join(log, "\n"))
		}
		if j.Name == "second" && (!slices.Contains(log, "cached") || !slices.Contains(log, "kept")) {
			t.Errorf("the cache and the tools are not there:\n%s", strings.Join(log, "\n"))
		}
	}
	if text := string(read(t, filepath.Join(shared, "file"))); text != "shared\n" {
		t.Errorf("shared: %q", text)
	}
}

// limited starts a server whose only runner has limits for its jobs, and makes a
// repository there.
func limited(t *testing.T, args ...string) *repository {
	t.Helper()
	needSandbox(t)
	s := newServer(t, append(args, "--runners", "1")...)
	s.isolate("user")
	s.launch()
	until(t, "the server neither starts nor says why", func() bool {
		return s.ended() || strings.Contains(string(read(t, s.outFile)), "is ready.")
	})
	if s.ended() && strings.Contains(string(read(t, s.logFile)), "no such limit can be set here") {
		t.Skip("this machine has no cgroups for this test")
	}
	s.ready()
	return s.newRepository("hello")
}

func TestAJobThatUsesTooMuchMemorySaysSo(t *testing.T) {
	t.Parallel()
	r := limited(t, "--job-memory", "128MiB")
	const eat = `(x=$(head -c 200000000 /dev/zero | tr "\0" x); echo all)`
	job := r.conclude(r.pushWorkflow(workflow("ubuntu-latest", "[{run: '"+eat+"'}, {if: always(), run: echo after}]")), "failure")
	messages := r.annotations(job)
	want := []string{"Process completed with exit code 137.", "Out of memory: together the processes of this job may use 128 MiB of memory, which is --job-memory of the runner."}
	for _, text := range want {
		if !slices.ContainsFunc(messages, func(m string) bool { return strings.HasPrefix(m, text) }) {
			t.Errorf("no annotation says %q: %q", text, messages)
		}
	}
	if log := r.log(job); !slices.Contains(log, "after") || !slices.Contains(log, "Limits: '128 MiB of memory, 4096 processes'") {
		t.Errorf("the log:\n%s", strings.Join(log, "\n"))
	}
	job = r.conclude(r.pushWorkflow(workflow("ubuntu-latest", "[{run: '"+eat+" || echo went on'}]")), "success")
	if messages := r.annotations(job); len(messages) != 1 || !strings.HasPrefix(messages[0], "Out of memory") {
		t.Errorf("a job that goes on: %q", messages)
	}
}

func TestAForkBombHurtsOnlyItsJob(t *testing.T) {
	t.Parallel()
	r := limited(t, "--job-processes", "200")
	const bomb = `f() { f | f & }; f; sleep 2; exit 3`
	job := r.conclude(r.pushWorkflow(workflow("ubuntu-latest", "[{run: '"+bomb+"', timeout-minutes: 1}]")), "failure")
	messages := r.annotations(job)
	if !slices.ContainsFunc(messages, func(m string) bool {
		return strings.HasPrefix(m, "Too many processes: this job may have 200 at a time")
	}) {
		t.Errorf("annotations: %q", messages)
	}
	r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success")
}

// groups are the directories of the groups that a runner has written down.
func groups(t *testing.T, root string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".cgroups"))
	if err != nil {
		return nil // there are none
	}
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(dir string) bool {
		_, err := os.Stat(dir)
		return err != nil
	})
}

func TestGroupsOfJobsGoWithTheirRunner(t *testing.T) {
	t.Parallel()
	r := limited(t, "--job-processes", "300", "--job-lease", lease.String())
	s, root := r.server, filepath.Join(r.data+"-runners", "1")
	r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success")
	first := groups(t, root)
	if len(first) == 0 {
		t.Fatal("there are none")
	}
	if err := syscall.Kill(s.bundled()[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the next runner has not removed those of the killed one", func() bool {
		for _, dir := range first {
			if _, err := os.Stat(dir); err == nil {
				return false
			}
		}
		return true
	})
	r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success")
	last := groups(t, root)
	if code := s.stop(t); code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	for _, dir := range last {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
	if len(last) == 0 {
		t.Error("the second runner had none")
	}
}

func TestLimitsThatCannotBeKeptAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--isolation", "none", "--job-memory", "1GiB"}, "--job-memory: needs --isolation user"},
		{[]string{"--job-memory", "1"}, "--job-memory must be from 64 MiB"},
		{[]string{"--job-cpus", "NaN"}, "--job-cpus must be from"},
		{[]string{"--job-processes", "1"}, "--job-processes must be from 64"},
	} {
		for _, command := range [][]string{{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", freeAddress(t), "--runners", "1"}, {"runner", "--work", t.TempDir()}} {
			code, out := execute(t, environment(t), append(command, c.args...)...)
			if code == 0 || !strings.Contains(out, c.want) {
				t.Errorf("%q %q: exit %d, want %q\n%s", command[0], c.args, code, c.want, out)
			}
		}
	}
}

// The worker of a job in a sandbox is a process of its own.
func TestAJobInASandboxWhoseWorkerIsKilledSaysSo(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	s := newServer(t, "--runners", "1")
	s.isolate("user")
	s.start()
	r := s.newRepository("hello")
	long := fmt.Sprintf("600.%d", os.Getpid()) // no other process sleeps for as long
	run := r.pushWorkflow(workflow("ubuntu-latest", "[{run: echo begun; sleep "+long+"}]"))
	until(t, "the step does not run", func() bool {
		return len(processes(func(args []string) bool { return slices.Contains(args, long) })) > 0
	})
	for _, pid := range childrenOf(t, s.bundled()[0]) { // the worker, and one that waits for a job
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	messages := r.annotations(r.conclude(run, "failure"))
	if len(messages) != 1 || messages[0] != "The runner's worker process ended unexpectedly: signal: killed." {
		t.Errorf("annotations: %q", messages)
	}
	r.conclude(r.pushWorkflow(quick("ubuntu-latest")), "success")
}

// childrenOf are the processes that a process has started.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lists {
		text, _ := os.ReadFile(name) // a thread may have ended
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
