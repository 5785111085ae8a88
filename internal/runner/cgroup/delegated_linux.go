package cgroup

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// delegated says that a directory was handed over: by systemd, which marks it, or to
// a user who is not root by its owner.
func delegated(dir string) bool {
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		value := make([]byte, 1)
		if n, err := unix.Getxattr(dir, name, value); err == nil && n == 1 && value[0] == '1' {
			return true
		}
	}
	info, err := os.Stat(dir)
	if err != nil || os.Getuid() == 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
