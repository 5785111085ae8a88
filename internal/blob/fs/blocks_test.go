package fs_test

import (
	"os"
	"syscall"
	"testing"
)

// blocks counts the blocks that the files of a directory take.
func blocks(t *testing.T, dir string) (n int64) {
	t.Helper()
	for _, path := range files(t, dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			n += stat.Blocks
		}
	}
	return n
}
