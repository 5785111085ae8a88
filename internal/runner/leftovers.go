package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// jobFile holds the tracking id of the job that runs, and is there only then.
const jobFile = ".job"

// leftoverTimeout is how long processes that were killed may take to end.
const leftoverTimeout = 10 * time.Second

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
