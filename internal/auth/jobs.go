package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

// Jobs says which job a request comes from: runners and steps show the token that
// came with the job. It is safe for concurrent use.
type Jobs struct {
	store *store.Store
	keys  *token.Keys
	now   func() time.Time
	known *recent.Cache[int64, *actions.Job]
}

// NewJobs makes a Jobs on a store.
func NewJobs(st *store.Store, keys *token.Keys, now func() time.Time) *Jobs {
	return &Jobs{store: st, keys: keys, now: now, known: recent.New[int64, *actions.Job](maxEntries, maxEntries)}
}

// Authenticate returns the job whose token the request carries, and what the token
// says. The job may be completed; what a renewal or a step update writes of it may
// be old. A token that does not hold is Unauthorized, and a job that was deleted
// is NotFound.
func (a *Jobs) Authenticate(r *http.Request) (*actions.Job, *token.Job, error) {
	text, err := httpjson.Bearer(r)
	if err != nil {
		return nil, nil, err
	}
	t, err := a.keys.Job(text, a.now())
	if err != nil {
		return nil, nil, err
	}
	job, err := a.Job(r.Context(), t.ID)
	if err == nil && job.GUID != t.GUID {
		err = actions.Errorf(actions.Unauthorized, "the token is of another job")
	}
	return job, &t, err
}

// Job returns the job with the given id as it is now, but for what [Jobs.Authenticate]
// says may be old: it is remembered until it changes, for a job calls often. It is
// not to be changed.
func (a *Jobs) Job(ctx context.Context, id int64) (*actions.Job, error) {
	revision := a.store.Revision(store.JobTopic(id), store.DeletedTopic())
	return a.known.FindAt(id, revision, func() (*actions.Job, error) { return a.store.Job(ctx, id) })
}
