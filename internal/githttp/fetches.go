package githttp

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// How many fetches without credentials are served at once, and how long others
// wait for their turn. Each is two git processes for as long as its client takes
// to read the answer; who has an account, as every job has, is not kept waiting by
// strangers.
const (
	maxAnonymous = 32
	fetchWait    = 20 * time.Second
)

var errCrowded = actions.Errorf(actions.Unavailable, "Too many fetches without credentials at the moment. Try again later.")

// turns are places for what may run at the same time.
type turns chan struct{}

// take waits for a place, which leave gives back.
func (t turns) take(ctx context.Context, wait time.Duration) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, errCrowded
	}
}
