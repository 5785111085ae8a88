//go:build !linux

package host

import (
	"os"
	"syscall"
)

// growPipe does nothing where pipes cannot grow.
func growPipe(*os.File) {}

// attributes put a program into a process group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
