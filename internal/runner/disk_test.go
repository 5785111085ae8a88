package runner

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// diskOf gives a runner a disk with so much room.
func diskOf(free *atomic.Int64) func(*Runner) {
	return func(r *Runner) {
		r.timing.roomLook = 5 * time.Millisecond
		r.cfg.Free = func(string) (int64, error) { return free.Load(), nil }
	}
}

func TestARunnerOnAFullDiskIsOfflineUntilThereIsRoom(t *testing.T) {
	s := newServer(t)
	var free atomic.Int64
	free.Store(leastFree - 1)
	listen(t, configure(t, s, nil), succeed, diskOf(&free))
	s.eventually("its session is closed", func() bool { return s.closed == 1 })
	s.offer("request-1")
	free.Store(leastFree)
	s.result()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions != 2 || s.acquired != 1 || !slices.Equal(s.acks, []string{"request-1"}) {
		t.Errorf("%d sessions, %d jobs acquired, acknowledged %v; want a second session and the job", s.sessions, s.acquired, s.acks)
	}
}

func TestAJobThatComesWhenTheDiskHasFilledUpIsNotAcquired(t *testing.T) {
	s := newServer(t)
	var free atomic.Int64
	free.Store(leastFree)
	listen(t, configure(t, s, nil), succeed, diskOf(&free))
	s.eventually("a poll is held", func() bool { return s.online() == 1 })
	free.Store(0)
	s.offer("request-1")
	s.eventually("its session is closed", func() bool { return s.closed == 1 })
	s.mu.Lock()
	if s.acquired != 0 || len(s.acks) != 0 {
		t.Errorf("%d jobs acquired, acknowledged %v; want none", s.acquired, s.acks)
	}
	s.mu.Unlock()
	s.offer("request-1") // again, as the server does
	free.Store(leastFree)
	if got := s.result(); got.Conclusion != wire.Succeeded {
		t.Errorf("the job is %s", got.Conclusion)
	}
}

func TestARunnerWithoutRoomCanBeStopped(t *testing.T) {
	s := newServer(t)
	var free atomic.Int64
	l := listen(t, configure(t, s, nil), succeed, diskOf(&free))
	s.eventually("its session is closed", func() bool { return s.closed == 1 })
	l.stop()
	if err := l.end(t); err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != 1 {
		t.Errorf("%d sessions were closed, want one", s.closed)
	}
}

func TestTheSystemSaysHowMuchRoomThereIs(t *testing.T) {
	free, err := freeSpace(t.TempDir())
	if err != nil && !strings.Contains(err.Error(), "unsupported") || err == nil && free <= 0 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
}
