package host

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// trackingVariable marks every process of a job; its value is the job's own.
const trackingVariable = "RUNNER_TRACKING_ID"

const trackingPrefix = "github_"

// NewTrackingID makes a tracking id for a job; no other job has it.
func NewTrackingID() string { return trackingPrefix + uuid.NewString() }

// checkTrackingID refuses ids that NewTrackingID has not made: processes that
// are not ours might have an empty one, for example.
func checkTrackingID(id string) error {
	rest, ok := strings.CutPrefix(id, trackingPrefix)
	if _, err := uuid.Parse(rest); !ok || err != nil || len(rest) != len(uuid.Nil.String()) {
		return fmt.Errorf("%q is not the tracking id of a job", id)
	}
	return nil
}

// KillLeftovers kills the processes of a job whose runner could not do it, and
// the process groups that they are in. It returns how many processes there
// were when none is left, or an error when some do not end before ctx does.
// Where there is no /proc it finds none.
func KillLeftovers(ctx context.Context, trackingID string) (killed int, err error) {
	if err := checkTrackingID(trackingID); err != nil {
		return 0, err
	}
	own := syscall.Getpgrp()
	s := sweep{find: func() []Leftover { return tracked(trackingID) }, pids: map[int]bool{}, kill: func(pid int) {
		if group, err := syscall.Getpgid(pid); err == nil && group > 1 && group != own {
			_ = syscall.Kill(-group, syscall.SIGKILL) // it may have ended by itself
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

// A sweep kills the processes of a job. It looks for them again and again, since
// they may start others meanwhile.
type sweep struct {
	find func() []Leftover
	kill func(pid int)
	seen []Leftover // in the order in which they were found
	pids map[int]bool
	wait time.Duration
}

// look kills what it finds. It reports whether there was nothing.
func (s *sweep) look() (clean bool) {
	found := s.find()
	for _, p := range found {
		if !s.pids[p.PID] {
			s.pids[p.PID] = true
			s.seen = append(s.seen, p)
		}
		s.kill(p.PID)
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
