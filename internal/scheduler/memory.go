package scheduler

import (
	"container/list"
	"sync"
)

// Bounds of the states in memory. A state that is not there is read.
const (
	maxStates     = 1024
	maxStatesSize = 32 << 20
)

// states keeps the newest states of runs that are at work.
type states struct {
	mu    sync.Mutex
	known map[int64]*list.Element // by run
	order *list.List              // of *kept, the newest first
	size  int
}

type kept struct {
	runID int64
	state *state
	size  int
}

func newStates() *states { return &states{known: make(map[int64]*list.Element), order: list.New()} }

func (m *states) get(runID int64) *state {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.known[runID]
	if e == nil {
		return nil
	}
	m.order.MoveToFront(e)
	return e.Value.(*kept).state
}

func (m *states) put(runID int64, st *state, size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(m.known[runID])
	m.known[runID] = m.order.PushFront(&kept{runID, st, size})
	m.size += size
	for m.order.Len() > maxStates || m.size > maxStatesSize {
		m.remove(m.order.Back())
	}
}

func (m *states) drop(runID int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(m.known[runID])
}

func (m *states) remove(e *list.Element) {
	if e == nil {
		return
	}
	k := m.order.Remove(e).(*kept)
	delete(m.known, k.runID)
	m.size -= k.size
}
