package githttp

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// How many fetches without credentials are served at once, and how long others
// wait for their turn. Each is two git processes for as long as its client takes
// to read the answer. Callers with an account, which includes every job, never wait
// for those without.
const (
	maxAnonymous = 32
	fetchWait    = 20 * time.Second
)

var errCrowded = actions.Errorf(actions.Unavailable, "Too many fetches without credentials. Try again later.")

// turns limits how many fetches run at the same time: its capacity.
type turns chan struct{}

// take waits until fewer than the limit run. The caller calls leave in the end.
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
