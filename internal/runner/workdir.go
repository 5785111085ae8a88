package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// Directories below the root.
const (
	workFolder  = "_work"  // of the running job; the same path for every job, so that tools find their caches
	toolFolder  = "_tool"  // outlives jobs
	spoolFolder = "_spool" // what of the running job the server does not have yet
	trashFolder = "_trash" // being removed
)

// jobFile holds the tracking id of the job that runs, and is there only then.
const jobFile = ".job"

// leftoverTimeout is how long processes that were killed may take to end.
const leftoverTimeout = 10 * time.Second

// directories of one job.
type directories struct{ work, temp, actions, tool, spool string }

// prepare ends and removes what a killed runner left: first the processes of
// its job, which may be writing files.
func (r *Runner) prepare(ctx context.Context) error {
	r.removals.log = r.cfg.Log
	if err := r.killLeftovers(ctx); err != nil {
		return err
	}
	r.removals.empty(filepath.Join(r.cfg.Root, trashFolder))
	for _, name := range []string{workFolder, spoolFolder} {
		if err := r.makeEmpty(filepath.Join(r.cfg.Root, name)); err != nil {
			return err
		}
	}
	return nil
}

// killLeftovers kills the processes of the job that a killed runner had.
func (r *Runner) killLeftovers(ctx context.Context) error {
	file := filepath.Join(r.cfg.Root, jobFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("left by a job: %w", err)
	}
	if id := strings.TrimSpace(string(b)); id != "" { // else killed while it wrote, before the first process
		ctx, cancel := context.WithTimeout(ctx, leftoverTimeout)
		defer cancel()
		n, err := host.KillLeftovers(ctx, id)
		if n > 0 {
			r.cfg.Log.WarnContext(ctx, "processes left by a killed runner were killed", "count", n)
		}
		if err != nil { // better a runner that takes jobs than one that never does again
			r.cfg.Log.ErrorContext(ctx, "processes of an earlier job may be left", "err", err)
			return nil
		}
	}
	return os.Remove(file)
}

// track notes the tracking id of the job that is about to run, for the case
// that this process is killed.
func (r *Runner) track(id string) error {
	if err := os.WriteFile(filepath.Join(r.cfg.Root, jobFile), []byte(id+"\n"), 0o600); err != nil {
		return fmt.Errorf("tracking of the job: %w", err)
	}
	return nil
}

// untrack is for a job whose processes are gone.
func (r *Runner) untrack() {
	if err := os.Remove(filepath.Join(r.cfg.Root, jobFile)); err != nil {
		r.cfg.Log.Warn("tracking of the job was not removed", "err", err)
	}
}

// makeDirectories makes the directories of a job, which find nothing of an
// earlier one in them.
func (r *Runner) makeDirectories() (*directories, error) {
	work := filepath.Join(r.cfg.Root, workFolder)
	d := &directories{
		work: work, temp: filepath.Join(work, "_temp"), actions: filepath.Join(work, "_actions"),
		tool: filepath.Join(r.cfg.Root, toolFolder), spool: filepath.Join(r.cfg.Root, spoolFolder),
	}
	for _, dir := range []string{d.work, d.spool} {
		if err := r.makeEmpty(dir); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{d.temp, d.actions, d.tool} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("directories of the job: %w", err)
		}
	}
	return d, nil
}

// makeEmpty makes dir, without what may be there. A mount point stays, empty.
func (r *Runner) makeEmpty(dir string) error {
	r.removals.remove(dir)
	err := os.Mkdir(dir, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("files of an earlier job are in %s and cannot be removed", dir)
	}
	return err
}

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
	if err := removeAll(path); err != nil {
		r.log.Warn("directory of a job was not removed", "path", path, "err", err)
	}
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
