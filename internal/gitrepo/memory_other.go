//go:build !linux

package gitrepo

// limitMemory does nothing where a process cannot limit another.
func limitMemory(int, int64) {}

// limitFiles does nothing there either.
func limitFiles(int, int64) {}
