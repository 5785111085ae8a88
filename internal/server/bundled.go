package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
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
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/store"
)

// bundledRunners are the runners that this server starts: processes of their
// own, each in its own session, that speak to this server as any other runner
// does. They outlive a server that is killed and continue their jobs; the next
// start finds them by the lock in their directory and leaves them alone. One that
// has ended is started again.
type bundledRunners struct {
	bundle
	s      *Server
	wg     sync.WaitGroup
	places []place

	cancel      context.CancelFunc // of everything here
	stopKeeping context.CancelFunc // no runner is started again

	mu       sync.Mutex
	closed   bool           // others can have code run here
	stopping bool           // the server ends
	children map[int]string // root by process id, of runners that this process started
}

const (
	lookInterval = 200 * time.Millisecond // between checks of a runner that is not our child
	firstPause   = time.Second            // before a runner that has ended is started again
	longestPause = time.Minute            // … when it keeps ending
	runnerLived  = 30 * time.Second       // a runner that lived this long started well: the pause is short again
)

func (s *Server) startBundledRunners(ctx context.Context, plan bundle) *bundledRunners {
	ctx, cancel := context.WithCancel(ctx)
	keeping, stop := context.WithCancel(ctx)
	b := &bundledRunners{bundle: plan, s: s, cancel: cancel, stopKeeping: stop, children: make(map[int]string)}
	s.leaveOldDir()
	for n := 1; n <= plan.count; n++ {
		p, old := newPlace(s.runnerDir, n), newPlace(s.config.oldRunnerDir(), n)
		b.places = append(b.places, p)
		if p != old {
			b.places = append(b.places, old)
		}
		b.wg.Go(func() {
			b.leave(ctx, old)
			b.keep(keeping, p)
		})
	}
	for _, p := range s.formerPlaces(plan.count) {
		b.places = append(b.places, p)
		b.wg.Go(func() { b.leave(ctx, p) })
	}
	if plan.guarded && plan.count > 0 {
		b.wg.Go(func() { b.guard(ctx) })
	}
	return b
}

