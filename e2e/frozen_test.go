package e2e_test

import (
	"errors"
	"syscall"
	"testing"
)

// freeze stops the process without an end, as a machine that sleeps or a debugger
// does, until thaw. It is back at the end of the test in any case.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }) // an error is that it has ended
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// thaw lets it go on.
func (p *process) thaw(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
}

func TestJobsSurviveAServerThatWasFrozenLongerThanTheirLease(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1", "--job-lease", lease.String())
	r := s.newRepository("hello")
	r.newRunner("own", "mine")
	bundled, own := r.hold("ubuntu-latest"), r.hold("mine")
	for range 2 { // whenever the watchdog looks
		s.freeze(t)
		own.outlast(lease * 3 / 2)
		s.thaw(t)
		own.outlast(lease * 3 / 2)
	}
	bundled.finish("bundled-1")
	own.finish("own")
}
