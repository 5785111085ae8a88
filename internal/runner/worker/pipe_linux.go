package worker

import (
	"os"

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
