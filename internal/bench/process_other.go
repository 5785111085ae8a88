//go:build !linux

package bench

import "syscall"

// attributes put a server into a process group of its own: an interrupt comes to
// us, and we stop it in order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
