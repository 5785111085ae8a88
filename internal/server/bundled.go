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

	"github.com/cenkalti/backoff/v5"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/store"
)

// bundledRunners are the runners that this server starts: processes of their
// own, each in its own session, that speak to this server as any other runner
// does. They outlive a server that is killed and continue their jobs; the next
// start finds them by the lock in their directory and leaves them alone. One that
// has ended is started again.
type bundledRunners struct {
	s      *Server
	wg     sync.WaitGroup
	cancel context.CancelFunc
	roots  []string

	mu       sync.Mutex
	stopping bool
	children map[int]bool // process ids of runners that this process started
}

const (
	lookInterval = 200 * time.Millisecond // between checks of a runner that is not our child
	firstPause   = time.Second            // before a runner that has ended is started again
	longestPause = time.Minute            // … when it keeps ending
	runnerLived  = 30 * time.Second       // a runner that lived this long started well: the pause is short again
)

func (s *Server) startBundledRunners(ctx context.Context) *bundledRunners {
	ctx, cancel := context.WithCancel(ctx)
	b := &bundledRunners{s: s, cancel: cancel, children: make(map[int]bool)}
	for i := range s.config.Runners {
		root := filepath.Join(s.config.Data, "runners", strconv.Itoa(i+1))
		b.roots = append(b.roots, root)
		b.wg.Go(func() { b.keep(ctx, root, i+1) })
	}
	if s.config.Runners > 0 && !s.config.local() {
		s.log.WarnContext(ctx, "jobs of the bundled runners run as this user on this host, and this server can be reached from others")
	}
	return b
}

// keep keeps a runner running in the directory root until ctx ends.
func (b *bundledRunners) keep(ctx context.Context, root string, number int) {
	restarts := &backoff.ExponentialBackOff{InitialInterval: firstPause, Multiplier: 2, MaxInterval: longestPause}
	for ctx.Err() == nil {
		if pid, ok := runner.Running(root); ok {
			b.s.log.InfoContext(ctx, "bundled runner found", "runner", number, "pid", pid)
			if pid > 0 && !runner.Configured(root, b.url()) { // it knows this server by an earlier address
				if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
					b.s.log.WarnContext(ctx, "bundled runner not told to end", "pid", pid, "err", err)
				}
			}
			b.await(ctx, root)
			continue
		}
		began := b.s.now()
		if err := b.start(ctx, root, number); err != nil && ctx.Err() == nil {
			b.s.log.ErrorContext(ctx, "bundled runner ended", "runner", number, "err", err, "log", filepath.Join(root, "runner.log"))
		}
		if b.s.now().Sub(began) > runnerLived {
			restarts.Reset()
		}
		pause(ctx, restarts.NextBackOff())
	}
}

// await waits for the end of a runner that is not a child of this process.
func (b *bundledRunners) await(ctx context.Context, root string) {
	for ctx.Err() == nil {
		if _, ok := runner.Running(root); !ok {
			return
		}
		pause(ctx, lookInterval)
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
func (b *bundledRunners) start(ctx context.Context, root string, number int) error {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	out, err := openLog(filepath.Join(root, "runner.log"))
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own
	url, name := b.url(), "bundled-"+strconv.Itoa(number)
	if err := b.forget(ctx, name); err != nil {
		return err
	}
	args := []string{
		"runner", "--url", url, "--name", name, "--replace", "--work", root,
		"--labels", strings.Join(b.s.config.RunnerLabels, ","), "--drain", b.s.config.Drain.String(),
	}
	var in io.Reader
	if !runner.Configured(root, url) {
		text, _, err := b.s.runners.CreateToken(ctx, actions.Scope{}, false, registrationTime)
		if err != nil {
			return err
		}
		args, in = append(args, "--token", "-"), strings.NewReader(text+"\n")
	}
	cmd := exec.Command(b.s.deps.Program, args...) //nolint:noctx // it outlives every context of this process
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = root, b.s.deps.Env, in, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := b.launch(cmd); err != nil {
		return err
	}
	b.s.log.InfoContext(ctx, "bundled runner started", "runner", number, "pid", cmd.Process.Pid)
	err = cmd.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.children, cmd.Process.Pid)
	return err
}

// url is what the runners are registered with.
func (b *bundledRunners) url() string { return b.s.local + "/enterprises/" + actions.Enterprise }

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
func (b *bundledRunners) launch(cmd *exec.Cmd) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopping {
		return context.Canceled
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	b.children[cmd.Process.Pid] = true
	return nil
}

// forget ends the session of a runner that has no process. A killed one leaves
// its session open, and the next would have to wait until that times out.
func (b *bundledRunners) forget(ctx context.Context, name string) error {
	found, _, err := b.s.runners.List(ctx, actions.Scope{}, name, store.Page{Number: 1, Size: 1})
	if err != nil || len(found) == 0 {
		return err
	}
	return b.s.runners.EndSession(ctx, found[0].Runner)
}

// registrationTime is how long a bundled runner may take to register.
const registrationTime = time.Minute

// stop asks all runners to end, adopted ones too, and waits for it. Each gives
// its job what is left of the drain time, and then fails it and says so.
func (b *bundledRunners) stop(ctx context.Context) {
	b.cancel()
	for _, pid := range b.all() {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			b.s.log.WarnContext(ctx, "bundled runner not told to end", "pid", pid, "err", err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.wg.Wait()
		for _, root := range b.roots {
			b.await(ctx, root)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		b.s.log.WarnContext(ctx, "bundled runners have not ended in time")
	}
}

// all returns the process ids of all runners: our children, which may not hold
// their lock yet, and those that an earlier server started. No child is started
// after this call.
func (b *bundledRunners) all() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopping = true
	pids := slices.Collect(maps.Keys(b.children))
	for _, root := range b.roots {
		if pid, ok := runner.Running(root); ok && pid > 0 && !b.children[pid] {
			pids = append(pids, pid)
		}
	}
	return pids
}
