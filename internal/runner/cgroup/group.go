package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Group is that of one job. A nil one has no limits.
type Group struct{ branches []branch }

// Add moves a process into the group, with all of its threads; what it starts from
// then on is there too.
func (g *Group) Add(pid int) error {
	if g == nil {
		return nil
	}
	for _, b := range g.branches {
		if err := move(pid, b.dir); err != nil {
			return err
		}
	}
	return nil
}

const processesFile = "cgroup.procs"

func move(pid int, dir string) error {
	return write(filepath.Join(dir, processesFile), strconv.Itoa(pid))
}

// Events say which limits the processes of a group have met.
type Events struct {
	Killed  int64 // processes that the system has killed because no memory was left
	Refused int64 // processes and threads that were not started because there were so many
}

// Events returns those so far. What cannot be read has not happened.
func (g *Group) Events() Events {
	var e Events
	if g == nil {
		return e
	}
	for _, b := range g.branches {
		for _, c := range b.controllers {
			switch {
			case c == memory && b.version == one:
				e.Killed = count(b.dir, "memory.oom_control", "oom_kill")
			case c == memory:
				e.Killed = count(b.dir, "memory.events", "oom_kill")
			case c == pids:
				e.Refused = count(b.dir, "pids.events", "max")
			}
		}
	}
	return e
}

// count is the number after a name in a file of names and numbers.
func count(dir, file, name string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			n, _ := strconv.ParseInt(fields[1], 10, 64) // 0 if it is no number
			return n
		}
	}
	return 0
}

// Remove kills the processes of the group and removes it.
func (g *Group) Remove() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, b := range g.branches {
		errs = append(errs, remove(b.dir))
	}
	return errors.Join(errs...)
}

// Remove removes parents, which may be gone, with the groups in them. Processes that
// are left there are killed.
func Remove(dirs []string) error {
	var errs []error
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) || !strings.HasPrefix(filepath.Base(dir), prefix) {
			errs = append(errs, fmt.Errorf("cgroup: %q is not one of ours", dir))
			continue
		}
		groups, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, g := range groups {
			if g.IsDir() {
				errs = append(errs, remove(filepath.Join(dir, g.Name())))
			}
		}
		errs = append(errs, remove(dir))
	}
	return errors.Join(errs...)
}

// endTime is how long processes that were killed may take to end.
const endTime = 5 * time.Second

// remove removes the directory of a group, and kills its processes until it can.
func remove(dir string) error {
	pause := time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		err := syscall.Rmdir(dir)
		switch {
		case err == nil || errors.Is(err, fs.ErrNotExist):
			return nil
		case !errors.Is(err, syscall.EBUSY) || waited > endTime:
			return fmt.Errorf("cgroup %s is not removed: %w", dir, err)
		}
		kill(dir)
		pause = min(2*pause, 100*time.Millisecond)
		<-time.After(pause) // it ends soon, by itself
	}
}

// kill kills the processes of a group: all at once where the system can.
func kill(dir string) {
	all := filepath.Join(dir, "cgroup.kill")
	if _, err := os.Stat(all); err == nil && write(all, "1") == nil {
		return
	}
	numbers, _ := processes(dir) // none if they cannot be read
	for _, pid := range numbers {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
}

// processes are the numbers of those in a group that this process can name.
func processes(dir string) (numbers []int, err error) {
	text, err := os.ReadFile(filepath.Join(dir, processesFile))
	for line := range strings.Lines(string(text)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 { // 0 is one of elsewhere
			numbers = append(numbers, pid)
		}
	}
	return numbers, err
}
