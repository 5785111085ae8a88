// Package host starts the processes of a job.
//
// A [Host] is where they run. [Local] is this machine, as the user that the runner
// has; a job's container is the other, in package container. What a job does is decided
// elsewhere, and only a Host starts processes for it.
//
// # One process
//
// [Host.Run] starts a program, passes its output on while it runs, in batches
// of whole lines, and waits for its end. A process that must stop gets the time
// of its [Grace]: it is interrupted, then terminated, then killed with all of
// its descendants. Closing [Process.Kill] skips the waits.
//
// A background process may hold the output of its parent open. Run does not
// wait for it: what it prints after Run has returned is read and dropped, so
// that it does not block.
//
// # Processes that are left
//
// Every process has the tracking id of its job in its environment.
// [Host.Close] kills those that are left at the end of the job. When the runner
// itself was killed, the next one calls [KillLeftovers]. A process that changes
// both its environment and its process group escapes.
package host

import (
	"context"
	"errors"
	"time"
)

// A Host runs the processes of one job. Its methods may be called from several
// goroutines.
type Host interface {
	// Env is the environment that processes start from, as KEY=value. It is
	// not to be changed.
	Env() []string

	// LookPath finds a program in a list of directories as PATH holds it. A
	// name with a slash is a path, relative to dir. All paths are as processes
	// see them.
	LookPath(program, path, dir string) (file string, ok bool)

	// Inside is the path by which processes see a file or directory of this
	// machine. A path that they do not see is returned as it is.
	Inside(file string) string

	// Run starts a process and waits for its end. When ctx ends before, it
	// stops the process and returns the exit code that this led to. The error
	// says why the process could not be started, without its name.
	Run(ctx context.Context, p Process) (exitCode int, err error)

	// Close kills the processes that are left and says which they were. It
	// waits for their end until ctx is done. No process may be started
	// afterwards.
	Close(ctx context.Context) []Leftover
}

// A Process says which program to start, and how.
type Process struct {
	// All paths are as the process sees them.
	Path string   // of the program; absolute
	Args []string // without the program's name
	Dir  string   // working directory
	Env  map[string]string
	// Input is its standard input, which is mostly empty. A host that is no machine of its own takes none.
	Input []byte

	// Output gets what the process prints on both of its streams, in batches
	// of whole lines: see [CutLine]. It is called from one goroutine at a time,
	// and not after Run has returned. The batch is only valid during the call.
	Output func(batch []byte)

	Grace Grace
	Kill  <-chan struct{} // closed when the process must end at once; may be nil
}

// A Grace says how long a process that must stop may take (CAN-3).
type Grace struct {
	Interrupt time.Duration // from SIGINT to SIGTERM
	Terminate time.Duration // from SIGTERM to SIGKILL of the process and its descendants
	Output    time.Duration // from the end of the process to the end of its output, which children may hold open
}

// A Leftover is a process that was still running at the end of its job.
type Leftover struct {
	PID  int
	Name string // of the program; "" if it could not be read
}

// ErrNoDirectory is why a process cannot start in a working directory that does
// not exist.
var ErrNoDirectory = errors.New("no such directory")
