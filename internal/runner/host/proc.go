package host

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// What /proc says of processes. Where there is none, no process is found.

// processIDs lists the running processes.
func processIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // on an error, those read so far
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tracked finds the processes that carry a tracking id in their environment.
// It looks at all processes: ids are used again, so that one of the job may
// have a lower id than one from before the job.
func tracked(trackingID string) []Leftover {
	mark := []byte(trackingVariable + "=" + trackingID)
	var found []Leftover
	for _, pid := range processIDs() {
		if pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(procFile(pid, "environ"))
		if err != nil {
			continue // it has ended, or is another user's
		}
		for entry := range bytes.SplitSeq(environ, []byte{0}) {
			if bytes.Equal(entry, mark) {
				found = append(found, Leftover{pid, processName(pid)})
				break
			}
		}
	}
	return found
}

// others are all processes but this one that have not ended: those of a job whose
// worker is the first process of its namespace.
func others() []Leftover {
	var found []Leftover
	for _, pid := range processIDs() {
		if state, _, ok := statusOf(pid); ok && state != zombie && pid != os.Getpid() {
			found = append(found, Leftover{pid, processName(pid)})
		}
	}
	return found
}

// killTree kills a process, its process group and all of their descendants.
func killTree(pid int) {
	tree := descendants(pid)
	_ = syscall.Kill(-pid, syscall.SIGKILL) // each may have ended already
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for _, child := range tree {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
}

// descendants lists the children of a process, their children, and so on.
func descendants(pid int) []int {
	children := map[int][]int{}
	for _, p := range processIDs() {
		if parent, ok := parentOf(p); ok {
			children[parent] = append(children[parent], p)
		}
	}
	var all []int
	for next := []int{pid}; len(next) > 0; {
		kids := children[next[0]]
		delete(children, next[0])
		all = append(all, kids...)
		next = append(next[1:], kids...)
	}
	return all
}

func parentOf(pid int) (parent int, ok bool) {
	_, parent, ok = statusOf(pid)
	return parent, ok
}

const zombie = "Z" // it has ended, and nobody has waited for it

// statusOf reads "pid (name) state ppid …"; a name may hold any character.
func statusOf(pid int) (state string, parent int, ok bool) {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return "", 0, false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return string(fields[0]), parent, err == nil
}

func processName(pid int) string {
	name, err := os.ReadFile(procFile(pid, "comm"))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(name))
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
