package sandbox

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter is the first thing that a process does which [Start] has started: it builds
// what the process is to see, and gives away every privilege. When it fails the
// process must end.
func Enter() error {
	v, err := receive()
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if os.Getpid() != 1 {
		return fmt.Errorf("sandbox: process %d is not the first of its namespace", os.Getpid())
	}
	if err := v.build(); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := v.drop(); err != nil {
		return fmt.Errorf("sandbox: privileges: %w", err)
	}
	return nil
}

// drop makes this process one of the user, without any privilege, and closed to
// others of that user.
func (v *View) drop() error {
	if os.Getuid() == 0 {
		if err := syscall.Setgroups([]int{v.UID}); err != nil {
			return fmt.Errorf("groups: %w", err)
		}
		if err := syscall.Setresgid(v.UID, v.UID, v.UID); err != nil {
			return fmt.Errorf("group %d: %w", v.UID, err)
		}
		if err := syscall.Setresuid(v.UID, v.UID, v.UID); err != nil {
			return fmt.Errorf("user %d: %w", v.UID, err)
		}
	} else if err := dropCapabilities(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("dumpable: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil { // another user has lost it
		return fmt.Errorf("end with the parent: %w", err)
	}
	return unprivileged()
}
