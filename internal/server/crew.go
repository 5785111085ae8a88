package server

import (
	"context"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/store"
)

// A crew is the bundled runners: processes of their own, each in a session of
// its own, that speak to this server as any other runner does. They outlive a
// server that is killed, and go on with their jobs; the next start finds them
// by the lock in their directory and leaves them alone. One that has ended is
// started again.
type crew struct {
	s      *Server
	wg     sync.WaitGroup
	cancel context.CancelFunc
	roots  []string

	mu       sync.Mutex
	stopping bool
	children map[int]bool // process ids of runners that this process started
}

const (
	crewLook     = 200 * time.Millisecond // between looks at a runner that is not our child
	firstPause   = time.Second            // before a runner that has ended is started again
	longestPause = time.Minute            // … when it keeps ending
	runnerLived  = 30 * time.Second       // a runner that lived so long had a good start
)

func (s *Server) startCrew(ctx context.Context) *crew {
	ctx, cancel := context.WithCancel(ctx)
	c := &crew{s: s, cancel: cancel, children: make(map[int]bool)}
	for i := range s.config.Runners {
		root := filepath.Join(s.config.Data, "runners", strconv.Itoa(i+1))
		c.roots = append(c.roots, root)
		c.wg.Go(func() { c.keep(ctx, root, i+1) })
	}
	if s.config.Runners > 0 && !s.config.local() {
		s.log.WarnContext(ctx, "jobs of the bundled runners run as this user on this host, and this server can be reached from others")
	}
	return c
}

// keep sees to it that a runner lives on root until ctx ends.
func (c *crew) keep(ctx context.Context, root string, number int) {
	wait := firstPause
	for ctx.Err() == nil {
		if pid, ok := runner.Running(root); ok {
			c.s.log.InfoContext(ctx, "bundled runner found", "runner", number, "pid", pid)
			if pid > 0 && !runner.Configured(root, c.url()) { // it looks for this server where that was before
				if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
					c.s.log.WarnContext(ctx, "bundled runner not told to end", "pid", pid, "err", err)
				}
			}
			c.await(ctx, root)
			continue
		}
		began := c.s.now()
		if err := c.start(ctx, root, number); err != nil && ctx.Err() == nil {
			c.s.log.ErrorContext(ctx, "bundled runner ended", "runner", number, "err", err, "log", filepath.Join(root, "runner.log"))
		}
		if c.s.now().Sub(began) > runnerLived {
			wait = firstPause
		}
		pause(ctx, wait)
		wait = min(2*wait, longestPause)
	}
}

// await waits for the end of a runner that is not a child of this process.
func (c *crew) await(ctx context.Context, root string) {
	for ctx.Err() == nil {
		if _, ok := runner.Running(root); !ok {
			return
		}
		pause(ctx, crewLook)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// start runs a runner process to its end. Its environment holds nothing of the
// server's. The registration token comes by standard input: its jobs could read
// an environment, and others the command line.
func (c *crew) start(ctx context.Context, root string, number int) error {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	out, err := openLog(filepath.Join(root, "runner.log"))
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own
	url, name := c.url(), "bundled-"+strconv.Itoa(number)
	if err := c.forget(ctx, name); err != nil {
		return err
	}
	args := []string{
		"runner", "--url", url, "--name", name, "--replace", "--work", root,
		"--labels", strings.Join(c.s.config.RunnerLabels, ","), "--drain", c.s.config.Drain.String(),
	}
	var in io.Reader
	if !runner.Configured(root, url) {
		text, _, err := c.s.runners.CreateToken(ctx, actions.Scope{}, false, registrationTime)
		if err != nil {
			return err
		}
		args, in = append(args, "--token", "-"), strings.NewReader(text+"\n")
	}
	cmd := exec.Command(c.s.deps.Program, args...) //nolint:noctx // it outlives every context of this process
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = root, c.s.deps.Env, in, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.launch(cmd); err != nil {
		return err
	}
	c.s.log.InfoContext(ctx, "bundled runner started", "runner", number, "pid", cmd.Process.Pid)
	err = cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.children, cmd.Process.Pid)
	return err
}

// url is what the runners are registered with.
func (c *crew) url() string { return c.s.local + "/enterprises/" + actions.Enterprise }

const maxRunnerLog = 8 << 20 // bytes, beyond which the next start makes a new file

// openLog opens the file that a runner prints to. The one before is kept once.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxRunnerLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// launch starts a runner, unless all are being stopped: that would miss it.
func (c *crew) launch(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return context.Canceled
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.children[cmd.Process.Pid] = true
	return nil
}

// forget ends the session of a runner that has no process. A killed one leaves
// it behind, and the next would have to wait until it counts no more.
func (c *crew) forget(ctx context.Context, name string) error {
	found, _, err := c.s.runners.List(ctx, actions.Scope{}, name, store.Page{Number: 1, Size: 1})
	if err != nil || len(found) == 0 {
		return err
	}
	return c.s.runners.EndSession(ctx, found[0].Runner)
}

// registrationTime is what a bundled runner has to register.
const registrationTime = time.Minute

// stop asks all runners to end, adopted ones too, and waits for it. Each gives
// its job what is left of the drain time, and then fails it and says so.
func (c *crew) stop(ctx context.Context) {
	c.cancel()
	for _, pid := range c.all() {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			c.s.log.WarnContext(ctx, "bundled runner not told to end", "pid", pid, "err", err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.wg.Wait()
		for _, root := range c.roots {
			c.await(ctx, root)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		c.s.log.WarnContext(ctx, "bundled runners are still at work")
	}
}

// all are the processes of all runners: children, which may be too young to
// hold their lock, and those that an earlier server started. No child comes
// after it.
func (c *crew) all() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	pids := slices.Collect(maps.Keys(c.children))
	for _, root := range c.roots {
		if pid, ok := runner.Running(root); ok && pid > 0 && !c.children[pid] {
			pids = append(pids, pid)
		}
	}
	return pids
}
