package containertest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An Own engine is there for one test, which may kill it.
type Own struct {
	Engine
	dir    string   // of its data and its processes
	daemon []string // how it is started
}

// StartOwn starts an engine, which ends with the test.
func StartOwn(t testing.TB) *Own {
	t.Helper()
	Need(t) // where there is one, there can be another
	cmd := exec.CommandContext(t.Context(), filepath.Join(top(t), "scripts/with-docker"), "sh", "-c", "echo $UNDERSTUDY_TEST_DOCKER; cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env, cmd.Stderr = append(os.Environ(), "UNDERSTUDY_TEST_DOCKER="), os.Stderr
	cmd.Cancel = func() error { return in.Close() } // it stops the engine then
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // it was cancelled
	line, err := bufio.NewReader(out).ReadString('\n')
	address := strings.TrimSpace(line)
	if err != nil || address == "" {
		t.Fatalf("no engine of its own: %q, %v", line, err)
	}
	o := &Own{dir: filepath.Dir(strings.TrimPrefix(address, "unix://"))}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(o.pid(t)) + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	o.daemon = strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	var missing string
	if o.Engine, missing = docker(address); missing != "" {
		t.Fatal(missing)
	}
	return o
}

// top is the directory of the project.
func top(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == "/" {
			t.Fatal("no directory of the project")
		}
		dir = filepath.Dir(dir)
	}
}

func (o *Own) pid(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// Kill kills the engine's daemon as kill -9 does. What runs its containers goes on.
func (o *Own) Kill(t testing.TB) {
	t.Helper()
	kill(t, []int{o.pid(t)})
}

// KillAll kills all processes of the engine at once, and those of its containers.
func (o *Own) KillAll(t testing.TB) {
	t.Helper()
	var all []int
	inside := map[string]bool{} // namespaces of containers
	shims := map[string]bool{}
	each(func(pid string) {
		text, _ := os.ReadFile("/proc/" + pid + "/cmdline") // it has ended
		program, _, _ := bytes.Cut(text, []byte{0})         // others have the address of its socket
		if name := filepath.Base(string(program)); bytes.Contains(text, []byte(o.dir+"/")) && (strings.HasPrefix(name, "dockerd") || strings.HasPrefix(name, "containerd") || name == "docker-proxy" || name == "runc") {
			n, _ := strconv.Atoi(pid) // it is a number
			all = append(all, n)
			shims[pid] = true
		}
	})
	own, _ := os.Readlink("/proc/self/ns/pid")
	each(func(pid string) {
		if stat := strings.Fields(after(pid)); len(stat) > 1 && shims[stat[1]] {
			if ns, err := os.Readlink("/proc/" + pid + "/ns/pid"); err == nil && ns != own {
				inside[ns] = true
			}
		}
	})
	each(func(pid string) {
		if ns, err := os.Readlink("/proc/" + pid + "/ns/pid"); err == nil && inside[ns] {
			n, _ := strconv.Atoi(pid) // it is a number
			all = append(all, n)
		}
	})
	kill(t, all)
}

// after is what follows the name of a process in its state: its own state, its parent, and so on.
func after(pid string) string {
	text, _ := os.ReadFile("/proc/" + pid + "/stat") // it has ended
	return string(text[bytes.LastIndexByte(text, ')')+1:])
}

func each(do func(pid string)) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range dirs {
		do(filepath.Base(dir))
	}
}

func kill(t testing.TB, pids []int) {
	t.Helper()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	for _, pid := range pids {
		wait(t, "the engine ends", func() bool {
			stat := strings.Fields(after(strconv.Itoa(pid)))
			return len(stat) == 0 || stat[0] == "Z"
		})
	}
}

// Restart starts an engine that was killed again.
func (o *Own) Restart(t testing.TB) {
	t.Helper()
	// Where nobody waits for orphans, the killed containerd seems to be alive.
	if err := os.Remove(filepath.Join(o.dir, "exec/containerd/containerd.pid")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(o.dir, "log"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()                                 // the engine has its own
	cmd := exec.Command(o.daemon[0], o.daemon[1:]...) //nolint:noctx // scripts/with-docker ends it
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // with the test
	wait(t, "the engine answers", func() bool {
		ask := exec.CommandContext(t.Context(), o.Program, "version")
		ask.Env = o.Env
		return ask.Run() == nil
	})
}

func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(what + ": it does not")
		}
	}
}
