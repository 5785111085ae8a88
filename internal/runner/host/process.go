package host

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// run starts the program, passes its output on and waits for its end.
func (p Process) run(ctx context.Context, env []string, outputs *outputs, children *children) (exitCode int, err error) {
	stdout, stdoutEnd, err := outputPipe()
	if err != nil {
		return 0, err
	}
	stderr, stderrEnd, err := outputPipe()
	if err != nil {
		return 0, errors.Join(err, stdout.Close(), stdoutEnd.Close())
	}
	stdin, err := inputPipe(p.Input)
	if err != nil {
		return 0, errors.Join(err, stdout.Close(), stdoutEnd.Close(), stderr.Close(), stderrEnd.Close())
	}
	cmd := &exec.Cmd{
		Stdin: stdin,
		Path:  p.Path, Args: append([]string{p.Path}, p.Args...), Dir: p.Dir, Env: env,
		Stdout: stdoutEnd, Stderr: stderrEnd,
		SysProcAttr: attributes(),
	}
	exited, err := start(cmd, children)
	if err = errors.Join(err, stdin.Close(), stdoutEnd.Close(), stderrEnd.Close()); err != nil {
		return 0, errors.Join(err, stdout.Close(), stderr.Close())
	}
	out := outputs.follow(p.Output, stdout, stderr)
	patience := p.Grace.Output
	if p.stop(ctx, cmd.Process, exited) {
		patience = min(patience, p.Grace.Terminate)
	}
	out.wait(p.Kill, patience)
	return exitCodeOf(cmd.ProcessState), nil
}

// start starts a program; the channel is closed when it has ended. The thread
// that starts it also waits for it: when that thread ends, the program may be
// killed (see attributes), so the thread must not end before.
func start(cmd *exec.Cmd, children *children) (exited <-chan struct{}, err error) {
	done, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := children.start(cmd)
		started <- err
		if err == nil {
			_ = cmd.Wait() // the exit code says it all
			children.waited(cmd.Process.Pid)
		}
	}()
	return done, <-started
}

// stop waits for the end of the process. When it must stop before, stop signals
// it, then harder, then kills it with its descendants; it reports whether it did.
func (p Process) stop(ctx context.Context, process *os.Process, exited <-chan struct{}) (signalled bool) {
	select {
	case <-exited:
		return false
	case <-ctx.Done():
	case <-p.Kill:
	}
	_ = process.Signal(os.Interrupt) // fails only if the process has ended
	if endsWithin(p.Kill, exited, p.Grace.Interrupt) {
		return true
	}
	_ = process.Signal(syscall.SIGTERM)
	if endsWithin(p.Kill, exited, p.Grace.Terminate) {
		return true
	}
	killTree(process.Pid)
	<-exited
	return true
}

// endsWithin waits until done is closed, for d at most and not after kill is
// closed. It reports whether done was closed.
func endsWithin(kill, done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-kill:
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
