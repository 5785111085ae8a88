package queue

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// pick reserves for r the oldest waiting job that it may take, and returns nil
// when there is none.
func (q *Queue) pick(ctx context.Context, r *actions.Runner) (*Message, error) {
	sets, err := q.waitingSets(ctx)
	if err != nil {
		return nil, err
	}
	for limit := q.reserved() + 1; ; limit *= 2 { // one of so many is free, unless others are quicker
		if q.isRetired(r.ID) {
			return nil, nil
		}
		var oldest *store.Waiting
		full := false
		for _, set := range sets {
			if !r.InGroup(set.Group) || !r.Has(set.Labels) {
				continue
			}
			jobs, err := q.store.NextJobs(ctx, set, r.Scope, limit)
			if err != nil {
				return nil, err
			}
			full = full || len(jobs) == limit
			if w := q.firstFree(jobs, r.ID); w != nil && (oldest == nil || w.ID < oldest.ID) {
				oldest = w
			}
		}
		switch {
		case oldest != nil && q.tryReserve(oldest, r.ID):
			return &Message{Offer: oldest}, nil
		case oldest == nil && !full:
			return nil, nil
		}
	}
}

// waitingSets lists the label sets that jobs wait with. They are read again when
// a job has become ready, here or on another server.
func (q *Queue) waitingSets(ctx context.Context) ([]*store.LabelSet, error) {
	revision := q.store.Revision(store.ReadyTopic(0))
	q.mu.Lock()
	revision += q.ready
	q.mu.Unlock()
	return q.sets.FindAt(struct{}{}, revision, func() ([]*store.LabelSet, error) { return q.store.WaitingLabelSets(ctx) })
}

// reserved counts the jobs that are reserved for somebody.
func (q *Queue) reserved() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.offers)
}

func (q *Queue) firstFree(jobs []*store.Waiting, runnerID int64) *store.Waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range jobs {
		if q.free(w.GUID, runnerID) {
			return w
		}
	}
	return nil
}

func (q *Queue) tryReserve(w *store.Waiting, runnerID int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.free(w.GUID, runnerID) {
		return false
	}
	q.reserve(w, runnerID)
	return true
}
