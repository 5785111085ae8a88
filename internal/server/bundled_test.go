package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What stands in for the runner program writes down how it was started, and
// ends when it is told to.
const standIn = `#!/bin/sh
trap 'echo told >ended; kill $child 2>/dev/null; exit 0' TERM
echo "$@" >args
cat >token
env >env.new && mv env.new env
sleep 600 &
child=$!
wait
`

func program(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { // a program
		t.Fatal(err)
	}
	return path
}

// file waits for a file and returns what it holds.
func file(t *testing.T, path string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
			return string(text)
		}
	}
	t.Fatalf("%s did not come", path)
	return ""
}

func TestARunnerGetsNothingOfTheServersEnvironment(t *testing.T) {
	t.Setenv("UNDERSTUDY_DATABASE", "postgres://secret")
	c, d := testConfig(t), testDeps(t)
	c.Runners, c.RunnerLabels = 1, []string{"a", "b"}
	d.Program, d.Env = program(t, standIn), []string{"PATH=" + os.Getenv("PATH"), "HOME=/h"}
	r := start(t, c, d)
	root := filepath.Join(c.Data+"-runners", "1")
	env, args := file(t, filepath.Join(root, "env")), file(t, filepath.Join(root, "args"))
	if strings.Contains(env, "secret") || !strings.Contains(env, "HOME=/h\n") {
		t.Errorf("environment:\n%s", env)
	}
	if text := strings.TrimSpace(file(t, filepath.Join(root, "token"))); strings.Contains(args, text) || strings.Contains(env, text) {
		t.Errorf("the registration token is not on standard input alone: %s", args)
	}
	want := "runner --url " + r.urls[0] + "/enterprises/understudy --name bundled-1 --replace --work " + root + " --labels a,b --drain 5s --orphan-after 10m0s --node-last " + nodeDir(filepath.Dir(root)) + " --isolation none --token -"
	if strings.TrimSpace(args) != want {
		t.Errorf("arguments %q, want %q", args, want)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if got := file(t, filepath.Join(root, "ended")); got != "told\n" {
		t.Errorf("ended: %q", got)
	}
}

// oldRunner starts what stands in for a runner that an earlier server has started.
// The function that it returns waits for its end, which must be in order.
func oldRunner(t *testing.T, root string) (ended func()) {
	t.Helper()
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	const old = `exec 9>>.runner.lock; flock 9; echo $$ >.runner.lock; trap 'exit 0' TERM; while :; do sleep 0.05; done`
	cmd := exec.CommandContext(t.Context(), "bash", "-c", old)
	cmd.Dir = root
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file(t, filepath.Join(root, ".runner.lock"))
	return func() {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the old runner: %v, want it to end in order", err)
		}
	}
}

// A runner that outlived a server at another address would look there forever.
func TestARunnerOfAnotherAddressIsReplaced(t *testing.T) {
	c, d := testConfig(t), testDeps(t)
	c.Runners = 1
	d.Program, d.Env = program(t, standIn), []string{"PATH=" + os.Getenv("PATH")}
	root := filepath.Join(c.Data+"-runners", "1")
	ended := oldRunner(t, root)
	r := start(t, c, d)
	ended()
	if args := file(t, filepath.Join(root, "args")); !strings.Contains(args, r.urls[0]) {
		t.Errorf("the new runner: %q, want it at %s", args, r.urls[0])
	}
}

// A lock without a process id says 0, which means this process's own group.
func TestALockWithoutAProcessIsNotSignalled(t *testing.T) {
	c, d := testConfig(t), testDeps(t)
	c.Runners = 1
	d.Program = program(t, standIn)
	root := filepath.Join(c.Data+"-runners", "1")
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `exec 9>>.runner.lock; flock 9; echo >locked; while :; do sleep 0.05; done`)
	cmd.Dir = root
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file(t, filepath.Join(root, "locked"))
	bundled := start(t, c, d).startBundledRunners(t.Context(), bundle{count: 1})
	if pids := bundled.all(); len(pids) != 0 {
		t.Errorf("processes %v, want none", pids)
	}
	bundled.cancel()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	bundled.wg.Wait()
}

func TestALogThatIsLargeGivesWayToANewOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runner.log")
	if err := os.WriteFile(path, make([]byte, maxRunnerLog+1), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	now, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.Stat(path + ".1")
	if err != nil || now.Size() != 0 || old.Size() != maxRunnerLog+1 {
		t.Errorf("sizes %d and %v, %v", now.Size(), old, err)
	}
}