// keep keeps a runner running until ctx ends.
func (b *bundledRunners) keep(ctx context.Context, p place) {
	restarts := &backoff.ExponentialBackOff{InitialInterval: firstPause, Multiplier: 2, MaxInterval: longestPause}
	for ctx.Err() == nil {
		if pid, ok := runner.Running(p.root); ok {
			b.s.log.InfoContext(ctx, "bundled runner found", "runner", p.name, "pid", pid)
			switch {
			case pid == 0: // it says so in a moment
			case !runner.Configured(p.root, b.url()): // it knows this server by an earlier address
				b.end(ctx, pid)
			case !p.startedWith(b.how(p)): // jobs must not have an earlier isolation, or environment
				b.s.log.InfoContext(ctx, "bundled runner is replaced once it has no job", "runner", p.name)
				b.withhold(ctx, p)
				b.retire(ctx, p)
			}
			b.await(ctx, p.root)
			continue
		}
		began := b.s.now()
		if err := b.start(ctx, p); err != nil && ctx.Err() == nil {
			b.s.log.ErrorContext(ctx, "bundled runner ended", "runner", p.name, "err", err, "log", filepath.Join(p.root, "runner.log"))
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
// server's but what the operator hands over. The registration token comes by standard input: its jobs could read
// an environment, and others the command line.
func (b *bundledRunners) start(ctx context.Context, p place) error {
	if err := os.MkdirAll(p.root, 0o700); err != nil {
		return err
	}
	out, err := openLog(filepath.Join(p.root, "runner.log"))
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own
	if err := b.forget(ctx, p.name); err != nil {
		return err
	}
	args := b.args(p)
	if err := p.note(b.how(p)); err != nil {
		return err
	}
	var in io.Reader
	if !runner.Configured(p.root, b.url()) {
		text, _, err := b.s.runners.CreateToken(ctx, actions.Scope{}, runners.By{}, false, registrationTime)
		if err != nil {
			return err
		}
		args, in = append(args, "--token", "-"), strings.NewReader(text+"\n")
	}
	cmd := exec.Command(b.s.deps.Program, args...) //nolint:noctx // it outlives every context of this process
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.root, b.s.runnerEnv(), in, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := b.launch(cmd, p.root); err != nil {
		return err
	}
	b.s.log.InfoContext(ctx, "bundled runner started", "runner", p.name, "pid", cmd.Process.Pid)
	err = cmd.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.children, cmd.Process.Pid)
	return err
}

// args are those of a runner. It has no others but what it needs to register.
func (b *bundledRunners) args(p place) []string {
	args := []string{
		"runner", "--url", b.url(), "--name", p.name, "--replace", "--work", p.root,
		"--labels", strings.Join(b.s.config.RunnerLabels, ","), "--drain", b.s.config.Drain.String(),
		"--orphan-after", b.s.config.OrphanAfter.String(), "--node-last", nodeDir(b.s.runnerDir),
	}
	if b.s.config.Node != "" {
		args = append(args, "--node", b.s.config.Node)
	}
	return append(args, b.isolationArgs(p)...)
}

// how a runner is started: with which arguments, and with which environment, whose
// values are for its jobs only.
func (b *bundledRunners) how(p place) []string {
	env := sha256.Sum256([]byte(strings.Join(b.s.runnerEnv(), "\x00")))
	return append(b.args(p), "environment "+hex.EncodeToString(env[:]))
}

// isolationArgs say what keeps the jobs of a runner from the rest of the machine.
func (b *bundledRunners) isolationArgs(p place) []string {
	c := b.s.config
	args := []string{"--isolation", string(b.isolation)}
	if c.ContainerEngine != "" {
		args = append(args, "--container-engine", c.ContainerEngine)
	}
	for _, what := range c.ContainerPolicy {
		args = append(args, "--container-policy", what)
	}
	if b.isolation == runner.None {
		return args
	}
	args = append(args, "--job-memory", strconv.FormatInt(int64(c.JobMemory), 10),
		"--job-cpus", strconv.FormatFloat(c.JobCPUs, 'g', -1, 64))
	if c.JobProcesses != runner.UnsaidProcesses {
		args = append(args, "--job-processes", strconv.Itoa(c.JobProcesses))
	}
	for _, path := range c.JobShare {
		args = append(args, "--share", path)
	}
	if b.isolation != runner.User {
		return args
	}
	args = append(args, "--job-uid", strconv.Itoa(c.JobUID+p.number-1))
	for _, path := range append(c.hidden(), b.s.runnerDir) {
		args = append(args, "--hide", path)
	}
	return args
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

// launch starts a runner, unless all are being ended: that would miss it.
func (b *bundledRunners) launch(cmd *exec.Cmd, root string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopping || b.closed {
		return context.Canceled
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	b.children[cmd.Process.Pid] = root
	return nil
}

// forget ends the session of a runner that has no process, and what kept jobs from
// it. A killed one leaves its session open, and the next would have to wait until
// that times out.
func (b *bundledRunners) forget(ctx context.Context, name string) error {
	r, err := b.find(ctx, name)
	if err != nil || r == nil {
		return err
	}
	b.s.queue.Readmit(r.ID)
	return b.s.runners.EndSession(ctx, r)
}

// find returns the runner of that name, nil if none is registered.
func (b *bundledRunners) find(ctx context.Context, name string) (*actions.Runner, error) {
	found, _, err := b.s.runners.List(ctx, actions.Scope{}, name, store.Page{Number: 1, Size: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].Runner, nil
}

// registrationTime is how long a bundled runner may take to register.
const registrationTime = time.Minute

// stop asks all runners to end, adopted ones too, and waits for it. Each gives
// its job what is left of the drain time, and then fails it and says so.
func (b *bundledRunners) stop(ctx context.Context) {
	b.cancel()
	for _, pid := range b.all() {
		b.end(ctx, pid)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.wg.Wait()
		for _, p := range b.places {
			b.await(ctx, p.root)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		b.s.log.WarnContext(ctx, "bundled runners have not ended in time")
	}
}

// end tells a runner to end.
func (b *bundledRunners) end(ctx context.Context, pid int) {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		b.s.log.WarnContext(ctx, "bundled runner not told to end", "pid", pid, "err", err)
	}
}

// all returns the process ids of all runners. No child is started after this call.
func (b *bundledRunners) all() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopping = true
	var pids []int
	for _, p := range b.places {
		pids = append(pids, b.processes(p)...)
	}
	return pids
}

// processes are those of a runner: our child, which may not hold its lock yet, or
// one that an earlier server started. The caller holds mu.
func (b *bundledRunners) processes(p place) []int {
	var pids []int
	for pid, root := range b.children {
		if root == p.root {
			pids = append(pids, pid)
		}
	}
	if pid, ok := runner.Running(p.root); ok && pid > 0 && !slices.Contains(pids, pid) {
		pids = append(pids, pid)
	}
	return pids
}
