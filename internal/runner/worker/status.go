package worker

import (
	"context"
	"slices"
	"sync"

	"github.com/understudy-ci/understudy/internal/wire"
)

// shutdownMessage is the error of a job whose runner goes away (CAN-6).
const shutdownMessage = "The runner has received a shutdown signal. This can happen when the runner service is stopped, or a manually started runner is canceled."

// A status is the state of a job: how its steps have ended so far, and whether
// it was told to stop. The steps that run then are asked whether their condition
// still holds (CAN-2).
type status struct {
	mu       sync.Mutex
	result   string // [wire.Succeeded], [wire.Failed] or [wire.Canceled]
	shutdown bool

	asking  sync.Mutex   // held while steps are asked; taken before mu
	running []*stoppable // the innermost step is the last
}

// A stoppable is a step that runs.
type stoppable struct {
	wanted func() bool // whether its condition still holds
	cancel context.CancelFunc
}

// merge adds the conclusion of a step to that of the job (RES-2).
func (s *status) merge(conclusion string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result = mergeResults(s.result, conclusion)
}

// mergeResults is the result of two things that had these results: cancelled
// is worse than failed, failed is worse than success, and skipped says nothing.
func mergeResults(a, b string) string {
	for _, worst := range []string{wire.Canceled, wire.Failed} {
		if a == worst || b == worst {
			return worst
		}
	}
	return a
}

func (s *status) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.result
}

func (s *status) shuttingDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shutdown
}

// push announces a step, before its condition is evaluated. The function it
// returns takes it back and waits until nobody asks the step any more. A step
// that begins after the job was told to stop needs no asking.
func (s *status) push(step *stoppable) (pop func()) {
	s.asking.Lock()
	defer s.asking.Unlock()
	if s.get() != wire.Canceled && !s.shuttingDown() {
		s.running = append(s.running, step)
	}
	return func() {
		s.asking.Lock()
		defer s.asking.Unlock()
		s.running = slices.DeleteFunc(s.running, func(r *stoppable) bool { return r == step })
	}
}

// stop acts on a signal; a repeated one finds nothing left to do.
func (s *status) stop(signal Signal) {
	s.asking.Lock()
	defer s.asking.Unlock()
	s.mu.Lock()
	switch signal {
	case Cancel:
		s.result = wire.Canceled
	case Shutdown:
		s.shutdown = true
		s.result = mergeResults(s.result, wire.Failed)
	}
	shutdown := s.shutdown
	s.mu.Unlock()
	for _, step := range s.running {
		if shutdown || !step.wanted() {
			step.cancel()
		}
	}
	s.running = nil
}
