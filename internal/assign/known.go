package assign

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// known is what many jobs share, and is not read for each of them.
type known struct {
	attempts     *recent.Cache[attemptKey, *attempt]
	repositories *recent.Cache[int64, *actions.Repository] // as of the revision of its record
}

type attemptKey struct {
	runID  int64
	number int
}

// An attempt and its run. What a job is told of them does not change while it
// waits; statuses and times do, and may be old here.
type attempt struct {
	run     *actions.Run
	attempt *actions.Attempt
}

const maxKnown = 1024 // attempts, and repositories, each about a kilobyte

func newKnown() known {
	return known{recent.New[attemptKey, *attempt](maxKnown, maxKnown), recent.New[int64, *actions.Repository](maxKnown, maxKnown)}
}

// attemptOf is the attempt that a job belongs to, and its run.
func (a *Assigner) attemptOf(ctx context.Context, j *actions.Job) (*actions.Run, *actions.Attempt, error) {
	key := attemptKey{j.RunID, j.Attempt}
	if k, ok := a.known.attempts.Get(key); ok {
		return k.run, k.attempt, nil
	}
	k := &attempt{}
	err := a.store.View(ctx, func(tx *store.Tx) (err error) {
		if k.run, err = tx.Run(ctx, j.RunID); err != nil {
			return err
		}
		k.attempt, err = tx.Attempt(ctx, j.RunID, j.Attempt)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	a.known.attempts.Put(key, k, 1)
	return k.run, k.attempt, nil
}

func (a *Assigner) repository(ctx context.Context, id int64) (*actions.Repository, error) {
	revision := a.store.Revision(store.RecordTopic(id))
	return a.known.repositories.FindAt(id, revision, func() (*actions.Repository, error) { return a.store.Repository(ctx, id) })
}
