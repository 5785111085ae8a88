package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Directories below the root.
const (
	workFolder  = "_work"  // of the running job; the same path for every job, so that tools find their caches
	toolFolder  = "_tool"  // outlives jobs
	spoolFolder = "_spool" // what of the running job the server does not have yet
	trashFolder = "_trash" // being removed
)

// directories of one job.
type directories struct{ work, temp, actions, tool, spool string }

// prepare removes what a killed process left.
func (r *Runner) prepare() error {
	r.removals.log = r.cfg.Log
	for _, name := range []string{workFolder, spoolFolder, trashFolder} {
		if err := removeAll(filepath.Join(r.cfg.Root, name)); err != nil {
			return fmt.Errorf("left by a job: %w", err)
		}
	}
	return nil
}

// makeDirectories makes the directories of a job.
func (r *Runner) makeDirectories() (*directories, error) {
	work := filepath.Join(r.cfg.Root, workFolder)
	d := &directories{
		work: work, temp: filepath.Join(work, "_temp"), actions: filepath.Join(work, "_actions"),
		tool: filepath.Join(r.cfg.Root, toolFolder), spool: filepath.Join(r.cfg.Root, spoolFolder),
	}
	for _, dir := range []string{d.work, d.temp, d.actions, d.tool, d.spool} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("directories of the job: %w", err)
		}
	}
	return d, nil
}

// removals removes directories while the runner goes on.
type removals struct {
	log *slog.Logger
	wg  sync.WaitGroup
}

func (r *removals) wait() { r.wg.Wait() }

// remove makes path free at once and removes what was there in the background.
func (r *removals) remove(path string) {
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
		to = path
	}
	remove := func() {
		if err := removeAll(to); err != nil {
			r.log.Warn("directory of a job was not removed", "path", to, "err", err)
		}
	}
	if to == path {
		remove()
		return
	}
	r.wg.Go(remove)
}

// removeAll removes path even when directories in it are read-only, as caches
// of modules are.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return nil
		}
		return os.Chmod(p, 0o700)
	}) // what is still in the way, RemoveAll names
	return os.RemoveAll(path)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
