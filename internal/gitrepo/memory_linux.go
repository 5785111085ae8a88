package gitrepo

import "golang.org/x/sys/unix"

// limitMemory bounds the heap of a process and of those it will start, so that
// a hostile pack fails and not the machine. An error means that the process
// is gone already.
func limitMemory(pid int, bytes int64) {
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &limit, nil)
}

// limitFiles bounds each file that a process and those it will start write.
func limitFiles(pid int, bytes int64) {
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	_ = unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil)
}
