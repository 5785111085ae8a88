package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner"
)

// A place is where a bundled runner lives.
type place struct {
	number int
	root   string
	name   string // under which it is registered
}

func newPlace(dir string, number int) place {
	n := strconv.Itoa(number)
	return place{number, filepath.Join(dir, n), "bundled-" + n}
}

// startedFile holds the arguments that a runner was started with. They say what keeps
// its jobs from the rest of the machine, so a runner that has others is not kept.
const startedFile = "started"

func (p place) note(args []string) error {
	return os.WriteFile(filepath.Join(p.root, startedFile), []byte(strings.Join(args, "\n")), 0o600)
}

func (p place) startedWith(args []string) bool {
	text, err := os.ReadFile(filepath.Join(p.root, startedFile))
	return err == nil && string(text) == strings.Join(args, "\n")
}

// oldRunnerDir is where bundled runners lived before there was --runner-dir.
func (c *Config) oldRunnerDir() string { return filepath.Join(c.Data, "runners") }

// openRunnerDir makes the directory of the bundled runners and takes its lock: two
// servers would each end the runners of the other. Where nobody says which it is, it
// is beside the data directory, or in there where that cannot be.
func (s *Server) openRunnerDir(ctx context.Context, bundled bool) (err error) {
	s.runnerDir = cmp.Or(s.config.RunnerDir, s.config.Data+"-runners")
	if _, err := os.Stat(s.runnerDir); err != nil && !bundled {
		return nil // nor have there been any
	}
	if s.config.RunnerDir != "" {
		s.runnerLock, err = lockDir("--runner-dir", s.runnerDir)
		return err
	}
	if s.runnerLock, err = lockDir("--runner-dir", s.runnerDir); err != nil {
		s.log.InfoContext(ctx, "bundled runners live in the data directory", "err", err)
		s.runnerDir = s.config.oldRunnerDir()
	}
	return nil
}

// formerPlaces are those of bundled runners that this server, with so many of them,
// does not have any more. Their processes may have outlived an earlier one.
func (s *Server) formerPlaces(count int) []place {
	var former []place
	for _, dir := range []string{s.runnerDir, s.config.oldRunnerDir()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // there are none
		}
		for _, e := range entries {
			if n, err := strconv.Atoi(e.Name()); err == nil && n > count {
				former = append(former, newPlace(dir, n))
			}
		}
	}
	return former
}

// leave ends the runner of a place that is not used any more, once it has no job. In
// the data directory nothing is left of it.
func (b *bundledRunners) leave(ctx context.Context, p place) {
	old := b.s.config.oldRunnerDir()
	if filepath.Dir(p.root) == old && b.s.runnerDir == old && p.number <= b.count {
		return // it is used
	}
	if _, ok := runner.Running(p.root); ok {
		b.withhold(ctx, p)
		b.retire(ctx, p)
		b.await(ctx, p.root)
	}
	if ctx.Err() != nil || filepath.Dir(p.root) != old {
		return
	}
	if _, err := os.Lstat(p.root); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err := os.RemoveAll(p.root); err != nil {
		b.s.log.WarnContext(ctx, "directory of a bundled runner not removed", "err", fmt.Errorf("%s: %w", p.root, err))
	}
	b.s.leaveOldDir()
}

// leaveOldDir removes the directory of bundled runners in the data directory, unless
// they live there still. The port is written down elsewhere by now.
func (s *Server) leaveOldDir() {
	old := s.config.oldRunnerDir()
	if s.runnerDir == old {
		return
	}
	_ = os.Remove(filepath.Join(old, portFile)) // mostly it is gone
	_ = os.Remove(old)                          // or one of them still has a job there
}
