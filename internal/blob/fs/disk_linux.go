package fs

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// startWriting tells the disk to begin with a part of a file. Nobody waits, and
// if the file system cannot do it, the flush has more to do.
func startWriting(f *os.File, offset, n int64) {
	if n > 0 {
		_ = unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
	}
}

// allocate gives a new file space that it will need. Where it cannot be done, or
// there is too little, the writes will see.
func allocate(f *os.File, offset, n int64) {
	_ = unix.Fallocate(int(f.Fd()), 0, offset, n)
}

// uptime is for how long the machine runs, 0 if it does not tell.
func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// blockSize is the unit in which file systems give space back.
const blockSize = 4096

// punch gives back the space of the blocks between two offsets of a file, which
// hold nothing. A file system that cannot keeps the space until the file goes.
func punch(f *os.File, from, to int64) error {
	from, to = (from+blockSize-1)&^(blockSize-1), to&^(blockSize-1)
	if from >= to {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, to-from)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}
