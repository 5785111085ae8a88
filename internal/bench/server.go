package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
	"github.com/understudy-ci/understudy/internal/runner"
)

const (
	login      = "mona" // the account that owns the repositories
	drain      = "5s"
	stopLimit  = 20 * time.Second
	startLimit = 20 * time.Second
)

// A server is a process of the program, and what its clients need.
type server struct {
	b       *bench
	url     string // http://127.0.0.1:PORT
	data    string
	runners int
	flags   []string
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the process has ended
	ready   time.Duration // from its start to the first 200

	admin, user *client.Client // the REST API for the site admin, and for login
}

// serve starts a server on a new data directory, with an account that is no
// site admin, and waits until its bundled runners are there.
func (b *bench) serve(ctx context.Context, runners int) (_ *server, err error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	s, err := b.start(ctx, data, runners)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if err := s.signUp(ctx); err != nil {
		return nil, err
	}
	return s, s.awaitRunners(ctx)
}

// start starts the program on a data directory, with more flags if need be, and
// waits for its first 200.
func (b *bench) start(ctx context.Context, data string, runners int, flags ...string) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{b: b, url: "http://" + address, data: data, runners: runners}
	s.flags = append([]string{"serve", "--listen", address, "--data", data, "--runners", strconv.Itoa(runners), "--drain", drain}, flags...)
	return s, s.again(ctx)
}

// again starts the program, which does not run, and waits for its first 200.
func (s *server) again(ctx context.Context) error {
	out, err := os.OpenFile(s.data+".log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close() // the process has its own
	s.ended = make(chan struct{})
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), s.b.Binary, s.flags...) // the program that is measured
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.b.Env, out, out
	if s.b.Isolation != "" { // programs that do not know the flag do not mind the variable
		s.cmd.Env = append(slices.Clone(s.b.Env), "UNDERSTUDY_ISOLATION="+s.b.Isolation)
	}
	s.cmd.SysProcAttr = attributes()
	began := s.b.Now()
	if err := s.launch(); err != nil {
		return err
	}
	if err := s.awaitHealth(ctx); err != nil {
		s.stop()
		text, _ := os.ReadFile(s.data + ".log")
		return fmt.Errorf("server: %w\n%s", err, text)
	}
	s.ready = s.b.since(began)
	return nil
}

// launch starts the process. Its thread stays until the process has ended: the
// end of the thread is to the kernel the end of who started it.
func (s *server) launch() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.ended)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // how it ended is in its log
		}
	}()
	return <-started
}

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *server) awaitHealth(ctx context.Context) error {
	return until(ctx, "first answer", time.Millisecond, startLimit, func() (bool, error) {
		select {
		case <-s.ended:
			return false, errors.New("it ended")
		default:
		}
		c, err := dial(ctx, s.url)
		if err != nil {
			return false, nil // not yet
		}
		defer c.close()
		status, _, err := c.do(http.MethodGet, "/healthz", "", nil)
		return err == nil && status == http.StatusOK, nil
	})
}

// signUp makes the account and its token.
func (s *server) signUp(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	if err != nil {
		return err
	}
	if s.admin, err = client.New(client.Config{URL: s.url, Token: strings.TrimSpace(string(text))}); err != nil {
		return err
	}
	if s.user, err = s.account(ctx, login); err != nil {
		return err
	}
	// Some of what is measured is public. Older programs have no such setting: their
	// runners work for all.
	group := object{"allows_public_repositories": true}
	_ = s.admin.Do(ctx, http.MethodPatch, "/enterprises/understudy/actions/runner-groups/1", group, nil)
	return nil
}

// account makes an account and a token for it.
func (s *server) account(ctx context.Context, name string) (*client.Client, error) {
	err := s.admin.Do(ctx, http.MethodPost, "/admin/users", object{"login": name, "email": name + "@example.com"}, nil)
	if err != nil {
		return nil, err
	}
	var made struct{ Token string }
	scopes := object{"scopes": []string{"repo", "workflow"}}
	err = s.admin.Do(ctx, http.MethodPost, "/admin/users/"+name+"/authorizations", scopes, &made)
	return s.admin.As(made.Token), err
}

// use gives a server the accounts of another one, whose data it has.
func (s *server) use(other *server) (err error) {
	if s.admin, err = client.New(client.Config{URL: s.url, Token: other.admin.Token()}); err != nil {
		return err
	}
	s.user = s.admin.As(other.user.Token())
	return nil
}

// awaitRunners waits until all bundled runners are online.
func (s *server) awaitRunners(ctx context.Context) error {
	return until(ctx, "bundled runners", 20*time.Millisecond, startLimit, func() (bool, error) {
		var list struct{ Runners []struct{ Status string } }
		err := s.admin.Do(ctx, http.MethodGet, "/enterprises/understudy/actions/runners", nil, &list)
		online := 0
		for _, r := range list.Runners {
			if r.Status == "online" {
				online++
			}
		}
		return online >= s.runners, err
	})
}

// stop ends the server and its runners, by force if need be, and removes the
// data directory unless it is used again.
func (s *server) stop() {
	s.halt()
	if err := os.RemoveAll(s.data); err != nil {
		s.b.say("  %s is left: %v", s.data, err)
	}
}

// halt is stop, and the data directory stays.
func (s *server) halt() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.b.say("  server: %v", err)
	}
	t := time.NewTimer(stopLimit)
	defer t.Stop()
	select {
	case <-s.ended:
	case <-t.C:
		s.b.say("  the server does not stop and is killed")
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	for _, pid := range s.runnerPIDs() {
		s.b.say("  runner %d is left and is killed", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// runnerPIDs are the processes of the bundled runners.
func (s *server) runnerPIDs() []int {
	var pids []int
	for i := range s.runners {
		for _, dir := range []string{s.data + "-runners", filepath.Join(s.data, "runners")} { // the latter is that of older programs
			pid, ok := runner.Running(filepath.Join(dir, strconv.Itoa(i+1)))
			if ok && pid > 1 { // less has a meaning of its own to kill
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Names of a process's memory in /proc/PID/status.
const (
	resident     = "VmRSS"
	peakResident = "VmHWM"
)

// memory is what a process holds, in bytes.
func memory(pid int, name string) (int64, error) {
	kb, _, _ := strings.Cut(field(fmt.Sprintf("/proc/%d/status", pid), name), " ")
	n, err := strconv.ParseInt(kb, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return n * 1024, nil
}

// processor is how long the server has run, on all processors.
func (s *server) processor() (time.Duration, error) { return processorTime(s.cmd.Process.Pid) }

// ticks is how many clock ticks of /proc are a second: it is 100 on every
// platform of Go.
const ticks = 100

// processorTime is how long a process has run, on all processors.
func processorTime(pid int) (time.Duration, error) { return timeOf(pid, 2) }

// familyTime is processorTime with the children that have ended.
func familyTime(pid int) (time.Duration, error) { return timeOf(pid, 4) }

// timeOf is the sum of the first n of user time, system time, and the same of the
// children that were waited for.
func timeOf(pid, n int) (sum time.Duration, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, which may hold anything, ends in the last parenthesis; after it
	// come the state and ten more fields.
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const first = 11
	if len(f) < first+n {
		return 0, fmt.Errorf("process %d: its state has %d fields", pid, len(f))
	}
	for _, text := range f[first : first+n] {
		t, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(t) * time.Second / ticks
	}
	return sum, nil
}
