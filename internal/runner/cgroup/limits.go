package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits are what the processes of a group may have together. Zero is no limit.
type Limits struct {
	Memory    int64   // bytes, of files that the system keeps in memory too; none of it is swapped out
	CPUs      float64 // how many processors' time
	Processes int     // at a time, each thread counted; may be [Unsaid]
}

const (
	// Unsaid processes are as many as is sensible.
	Unsaid = -1
	// StandardProcesses is where nobody has said how many.
	StandardProcesses = 4096
)

// With less of these not even the worker of a job goes on.
const (
	leastMemory    = 64 << 20
	leastProcesses = 64
	leastCPUs      = 0.01
)

// With more, systems refuse the number, or it is a mistake.
const (
	mostMemory    = 1 << 50
	mostProcesses = 1 << 22
	mostCPUs      = 1 << 13
)

// Check refuses limits that make no sense.
func (l Limits) Check() error {
	switch {
	case l.Memory != 0 && (l.Memory < leastMemory || l.Memory > mostMemory):
		return fmt.Errorf("--job-memory must be from %s to %s, or 0 for no limit, not %s", size(leastMemory), size(mostMemory), size(l.Memory))
	case l.CPUs != 0 && !(l.CPUs >= leastCPUs && l.CPUs <= mostCPUs): // nor is it a number then, perhaps
		return fmt.Errorf("--job-cpus must be from %g to %d, or 0 for no limit, not %g", leastCPUs, mostCPUs, l.CPUs)
	case l.Processes != 0 && l.Processes != Unsaid && (l.Processes < leastProcesses || l.Processes > mostProcesses):
		return fmt.Errorf("--job-processes must be from %d to %d, or 0 for no limit, not %d", leastProcesses, mostProcesses, l.Processes)
	}
	return nil
}

// Asked says whether somebody wants a limit.
func (l Limits) Asked() bool { return l.Flags() != "" }

// Flags are those that ask for the limits.
func (l Limits) Flags() string {
	var flags []string
	if l.Memory != 0 {
		flags = append(flags, "--job-memory")
	}
	if l.CPUs != 0 {
		flags = append(flags, "--job-cpus")
	}
	if l.Processes > 0 {
		flags = append(flags, "--job-processes")
	}
	return strings.Join(flags, ", ")
}

// String says what the limits are, "" if there are none.
func (l Limits) String() string {
	var all []string
	if l.Memory != 0 {
		all = append(all, size(l.Memory)+" of memory")
	}
	if l.CPUs != 0 {
		all = append(all, fmt.Sprintf("%g CPUs", l.CPUs))
	}
	if l.Processes > 0 {
		all = append(all, fmt.Sprintf("%d processes", l.Processes))
	}
	return strings.Join(all, ", ")
}

// size is a number of bytes in the largest unit of which it is a multiple.
func size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	for n != 0 && n%(1<<10) == 0 && len(units) > 1 {
		n, units = n>>10, units[1:]
	}
	return fmt.Sprintf("%d %s", n, units[0])
}

// A controller is a part of the system that keeps one of the limits.
type controller string

const (
	memory controller = "memory"
	cpu    controller = "cpu"
	pids   controller = "pids"
)

// controllers are those that the limits need.
func (l Limits) controllers() []controller {
	var need []controller
	if l.Memory != 0 {
		need = append(need, memory)
	}
	if l.CPUs != 0 {
		need = append(need, cpu)
	}
	if l.Processes > 0 {
		need = append(need, pids)
	}
	return need
}

// A version is one of cgroups.
type version int

const (
	one version = 1
	two version = 2
)

// period is the time, in microseconds, of which a group gets its part.
const period = 100_000

// A setting is what to write to a file of a group.
type setting struct {
	file, value string
	optional    bool // not every system has the file
}

// settings set the limit that a controller keeps.
func (l Limits) settings(c controller, v version) []setting {
	bytes, quota, most := strconv.FormatInt(l.Memory, 10), strconv.FormatInt(int64(l.CPUs*period), 10), strconv.Itoa(l.Processes)
	switch {
	case c == memory && v == one: // in this order: the second is never less than the first
		return []setting{{"memory.limit_in_bytes", bytes, false}, {"memory.memsw.limit_in_bytes", bytes, true}}
	case c == memory:
		return []setting{{"memory.max", bytes, false}, {"memory.swap.max", "0", true}}
	case c == cpu && v == one:
		return []setting{{"cpu.cfs_period_us", strconv.Itoa(period), false}, {"cpu.cfs_quota_us", quota, false}}
	case c == cpu:
		return []setting{{"cpu.max", quota + " " + strconv.Itoa(period), false}}
	}
	return []setting{{"pids.max", most, false}}
}

// set sets the limit that a controller keeps, in the directory of a group.
func (l Limits) set(dir string, c controller, v version) error {
	for _, s := range l.settings(c, v) {
		file := filepath.Join(dir, s.file)
		if _, err := os.Stat(file); err != nil && s.optional {
			continue
		}
		if err := write(file, s.value); err != nil {
			return err
		}
	}
	return nil
}

func write(file, text string) error {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cgroup: %q: %w", text, err)
	}
	return nil
}
