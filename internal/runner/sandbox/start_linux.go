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

// A Process runs in a sandbox.
type Process struct {
	*os.Process
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

// Start starts a process in a sandbox of its own. It does not wait until the
// process is in there. When this process ends, so does that one.
func Start(c Command, v View) (*Process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), read.Close(), write.Close())
	}
	cmd := &exec.Cmd{
		Path: self, Args: append([]string{"understudy"}, c.Args...), Dir: "/", Env: c.Env, Stderr: c.Log,
		ExtraFiles: append([]*os.File{read}, c.Files...), SysProcAttr: attributes(),
	}
	if c.Log == nil { // not a nil file in an interface
		cmd.Stderr = nil
	}
	p := &Process{done: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, started)
	err = errors.Join(<-started, read.Close())
	if err == nil {
		_, err = write.Write(text)
	}
	if err = errors.Join(err, write.Close()); err != nil {
		if p.Process != nil {
			_ = p.Kill() // it may have ended
			<-p.done
		}
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return p, nil
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
