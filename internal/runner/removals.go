package runner

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/understudy-ci/understudy/internal/runner/archive"
)

// removals removes directories while the runner goes on.
type removals struct {
	log *slog.Logger
	wg  sync.WaitGroup
}

func (r *removals) wait() { r.wg.Wait() }

// empty removes in the background what is in a directory of trash now.
func (r *removals) empty(trash string) {
	entries, err := os.ReadDir(trash)
	if err != nil || len(entries) == 0 {
		return // none yet
	}
	r.wg.Go(func() {
		for _, e := range entries {
			r.removeNow(filepath.Join(trash, e.Name()))
		}
	})
}

// remove makes path, if it is there, free at once and removes what was there in
// the background. An empty directory is gone at once.
func (r *removals) remove(path string) {
	if err := os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	trash := filepath.Join(filepath.Dir(path), trashFolder)
	err := os.MkdirAll(trash, 0o700)
	var to string
	if err == nil {
		to, err = os.MkdirTemp(trash, "")
	}
	if err == nil {
		err = os.Rename(path, filepath.Join(to, "x"))
	}
	if err != nil { // such as a mount point: it takes its time
		r.removeNow(path)
		return
	}
	r.wg.Go(func() { r.removeNow(to) })
}

func (r *removals) removeNow(path string) {
	if err := archive.RemoveAll(path); err != nil {
		r.log.Warn("directory of a job was not removed", "path", path, "err", err)
	}
}
