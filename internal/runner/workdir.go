package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/understudy-ci/understudy/internal/wire"
)

// Directories below the root.
const (
	workFolder  = "_work"  // of the running job; the same path for every job, so that tools find their caches
	toolFolder  = "_tool"  // outlives jobs
	spoolFolder = "_spool" // what of the running job the server does not have yet
	trashFolder = "_trash" // being removed
	// containersFolder is what the container engine is given that jobs must not see.
	containersFolder = "_containers"

	// With an isolation other than none, besides:
	homeFolder  = "_home"  // of the running job
	tempFolder  = "_tmp"   // of the running job: what it has as /tmp
	toolsFolder = "_tools" // outlives jobs; a directory for each repository, in place of toolFolder
	boxFolder   = "_box"   // where the file system of the running job is built
)

// directories of one job. The last three are of a sandbox.
type directories struct{ work, temp, actions, tool, spool, home, tmp, box string }

// prepare ends and removes what a killed runner left: first the processes of
// its job, which may be writing files.
func (r *Runner) prepare(ctx context.Context) error {
	r.removals.log = r.cfg.Log
	if err := r.killLeftovers(ctx); err != nil {
		return err
	}
	r.closeGroups(ctx)
	r.removals.empty(filepath.Join(r.cfg.Root, trashFolder))
	if err := r.clearContainers(ctx); err != nil {
		return err
	}
	for _, name := range []string{workFolder, spoolFolder, homeFolder, tempFolder, boxFolder} {
		if err := r.makeEmpty(filepath.Join(r.cfg.Root, name)); err != nil {
			return err
		}
	}
	return nil
}

// makeDirectories makes the directories of a job, which find nothing of an
// earlier one in them.
func (r *Runner) makeDirectories(m *wire.JobMessage) (*directories, error) {
	work := filepath.Join(r.cfg.Root, workFolder)
	d := &directories{
		work: work, temp: filepath.Join(work, "_temp"), actions: filepath.Join(work, "_actions"),
		tool: filepath.Join(r.cfg.Root, toolFolder), spool: filepath.Join(r.cfg.Root, spoolFolder),
	}
	if r.cfg.Isolation.boxed() {
		d.home, d.tmp = filepath.Join(r.cfg.Root, homeFolder), filepath.Join(r.cfg.Root, tempFolder)
		d.box, d.tool = filepath.Join(r.cfg.Root, boxFolder), filepath.Join(r.cfg.Root, toolsFolder, toolsOf(m))
	}
	for _, dir := range append(d.ofTheJob(), d.spool) {
		if err := r.makeEmpty(dir); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{d.temp, d.actions, d.tool} { // what is around them keeps others out
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("directories of the job: %w", err)
		}
	}
	if r.cfg.Isolation.boxed() {
		if err := r.give(d); err != nil {
			return nil, fmt.Errorf("directories of the job: %w", err)
		}
	}
	return d, nil
}

// ofTheJob are those that the job begins with empty, and that go with it.
func (d *directories) ofTheJob() []string {
	if d.box == "" {
		return []string{d.work}
	}
	return []string{d.work, d.home, d.tmp, d.box}
}

// give makes the directories those of the user of the job, where that is another.
func (r *Runner) give(d *directories) error {
	if err := os.Mkdir(filepath.Join(d.work, "_tool"), 0o700); err != nil { // a place for the mount
		return err
	}
	if r.cfg.Isolation.Kind() == Container { // its processes are root's there
		return nil
	}
	if err := os.Chmod(d.tmp, 0o777|fs.ModeSticky); err != nil { // as /tmp is; nobody else gets there
		return err
	}
	if os.Getuid() != 0 {
		return nil
	}
	if err := r.ownTools(d.tool); err != nil {
		return err
	}
	for _, dir := range []string{d.work, d.temp, d.actions, d.home, d.tmp, d.tool} {
		if err := os.Chown(dir, r.cfg.Sandbox.UID, r.cfg.Sandbox.UID); err != nil {
			return err
		}
	}
	return nil
}

// ownTools removes tools that belong to a user whom this runner's jobs had before:
// they could not be changed any more.
func (r *Runner) ownTools(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid == 0 || int(s.Uid) == r.cfg.Sandbox.UID {
		return nil
	}
	return r.makeEmpty(dir)
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
