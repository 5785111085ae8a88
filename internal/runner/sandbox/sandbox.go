// Package sandbox starts a process that sees little of the machine.
//
// The process and all that it starts have a user of their own, and mount, PID and
// IPC namespaces of their own. In its file system the programs of the machine are
// there and cannot be written; homes, /run, /tmp and what [View.Hide] names are not.
// It cannot see or signal a process outside, and gains no privilege by executing a
// program. It shares the network with the machine.
//
// Started by root, the process has the user [View.UID]. Started by anybody else, it
// has their user in a user namespace, where the kernel allows that: then only what
// is hidden keeps files of that user from it.
//
// [Start] starts this program again; what it runs calls [Enter] first, which waits for
// what [Process.See] says, builds the file system and gives all privileges away. The
// process is the first of its PID namespace: when it ends, or the thread that
// started it, the kernel kills every process that it has left.
package sandbox

import (
	"errors"
	"time"
)

// A View is what the process is to have. Paths are absolute; all but targets are of
// this machine.
type View struct {
	UID   int    // user and group, where root starts the process; of nobody else
	Login string // its name, as the process finds it in /etc/passwd

	Home  Bind   // the home directory
	Binds []Bind // other directories that it may write, in this order
	Temp  string // is /tmp and /var/tmp

	Hide  []string // directories and files that it must not see, beside the usual ones
	Share []string // directories that it sees, and may write, where they are
	Show  []string // directories that it sees where they are: of programs in somebody's home

	Scratch string // an empty directory for this process alone, to build in
}

// A Bind is a directory of this machine, at another place.
type Bind struct{ Source, Target string }

// ErrUnsupported says that this system has no namespaces.
var ErrUnsupported = errors.New("only Linux can keep jobs in namespaces of their own")

// enterTime is how long a process may take to be in its sandbox.
const enterTime = 20 * time.Second
