package bench

import "syscall"

// attributes put a server into a process group of its own: an interrupt comes to
// us, and we stop it in order. Should we end without that, the kernel stops it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
