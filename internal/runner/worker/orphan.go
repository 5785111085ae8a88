package worker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// trackingVariable marks every process of a job; its value is the job's own.
const trackingVariable = "RUNNER_TRACKING_ID"

// NewTrackingID makes a tracking id for a job; no other job has it.
func NewTrackingID() string { return trackingPrefix + uuid.NewString() }

const trackingPrefix = "github_"

// checkTrackingID refuses what NewTrackingID has not made: an empty id, say,
// would be that of processes of others.
func checkTrackingID(id string) error {
	rest, ok := strings.CutPrefix(id, trackingPrefix)
	if _, err := uuid.Parse(rest); !ok || err != nil || len(rest) != len(uuid.Nil.String()) {
		return fmt.Errorf("%q is not the tracking id of a job", id)
	}
	return nil
}

// KillLeftovers kills the processes, and the process groups that they are in,
// of a job whose runner did not come to do it. It returns how many processes
// of the job there were when none is left, or an error when some do not end
// before ctx does. Where there is no /proc it finds none.
func KillLeftovers(ctx context.Context, trackingID string) (killed int, err error) {
	if err := checkTrackingID(trackingID); err != nil {
		return 0, err
	}
	own := syscall.Getpgrp()
	s := sweep{trackingID: trackingID, pids: map[int]bool{}, kill: func(pid int) {
		if group, err := syscall.Getpgid(pid); err == nil && group > 1 && group != own {
			_ = syscall.Kill(-group, syscall.SIGKILL) // it may be gone by itself
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}}
	// A process in the middle of an exec has no environment to show: one look
	// that finds nothing is not enough.
	for clean := 0; clean < 2; {
		if s.look() {
			clean++
		} else {
			clean = 0
		}
		if err := s.pause(ctx); err != nil {
			return len(s.seen), fmt.Errorf("processes of a job do not end: %w", err)
		}
	}
	return len(s.seen), nil
}

// A sweep kills the processes that carry a tracking id, look by look, for they
// may start others meanwhile.
type sweep struct {
	trackingID string
	kill       func(pid int)
	seen       []proc // in the order in which they were found
	pids       map[int]bool
	wait       time.Duration
}

// look kills what it finds. It reports whether there was nothing.
func (s *sweep) look() (clean bool) {
	found := tracked(s.trackingID)
	for _, p := range found {
		if !s.pids[p.pid] {
			s.pids[p.pid] = true
			s.seen = append(s.seen, p)
		}
		s.kill(p.pid)
	}
	return len(found) == 0
}

// pause gives what was killed time to end: more each time, up to a bound.
func (s *sweep) pause(ctx context.Context) error {
	s.wait = min(max(2*s.wait, time.Millisecond), 50*time.Millisecond)
	t := time.NewTimer(s.wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A proc is a running process.
type proc struct {
	pid  int
	name string
}

// processIDs lists the running processes; none where there is no /proc.
func processIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what could be read is what there is
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tracked finds the processes that carry a tracking id in their environment.
// Those that ran before the job are looked at too: their ids may have passed to
// processes of the job.
func tracked(trackingID string) []proc {
	mark := []byte(trackingVariable + "=" + trackingID)
	var found []proc
	for _, pid := range processIDs() {
		if pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(procFile(pid, "environ"))
		if err != nil {
			continue // gone, or another user's
		}
		for entry := range bytes.SplitSeq(environ, []byte{0}) {
			if bytes.Equal(entry, mark) {
				found = append(found, proc{pid, processName(pid)})
				break
			}
		}
	}
	return found
}

// killTree kills a process, its process group and all of their descendants.
func killTree(pid int) {
	tree := descendants(pid)
	_ = syscall.Kill(-pid, syscall.SIGKILL) // each may be gone already
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

// parentOf reads "pid (name) state ppid …"; a name may hold any character.
func parentOf(pid int) (parent int, ok bool) {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return parent, err == nil
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
