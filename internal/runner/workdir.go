package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// makeEmpty makes dir, and removes what is in it. A mount point stays, empty.
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
