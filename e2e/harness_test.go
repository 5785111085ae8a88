// Package e2e_test drives the built program as its users do: a server process
// on a loopback port, runner processes, real git, requests over HTTP. It shares
// no memory with what it tests, so it may kill it at any time.
//
// A [server] owns a data directory and a port; it can be killed and started
// again on both. A [gate] is a job that runs for as long as a test wants it to,
// and says how far it is without the server's help. Nothing here waits for time
// to pass: [until] looks again until what it waits for is there. The logs of
// all processes are shown when a test fails; none outlives its test.
package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/openapitest"
)

// patience is how long something that must happen may take on a slow machine.
const patience = 5 * time.Minute

// program is the path of the binary that TestMain builds.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "understudy-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }() // at worst, a file is left in the temporary directory
		program = filepath.Join(dir, "understudy")
		if err := build(program); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return openapitest.Main(m)
	}())
}

// build builds the program. UNDERSTUDY_TEST_RACE builds it as the test was, with the
// race detector if that has it: some tests then take three times as long.
func build(path string) error {
	args := []string{"build", "-o", path}
	if info, ok := debug.ReadBuildInfo(); ok && os.Getenv("UNDERSTUDY_TEST_RACE") != "" {
		for _, setting := range info.Settings {
			if setting.Key == "-race" || setting.Key == "-gcflags" {
				args = append(args, setting.Key+"="+setting.Value)
			}
		}
	}
	cmd := exec.CommandContext(context.Background(), "go", append(args, "../cmd/understudy")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build of the program: %w\n%s", err, out)
	}
	return nil
}

// look looks at every file that the program is made of. The go command keeps the
// result of a test until a file changes that the test has looked at.
var look = sync.OnceValue(func() error {
	visit := func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = os.Stat(path)
		}
		return err
	}
	return errors.Join(filepath.WalkDir("../cmd", visit), filepath.WalkDir("../internal", visit))
})

// until looks every few milliseconds until ok says yes, and fails the test when
// that takes longer than patience.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	untilEvery(t, 10*time.Millisecond, what, ok)
}

// untilEvery is until with another time from look to look.
func untilEvery(t *testing.T, every time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// environment is that of every process: nothing of the test's own that could
// set a flag, or git's configuration.
func environment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8",
		"UNDERSTUDY_ACTIONS_UPSTREAM=off",
	}, isolation()...) // nothing of a test comes from the internet
}

// isolation are variables that say what keeps jobs from the rest of the machine. It
// is nothing, so that tests see what jobs do, unless UNDERSTUDY_TEST_ISOLATION says
// otherwise: then jobs see the temporary directory of the tests, too.
func isolation() []string {
	if name := isolated(); name != "" {
		return []string{"UNDERSTUDY_ISOLATION=" + name, "UNDERSTUDY_SHARE=" + os.TempDir(), "UNDERSTUDY_JOB_SHARE=" + os.TempDir()}
	}
	return []string{"UNDERSTUDY_ISOLATION=none"}
}

// isolated is the isolation that the environment asks for, "" for none.
func isolated() string {
	if name := os.Getenv("UNDERSTUDY_TEST_ISOLATION"); name != "none" {
		return name
	}
	return ""
}

// isolate gives the server's jobs an isolation; "" leaves the choice to the server.
func (s *server) isolate(name string) {
	s.env = slices.DeleteFunc(s.env, func(entry string) bool { return slices.Contains(isolation(), entry) })
	if name != "" {
		s.env = append(s.env, "UNDERSTUDY_ISOLATION="+name)
	}
}

// A process is a child of the test.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// spawn starts the program. Its standard output goes to out and the rest to
// log, from the start of the former and the end of the latter.
func spawn(t *testing.T, env []string, out, log string, args ...string) *process {
	t.Helper()
	return spawnBy(t, nil, nil, env, out, log, args...)
}

