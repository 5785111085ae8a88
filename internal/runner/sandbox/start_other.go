//go:build !linux

package sandbox

import "os"

// A Command is this program with arguments, to run in a sandbox.
type Command struct {
	Args  []string
	Env   []string
	Files []*os.File
	Log   *os.File
}

// A Process is one for a sandbox.
type Process struct{ *os.Process }

// Done is closed when the process has ended.
func (*Process) Done() <-chan struct{} { return nil }

// State says how the process has ended.
func (*Process) State() *os.ProcessState { return nil }

// Start fails.
func Start(Command) (*Process, error) { return nil, ErrUnsupported }

// See fails.
func (*Process) See(View) error { return ErrUnsupported }

// End does nothing.
func (*Process) End() error { return nil }

// Enter fails.
func Enter() error { return ErrUnsupported }

// File is no file.
func File(int) *os.File { return nil }
