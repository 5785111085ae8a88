package host

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// growPipe asks for a larger buffer; the system may refuse, and that is fine.
func growPipe(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize)
	})
}

// attributes put a program into a process group of its own. The kernel kills
// it, though not its children, when this process ends first.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
