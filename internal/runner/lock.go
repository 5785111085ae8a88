package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const lockFile = ".runner.lock"

// Running reports whether a runner process lives on root, and its process id.
// It asks a lock, which ends with the process however that ends.
func Running(root string) (pid int, ok bool) {
	f, err := os.Open(filepath.Join(root, lockFile))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err == nil {
		return 0, false
	}
	var b [32]byte
	n, _ := f.Read(b[:]) // an unreadable id is 0
	pid, _ = strconv.Atoi(strings.TrimSpace(string(b[:n])))
	return pid, true
}

// lock takes root for this process until release is called. The file is never
// removed: a lock on a removed file would hold nobody off.
func lock(ctx context.Context, root string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(root, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("runner lock: %w", err)
	}
	// Running takes the lock for an instant: try for longer than that.
	for try := 0; ; try++ {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) || try == 20 {
			break
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err != nil {
		_ = f.Close() // the lock is what went wrong
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("runner lock: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("runner lock: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing releases
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}
