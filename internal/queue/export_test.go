package queue

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Look is one look of an idle runner for a job.
func (q *Queue) Look(ctx context.Context, r *actions.Runner) (*Message, error) { return q.pick(ctx, r) }
