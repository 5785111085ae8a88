package queue

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Look is one look of an idle runner for a job.
func (q *Queue) Look(ctx context.Context, r *actions.Runner) (*Message, error) { return q.pick(ctx, r) }

// Busy is how many busy runners wait and have looked for the end of their job.
func (q *Queue) Busy() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.busy {
		if p.looked {
			n++
		}
	}
	return n
}
