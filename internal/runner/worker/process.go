package worker

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// pipeSize is what the kernel is asked to hold between a step and us; a
	// larger pipe means fewer switches between the two at full speed.
	pipeSize = 256 << 10
	// lastWords is how long the output of a process that was killed may take.
	lastWords = 200 * time.Millisecond
	// stderrBuffer suffices for the stream that usually carries little.
	stderrBuffer = 32 << 10
)

// A spec says which program to start, and how.
type spec struct {
	path string   // absolute
	args []string // without the program's name
	dir  string
	env  []string
	emit func(batch []byte) // gets the output; see readLines. Called from one goroutine at a time
}

// A grace says how long a process that is told to stop may take (CAN-3), and
// how long a minute of timeout-minutes is: tests have less time.
type grace struct {
	minute    time.Duration
	interrupt time.Duration // from SIGINT to SIGTERM
	terminate time.Duration // from SIGTERM to SIGKILL of the whole tree
	streams   time.Duration // from the end of the process to the end of its output, which children may hold open
}

// run starts a program, hands its output on and waits for its end. When ctx
// ends it stops the program in the three stages of CAN-3, and when hard ends it
// goes to the last of them; it returns the exit code that this led to. The
// error says that the program could not be started.
func (g grace) run(ctx, hard context.Context, s spec, drains *drains) (exitCode int, err error) {
	stdout, stdoutEnd, err := outputPipe()
	if err != nil {
		return 0, err
	}
	stderr, stderrEnd, err := outputPipe()
	if err != nil {
		return 0, errors.Join(err, stdout.Close(), stdoutEnd.Close())
	}
	cmd := &exec.Cmd{
		Path: s.path, Args: append([]string{s.path}, s.args...), Dir: s.dir, Env: s.env,
		Stdout: stdoutEnd, Stderr: stderrEnd,
		SysProcAttr: attributes(),
	}
	exited, err := start(cmd)
	if err = errors.Join(err, stdoutEnd.Close(), stderrEnd.Close()); err != nil {
		return 0, errors.Join(err, stdout.Close(), stderr.Close())
	}
	out := drains.follow(s.emit, stdout, stderr)
	streams := g.streams
	if g.stop(ctx, hard, cmd.Process, exited) {
		streams = min(streams, g.terminate)
	}
	out.wait(hard, streams)
	return exitCodeOf(cmd.ProcessState), nil
}

// start starts a program; the channel is closed when it has ended. It is waited
// for by the thread that started it: when that thread ends, the program may be
// killed, see attributes, and so no thread may end before.
func start(cmd *exec.Cmd) (exited <-chan struct{}, err error) {
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the exit code says it all
		}
	}()
	return done, <-started
}

// stop waits for the end of the process. When ctx ends before, it signals the
// process, then harder, then kills all of its tree; it reports whether it did.
func (g grace) stop(ctx, hard context.Context, p *os.Process, exited <-chan struct{}) (signalled bool) {
	select {
	case <-exited:
		return false
	case <-ctx.Done():
	}
	_ = p.Signal(os.Interrupt) // fails only if the process is gone
	if endsWithin(hard, exited, g.interrupt) {
		return true
	}
	_ = p.Signal(syscall.SIGTERM)
	if endsWithin(hard, exited, g.terminate) {
		return true
	}
	killTree(p.Pid)
	<-exited
	return true
}

// endsWithin waits until done is closed, for as long as it may.
func endsWithin(hard context.Context, done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-hard.Done():
	case <-timer.C:
	}
	return false
}

// exitCodeOf is the process's exit code, or 128 plus the signal that ended it.
func exitCodeOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

func outputPipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err == nil {
		growPipe(w)
	}
	return r, w, err
}

// drains are the goroutines that read the output of the processes of one job.
// A background process may hold its step's output open: then it is read, and
// thrown away, until the job ends.
type drains struct {
	wg     sync.WaitGroup
	mu     sync.Mutex
	open   map[*os.File]bool
	buffer []byte // for the next reader of a standard output
}

// A followed is the output of one process.
type followed struct {
	done chan struct{} // closed when both streams have ended
	emit func([]byte)

	mu       sync.Mutex // serializes emit
	finished bool       // emit must not be called any more
}

// follow reads both streams of a process and hands the output to emit.
func (d *drains) follow(emit func([]byte), stdout, stderr *os.File) *followed {
	f := &followed{emit: emit, done: make(chan struct{})}
	d.mu.Lock()
	buf := d.buffer
	d.buffer = nil
	if d.open == nil {
		d.open = map[*os.File]bool{}
	}
	d.open[stdout], d.open[stderr] = true, true
	d.mu.Unlock()
	if buf == nil {
		buf = make([]byte, pipeSize)
	}
	var both sync.WaitGroup
	read := func(file *os.File, buf []byte) {
		readLines(file, buf, f.take)
		d.mu.Lock()
		delete(d.open, file)
		if len(buf) == pipeSize {
			d.buffer = buf
		}
		d.mu.Unlock()
		_ = file.Close() // only read
	}
	both.Go(func() { read(stdout, buf) })
	both.Go(func() { read(stderr, make([]byte, stderrBuffer)) })
	d.wg.Go(func() {
		both.Wait()
		close(f.done)
	})
	return f
}

func (f *followed) take(batch []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.finished {
		f.emit(batch)
	}
}

// wait returns when all output is handed on, or after d; later output is
// thrown away. After the end of hard it waits only for what is there already.
func (f *followed) wait(hard context.Context, d time.Duration) {
	if endsWithin(hard, f.done, d) {
		return
	}
	if hard.Err() != nil && endsWithin(context.WithoutCancel(hard), f.done, min(d, lastWords)) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finished = true
}

// close ends all readers; the processes that are still writing get an error.
func (d *drains) close() {
	d.mu.Lock()
	for file := range d.open {
		_ = file.SetReadDeadline(time.Unix(1, 0)) // wakes the reader, which closes the file
	}
	d.mu.Unlock()
	d.wg.Wait()
}
