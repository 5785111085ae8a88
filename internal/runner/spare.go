package runner

import (
	"errors"
	"os"
	"sync"

	"github.com/understudy-ci/understudy/internal/runner/cgroup"
	"github.com/understudy-ci/understudy/internal/runner/link"
	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

// A box is a process that has no job and sees nothing yet, the door to it, and the
// group that limits it.
type box struct {
	*sandbox.Process
	door  *os.File // the runner's end
	group *cgroup.Group
}

// newBox starts one.
func (s *spare) newBox() (*box, error) {
	group, err := s.groups.make()
	if err != nil {
		return nil, err
	}
	outer, inner, err := link.Pair()
	if err != nil {
		return nil, errors.Join(err, group.Remove())
	}
	p, err := sandbox.Start(sandbox.Command{Args: s.sandbox.Args, Env: []string{}, Files: []*os.File{inner}, Log: s.sandbox.Log})
	if err = errors.Join(err, inner.Close()); err != nil {
		return nil, errors.Join(err, outer.Close(), group.Remove())
	}
	b := &box{p, outer, group}
	if err := group.Add(p.Pid); err != nil { // it starts nothing before it has its view
		return nil, errors.Join(err, b.drop())
	}
	return b, nil
}

// End kills the process, waits until its sandbox is gone, and removes its group.
func (b *box) End() error { return errors.Join(b.Process.End(), b.group.Remove()) }

// A spare is a box that is started before there is a job for it, because that takes
// longer than many a job. It has one of them at most.
type spare struct {
	sandbox *Sandbox
	groups  groups
	mu      sync.Mutex
	next    chan *box // of size 1; nil while none is being started; closed if that failed
	closed  bool
	wg      sync.WaitGroup
}

// refill starts a box in the background, if there is none.
func (s *spare) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil || s.closed {
		return
	}
	next := make(chan *box, 1)
	s.next = next
	s.wg.Go(func() {
		defer close(next)
		if b, err := s.newBox(); err == nil { // else whoever needs one hears why
			next <- b
		}
	})
}

// take returns the spare box, or a new one.
func (s *spare) take() (*box, error) {
	s.mu.Lock()
	next := s.next
	s.next = nil
	s.mu.Unlock()
	if next != nil {
		if b := <-next; b != nil && b.waits() {
			return b, nil
		} else if b != nil {
			_ = b.drop() // it has ended
		}
	}
	return s.newBox()
}

// waits says whether the process of the box is still there.
func (b *box) waits() bool {
	select {
	case <-b.Done():
		return false
	default:
		return true
	}
}

// drop ends a box that was not used.
func (b *box) drop() error { return errors.Join(b.End(), b.door.Close()) }

// close ends what is there, and nothing is started any more.
func (s *spare) close() {
	s.mu.Lock()
	next := s.next
	s.next, s.closed = nil, true
	s.mu.Unlock()
	s.wg.Wait()
	if next == nil {
		return
	}
	if b := <-next; b != nil {
		_ = b.drop() // at worst it ends with this process
	}
}
