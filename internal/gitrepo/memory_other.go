//go:build !linux

package gitrepo

// limitMemory does nothing where a process cannot limit another.
func limitMemory(int, int64) {}
