package queue

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// labelSets remembers for a moment which label sets jobs wait with, since every
// runner that waits asks for them every few seconds. A job that becomes ready in
// this process is never missed: a set that is not in the list drops the list.
type labelSets struct {
	list    []*store.LabelSet
	keys    map[string]bool // by actions.LabelKey; nil when there is no list
	read    time.Time
	dropped int // counts, so that a list read before is not kept after
}

// setsFresh is how long a job of another server may be missed.
const setsFresh = time.Second

// expect makes sure that the set of a job that becomes ready is seen. The caller
// holds mu.
func (s *labelSets) expect(w *store.Waiting) {
	if s.keys[actions.LabelKey(w.Group, w.Labels)] {
		return
	}
	s.list, s.keys = nil, nil
	s.dropped++
}

// keep remembers a list. The caller holds mu.
func (s *labelSets) keep(list []*store.LabelSet, now time.Time) {
	s.list, s.read, s.keys = list, now, make(map[string]bool, len(list))
	for _, set := range list {
		s.keys[actions.LabelKey(set.Group, set.Labels)] = true
	}
}

// waitingSets lists the label sets that jobs wait with.
func (q *Queue) waitingSets(ctx context.Context) ([]*store.LabelSet, error) {
	q.mu.Lock()
	now, dropped := q.now(), q.sets.dropped
	if q.sets.keys != nil && now.Sub(q.sets.read) < setsFresh {
		defer q.mu.Unlock()
		return q.sets.list, nil
	}
	q.mu.Unlock()
	list, err := q.store.WaitingLabelSets(ctx)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sets.dropped == dropped {
		q.sets.keep(list, now)
	}
	return list, nil
}
