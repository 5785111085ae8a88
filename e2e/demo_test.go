package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// demoSays are lines that every demo prints.
var demoSays = []string{
	`  server +http://127\.0\.0\.1:\d+, 2 runners, (SQLite|PostgreSQL)`,
	`  sample +octo/hello pushed in .*`,
	`build \(fr\): starts on bundled-[12]`,
	`test:   ✓ Compare with the first build`,
	`report: success after .*`,
	`✓ CI #1 · push on main · success`,
	`  +hello-en +[0-9a-f]{40}`,
	`  Commit [0-9a-f]{10} on main: built twice with the same result, 20 tests passed\.`,
	`  run +http://127\.0\.0\.1:\d+/octo/hello/actions/runs/\d+( \(.*\))?`,
	`  first step +\d+ ms after git push returned.*`,
	`  conclusion +success.*`,
	`  logs +\d+ files in the archive that the API gives`,
	`  artifact +hello, 4 files in \d+ bytes, downloaded and as uploaded:`,
	` +sha256:[0-9a-f]{64}`,
}

func saysAll(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile("(?m)^" + line + "$").MatchString(out) {
			t.Errorf("the output lacks the line %s:\n%s", line, out)
		}
	}
}

func TestDemoEndsWell(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		t.Parallel()
		args := []string{"demo"}
		if strings.HasPrefix(url, "postgres") {
			args = append(args, "--database", url)
		}
		env := environment(t)
		code, out := execute(t, env, args...)
		if code != 0 {
			t.Errorf("exit %d", code)
		}
		saysAll(t, out, demoSays...)
		for _, v := range env {
			if dir, ok := strings.CutPrefix(v, "TMPDIR="); ok {
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("the demo leaves behind %v, %v", left, err)
				}
			}
		}
	})
}

// A keptDemo is a demo whose server is up.
type keptDemo struct {
	*process
	url, dir, out string
	token         string // of octo
}

// keepDemo starts a demo and returns when it says how to use its server.
func keepDemo(t *testing.T) *keptDemo {
	t.Helper()
	top, err := os.MkdirTemp("", "understudy-kept-") // not TempDir: the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	d := &keptDemo{dir: filepath.Join(top, "demo")}
	log, out := filepath.Join(top, "log"), filepath.Join(top, "out")
	t.Cleanup(func() { _ = os.RemoveAll(top) }) // at worst it stays
	watchLogs(t, log, out, filepath.Join(d.dir, "server.log"))
	t.Cleanup(func() { // when the server, which would start them again, is gone
		endProcesses(t, d.dir)
	})
	d.process = spawn(t, environment(t), out, log, "demo", "--keep", "--dir", d.dir)
	until(t, "the demo does not say where its log is", func() bool {
		d.out = string(read(t, out))
		return d.ended() || strings.Contains(d.out, "The log of the server is")
	})
	if d.ended() {
		t.Fatalf("the demo ended: %v", d.cmd.ProcessState)
	}
	d.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(d.out)
	d.token = strings.TrimSpace(string(read(t, filepath.Join(d.dir, "octo-token"))))
	return d
}

func TestKeptDemoIsUsedAsItSays(t *testing.T) {
	t.Parallel()
	d := keepDemo(t)
	s := &server{t: t, url: d.url, token: d.token}
	r := &repository{server: s, name: "octo/hello", api: "/repos/octo/hello"}
	saysAll(t, d.out, demoSays...)
	page := regexp.MustCompile(`(?m)^The page\n  http://\S+(/octo/hello/actions)$`).FindStringSubmatch(d.out)
	if page == nil {
		t.Fatalf("no page in\n%s", d.out)
	}
	s.page(page[1]).has("First commit")

	shell := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
		cmd.Env = append(environment(t), "GIT_AUTHOR_NAME=o", "GIT_AUTHOR_EMAIL=o@o", "GIT_COMMITTER_NAME=o", "GIT_COMMITTER_EMAIL=o@o")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return string(out)
	}
	if exports := regexp.MustCompile(`(?m)^  (export .*)$`).FindAllStringSubmatch(d.out, -1); len(exports) != 2 {
		t.Errorf("exports for gh: %q", exports)
	} else if _, err := exec.LookPath("gh"); err != nil {
		t.Logf("gh is not tried: %v", err)
	} else {
		gh := exports[0][1] + "\n" + exports[1][1] + "\n"
		if out := shell(gh + "gh run list"); !strings.Contains(out, "completed\tsuccess\t") {
			t.Errorf("gh run list:\n%s", out)
		}
		shell(gh + "gh workflow run ci.yml")
		r.await(r.runAt(".github/workflows/ci.yml", "workflow_dispatch"), "success")
	}
	again := regexp.MustCompile(`(?m)^Another push\n((?:  .*\n)+)`).FindStringSubmatch(d.out)
	if again == nil {
		t.Fatalf("no push in\n%s", d.out)
	}
	shell(again[1])
	r.await(&r.runs()[0], "success")

	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := d.wait(t); code != 0 {
		t.Errorf("exit %d", code)
	}
	if left := runnersIn(d.dir); len(left) > 0 {
		t.Errorf("runners are left: %v", left)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "data", "admin-token")); err != nil {
		t.Error(err)
	}
}

func TestDemoFailsWhereItCannotWork(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	write(t, filepath.Join(full, "thesis.txt"), "")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"is not empty", []string{"--dir", full}},
		{"database", []string{"--database", "postgres://nobody@127.0.0.1:1/nothing"}},
	} {
		code, out := execute(t, environment(t), append([]string{"demo"}, c.args...)...)
		if code != 1 || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit %d, want 1 and %q:\n%s", c.args, code, c.want, out)
		}
	}
	if names, err := filepath.Glob(filepath.Join(full, "*")); err != nil || fmt.Sprint(names) != fmt.Sprint([]string{filepath.Join(full, "thesis.txt")}) {
		t.Errorf("in the directory: %v, %v", names, err)
	}
}
