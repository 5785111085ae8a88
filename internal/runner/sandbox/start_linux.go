package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// self is this program, also when its file has been replaced meanwhile.
const self = "/proc/self/exe"

// The files that a process of a sandbox begins with, besides the standard ones.
const (
	viewFile  = 3 // what to build
	firstFile = 4 // the first of Command.Files
)

// A Command is this program with arguments, to run in a sandbox.
type Command struct {
	Args  []string // without the program's name; other processes of the sandbox can read them
	Env   []string
	Files []*os.File // passed on; [File] finds them
	Log   *os.File   // standard error; may be nil
}

// A Process is one for a sandbox.
type Process struct {
	*os.Process
	view  *os.File // what to build goes in here
	done  chan struct{}
	state *os.ProcessState
}

// Done is closed when the process, and with it all of its sandbox, has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// State says how the process has ended.
func (p *Process) State() *os.ProcessState {
	<-p.done
	return p.state
}

// Start starts a process that waits in [Enter] for its view: a program of this size
// takes some time to begin. When this process ends, so does that one.
func Start(c Command) (*Process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	cmd := &exec.Cmd{
		Path: self, Args: append([]string{"understudy"}, c.Args...), Dir: "/", Env: c.Env, Stderr: c.Log,
		ExtraFiles: append([]*os.File{read}, c.Files...), SysProcAttr: attributes(),
	}
	if c.Log == nil { // not a nil file in an interface
		cmd.Stderr = nil
	}
	p := &Process{view: write, done: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), read.Close(), write.Close())
	}
	if err := read.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), p.End())
	}
	return p, nil
}

// See tells the process, once, what it is to have. It does not wait until the process
// has built that.
func (p *Process) See(v View) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = p.view.Write(text)
	}
	if err = errors.Join(err, p.view.Close()); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// End kills the process and waits until its sandbox is gone.
func (p *Process) End() error {
	_ = p.Kill() // it may have ended
	<-p.done
	if err := p.view.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// run starts the process and waits for it. What it sets for the process is the
// thread's, which is of no other use afterwards: it never runs another goroutine.
// The thread must not end before the process (see PR_SET_PDEATHSIG in prctl(2)).
func (p *Process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	err := confine()
	if err == nil {
		err = cmd.Start()
	}
	p.Process = cmd.Process
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // the state says it
	p.state = cmd.ProcessState
	close(p.done)
}

// confine sets what the process inherits from this thread: no execution of a
// program gives it privileges, and the keys of this user's session are not its own.
func confine() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("session keyring: %w", err)
	}
	return nil
}

// attributes give the process its namespaces, and what it needs to build its file
// system in them. Root has that already.
func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC,
		Setsid:     true, Pdeathsig: syscall.SIGKILL,
	}
	if os.Getuid() == 0 {
		return a
	}
	a.Cloneflags |= unix.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	return a
}

// File is one of [Command.Files], in the process that was started. No process that
// it starts gets it.
func File(i int) *os.File {
	fd := firstFile + i
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), fmt.Sprint("file ", i))
}

func receive() (*View, error) {
	f := os.NewFile(viewFile, "view")
	if f == nil {
		return nil, errors.New("this is no process of a sandbox")
	}
	defer f.Close()
	v := new(View)
	err := json.NewDecoder(io.LimitReader(f, maxView)).Decode(v)
	return v, err
}

const maxView = 1 << 20
