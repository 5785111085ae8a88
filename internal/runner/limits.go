package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/understudy-ci/understudy/internal/runner/cgroup"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// groupsFile names the directories in which the running runner has the groups that
// limit its jobs: a killed one leaves them.
const groupsFile = ".cgroups"

// Limits are what the processes of one job may use together.
type Limits = cgroup.Limits

// UnsaidProcesses are as many as is sensible, where there can be a limit.
const UnsaidProcesses = cgroup.Unsaid

// SettleLimits says which limits jobs have: those that are asked for, or an error that
// says why they cannot. Jobs with the isolation [None] have none; why is why jobs
// do not have another, nil if it was not wanted.
func SettleLimits(isolation Isolation, why error, l Limits) (Limits, error) {
	switch {
	case isolation == User:
		return cgroup.Settle(cgroup.This(), l)
	case isolation.Kind() == Container: // the engine sets them
		if l.Processes == UnsaidProcesses {
			l.Processes = cgroup.StandardProcesses
		}
		return l, l.Check()
	case !l.Asked():
		return Limits{}, nil
	case why != nil:
		return Limits{}, fmt.Errorf("%s: needs --isolation user, which does not work here: %w", l.Flags(), why)
	}
	return Limits{}, fmt.Errorf("%s: needs --isolation user or container", l.Flags())
}

// groups makes a group for each sandbox, and nil ones where there are no limits.
type groups struct {
	parent *cgroup.Parent // nil without limits
	made   atomic.Int64
}

// make makes a group.
func (g *groups) make() (*cgroup.Group, error) {
	if g.parent == nil {
		return nil, nil //nolint:nilnil // a group without limits
	}
	return g.parent.Make(strconv.FormatInt(g.made.Add(1), 10))
}

// openGroups makes a place for the groups of this runner's jobs.
func (r *Runner) openGroups() error {
	if !r.cfg.Sandbox.Limits.Asked() {
		return nil
	}
	parent, err := cgroup.Find(cgroup.This(), r.cfg.Sandbox.Limits)
	if err == nil { // before it is made: this process may be killed
		err = writeFile(filepath.Join(r.cfg.Root, groupsFile), []byte(strings.Join(parent.Dirs(), "\n")))
	}
	if err == nil {
		r.spare.groups.parent = parent
		err = parent.Open()
	}
	if err != nil {
		return fmt.Errorf("limits of jobs: %w", err)
	}
	return nil
}

// closeGroups removes the groups of a runner that ends, or that was killed.
func (r *Runner) closeGroups(ctx context.Context) {
	var dirs []string
	if p := r.spare.groups.parent; p != nil { // the file is gone where somebody has removed the root
		dirs = p.Dirs()
	}
	file := filepath.Join(r.cfg.Root, groupsFile)
	text, err := os.ReadFile(file)
	there := !errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil:
		dirs = append(dirs, strings.Split(string(text), "\n")...)
	case !there:
		err = nil
	}
	if err = errors.Join(err, cgroup.Remove(dirs)); err == nil && there {
		err = os.Remove(file)
	}
	if err != nil { // better a runner that takes jobs than one that never does again
		r.cfg.Log.WarnContext(ctx, "cgroups of jobs were not removed", "err", err)
	}
}

// end ends a sandbox, which takes the kernel some time, while the runner goes on.
func (r *removals) end(b *box) {
	r.wg.Go(func() {
		if err := b.End(); err != nil {
			r.log.Warn("sandbox of a job was not removed", "err", err)
		}
	})
}

// limits says what each job may use, "" if that is not limited.
func (r *Runner) limits() string {
	if !r.cfg.Isolation.boxed() {
		return ""
	}
	return r.cfg.Sandbox.Limits.String()
}

// explain adds to the result of a job which of its limits it has met.
func explain(result *worker.Result, met cgroup.Events, l Limits) {
	add := func(text string) {
		a := wire.Annotation{Level: wire.LevelWarning, Message: text}
		if result.Conclusion == wire.Failed {
			a.Level = wire.LevelFailure
		}
		result.Annotations = append(result.Annotations, a)
	}
	if met.Killed > 0 {
		add(fmt.Sprintf("Out of memory: together the processes of this job may use %s, which is --job-memory of the runner. "+
			"Those that were killed when there was no more: %d. The exit code of a killed process is 137.",
			cgroup.Limits{Memory: l.Memory}, met.Killed))
	}
	if met.Refused > 0 {
		add(fmt.Sprintf("Too many processes: this job may have %d at a time, each of their threads counted, which is --job-processes of the runner. "+
			"It has tried to start more.", l.Processes))
	}
}
