package queue

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Look is one look of an idle runner for a job.
func (q *Queue) Look(ctx context.Context, r *actions.Runner) (*Message, error) {
	return q.pick(ctx, r, &actions.Access{Name: actions.DefaultGroup, Public: true})
}

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

// Private counts the waiting runners that are offered no job of a public repository.
func (q *Queue) Private() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.waiting {
		if p.looked && (p.group == nil || !p.group.Public) {
			n++
		}
	}
	return n
}