// spawnBy is spawn by way of another program with arguments, which ends in it. The
// program gets the files from descriptor 3 on.
func spawnBy(t *testing.T, files []*os.File, by, env []string, out, log string, args ...string) *process {
	t.Helper()
	words := slices.Concat(by, []string{program}, args)
	p := &process{exec.Command(words[0], words[1:]...), make(chan struct{})} //nolint:noctx // its end is a matter of the test
	p.cmd.Env, p.cmd.ExtraFiles = env, files
	for _, to := range []struct {
		stream *io.Writer
		path   string
		flag   int
	}{
		{&p.cmd.Stdout, out, os.O_TRUNC},
		{&p.cmd.Stderr, log, os.O_APPEND},
	} {
		f, err := os.OpenFile(to.path, os.O_CREATE|os.O_WRONLY|to.flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() // the child has its own
		*to.stream = f
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the state tells
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error is that it has ended
	<-p.done
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.wait(t)
}

// wait waits for the process to end by itself and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	until(t, "the process has not ended: "+p.cmd.String(), p.ended)
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// A server is one data directory and port, and the process on it while there is
// one. Fields may be changed before it starts.
type server struct {
	t    *testing.T
	data string
	url  string   // http://127.0.0.1:PORT
	args []string // of serve, besides the data directory and the port
	env  []string

	sockets []*os.File // passed on to the process, in place of --listen

	token   string // the site admin's; set by the first start
	outFile string // standard output of the running process
	logFile string // log of all processes
	*process
}

// newServer prepares a server that was never started.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	if err := look(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &server{
		t: t, data: filepath.Join(dir, "data"), url: "http://" + freeAddress(t), args: args, env: environment(t),
		outFile: filepath.Join(dir, "out"), logFile: filepath.Join(dir, "log"),
	}
	watchLogs(t, s.logFile, filepath.Join(s.data+"-runners", "*", "runner.log"))
	t.Cleanup(func() { endProcesses(t, dir) })
	return s
}

// endProcesses kills what still runs in a directory. A server that is killed while
// it starts a runner leaves a process that has the server's arguments for a short time,
// and then the runner's: so it looks again until there is nothing.
func endProcesses(t *testing.T, dir string) {
	t.Helper()
	until(t, "processes outlive their end", func() bool {
		left := processes(func(args []string) bool {
			return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, dir) })
		})
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error is that it has ended
		}
		return len(left) == 0
	})
	removeGroups(t, filepath.Join(dir, "*", "*"))
}

// removeGroups removes the cgroups that runners which were killed have left; pattern
// is of their directories.
func removeGroups(t *testing.T, pattern string) {
	t.Helper()
	roots, _ := filepath.Glob(pattern) // the pattern is good
	for _, root := range roots {
		for _, dir := range groups(t, root) {
			until(t, dir+" is left", func() bool {
				inner, _ := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs")) // the pattern is good
				for _, file := range inner {
					_ = syscall.Rmdir(filepath.Dir(file)) // its processes are ending, perhaps
				}
				err := syscall.Rmdir(dir)
				return err == nil || errors.Is(err, fs.ErrNotExist)
			})
		}
	}
}

// startServer makes a new server and starts it.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := newServer(t, args...)
	s.start()
	return s
}

// ports counts from somewhere: no two servers of this process get the same port,
// also when one of them is away for a short time.
var ports atomic.Uint32

// freeAddress is a loopback address where nobody listens. It lies below the
// ports that the kernel gives to clients: one of those, such as a runner that
// looks for its killed server, could otherwise take it.
func freeAddress(t *testing.T) string {
	t.Helper()
	const lowest, count = 20000, 12000
	ports.CompareAndSwap(0, 1+rand.Uint32N(count))
	for range count {
		addr := fmt.Sprintf("127.0.0.1:%d", lowest+ports.Add(1)%count)
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		if err == nil {
			_ = l.Close() // it accepted nothing
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start starts the server and returns when it says that it is ready.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	s.ready()
}

// launch starts the server without waiting for it.
func (s *server) launch() {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.data, "--listen", strings.TrimPrefix(s.url, "http://"), "--orphan-after", "5s"}, s.args...)
	var by []string
	if len(s.sockets) > 0 {
		by = []string{"sh", "-c", fmt.Sprintf(`LISTEN_PID=$$ LISTEN_FDS=%d exec "$0" "$@"`, len(s.sockets))}
	}
	s.process = spawnBy(s.t, s.sockets, by, s.env, s.outFile, s.logFile, args...)
}

// ready waits for a launched server to say that it is ready.
func (s *server) ready() {
	s.t.Helper()
	until(s.t, "the server is not ready", func() bool {
		if s.ended() {
			s.t.Fatalf("the server ended: %v", s.cmd.ProcessState)
		}
		return bytes.Contains(read(s.t, s.outFile), []byte("is ready."))
	})
	s.token = strings.TrimSpace(string(read(s.t, filepath.Join(s.data, "admin-token"))))
}

