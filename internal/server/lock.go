package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/actions"
)

// lockDir makes the directory of a flag and takes its lock, which lasts as long as
// this process. A second server on the same directory is refused.
func lockDir(flag, dir string) (*os.File, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(refused(f, flag, dir, err), f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// makeDir makes dir, for this user only. If it exists and others may enter it,
// it is closed to them when it is empty or already such a directory; any other
// directory, such as a home, is refused.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() == 0o700 {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	ours := func(e os.DirEntry) bool { return e.Name() == "lock" }
	foreign := func(e os.DirEntry) bool { return e.Name() != "lost+found" }
	if slices.ContainsFunc(entries, foreign) && !slices.ContainsFunc(entries, ours) {
		return actions.Errorf(actions.Invalid, "%s holds other files: choose an empty directory", dir)
	}
	return os.Chmod(dir, 0o700)
}

func refused(f *os.File, flag, dir string, err error) error {
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("lock of %s: %w", dir, err)
	}
	who := "another process"
	pid := make([]byte, 20)
	if n, err := f.ReadAt(pid, 0); n > 0 && err != nil {
		who = "process " + strings.TrimSpace(string(pid[:n]))
	}
	return actions.Errorf(actions.Conflict, "%s is in use by another understudy server (%s): stop it, or choose another %s", dir, who, flag)
}
