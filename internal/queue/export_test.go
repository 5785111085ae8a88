package queue

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Look is one look of an idle runner for a job.
func (q *Queue) Look(ctx context.Context, r *actions.Runner) (*Message, error) { return q.pick(ctx, r) }

// Waiting is how many idle runners wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Busy is how many busy runners wait.
func (q *Queue) Busy() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.busy)
}