// bundled lists the processes of bundled runners on the data directory, by what
// the kernel says about them.
func (s *server) bundled() []int {
	return runnersIn(s.data + "-runners" + string(filepath.Separator))
}

// runnersIn lists the runner processes whose --work begins with prefix.
func runnersIn(prefix string) []int {
	return processes(func(args []string) bool {
		work := slices.Index(args, "--work")
		return slices.Contains(args, "runner") && work >= 0 && strings.HasPrefix(args[work+1], prefix)
	})
}

// processes lists those whose arguments are the wanted ones.
func processes(wanted func(args []string) bool) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil || !wanted(strings.Split(string(text), "\x00")) {
			continue // an error is that it has ended
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A runner is a process of its own, started by hand in a directory of its own.
type runner struct {
	*process
	work    string // its directory
	logFile string
}

// newRunner starts a runner. Where it registers itself, args say as what.
func newRunner(t *testing.T, args ...string) *runner {
	t.Helper()
	return newRunnerBy(t, nil, args...)
}

// newRunnerBy is newRunner by way of another program: see spawnBy.
func newRunnerBy(t *testing.T, by []string, args ...string) *runner {
	t.Helper()
	dir := t.TempDir()
	r := &runner{work: filepath.Join(dir, "work"), logFile: filepath.Join(dir, "log")}
	watchLogs(t, r.logFile)
	t.Cleanup(func() { removeGroups(t, filepath.Join(dir, "*")) })
	r.process = spawnBy(t, nil, by, environment(t), filepath.Join(dir, "out"), r.logFile, append([]string{"runner", "--work", r.work}, args...)...)
	return r
}

// restart starts a runner that has ended in its directory again.
func (r *runner) restart(t *testing.T) {
	t.Helper()
	r.process = spawn(t, environment(t), filepath.Join(filepath.Dir(r.work), "out"), r.logFile, "runner", "--work", r.work)
}

// watchLogs looks at the files that match the patterns at the end of a test. It
// fails the test if a process has crashed or raced, and shows the logs of a test
// that has failed.
func watchLogs(t *testing.T, patterns ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, pattern := range patterns {
			names, _ := filepath.Glob(pattern) // the pattern is good
			for _, name := range names {
				text := string(read(t, name))
				if strings.Contains(text, "WARNING: DATA RACE") || strings.Contains(text, "\npanic: ") || strings.HasPrefix(text, "panic: ") {
					t.Error("a process has crashed or raced")
				}
				if t.Failed() {
					t.Logf("%s:\n%s", name, text)
				}
			}
		}
	})
}

// read returns the content of a file.
func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// write makes a file and the directories above it.
func write(t *testing.T, path, text string) {
	t.Helper()
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)) // of a test
	if err != nil {
		t.Fatal(err)
	}
}

// A gate holds a job up until it is opened. The job prints numbered lines all
// the while, and leaves the last number where the test sees it without a server.
type gate struct {
	t   *testing.T
	dir string
}

// newGate makes a closed gate. A job that is still at it when the test ends
// ends too.
func newGate(t *testing.T) *gate {
	t.Helper()
	dir, err := os.MkdirTemp("", "understudy-gate-") // not TempDir: the job may write while it is removed
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })  // the job may be about to write
	if err := os.Chmod(dir, 0o777); err != nil { // it may have another user
		t.Fatal(err)
	}
	return &gate{t, dir}
}

// steps is the list of steps of the job, in YAML's flow style.
func (g *gate) steps() string {
	script := `i=0; while [ -d %[1]s ] && [ ! -e %[1]s/open ]; do i=$((i+1)); echo line $i; echo $i >%[1]s/line; sleep 0.01; done; echo end $i`
	return fmt.Sprintf("[{run: '"+script+"'}]", g.dir)
}

// line is the number of the line that the job has printed last, 0 before the first.
func (g *gate) line() int {
	text, _ := os.ReadFile(filepath.Join(g.dir, "line")) // not there yet
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// pass waits until the job has printed so many lines more.
func (g *gate) pass(lines int) {
	g.t.Helper()
	first := 0
	until(g.t, "the job prints no lines", func() bool {
		n := g.line()
		if first == 0 {
			first = n
		}
		return first > 0 && n >= first+lines
	})
}

// open lets the job go on.
func (g *gate) open() { write(g.t, filepath.Join(g.dir, "open"), "") }
