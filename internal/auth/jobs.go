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

// Jobs says which job a request comes from: runners and steps show the tokens that
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

// Runner returns the job for which the request's token reports, and what the token
// says. The job may be completed; what a renewal or a step update writes of it may
// be old. A token that does not hold is Unauthorized, one that is for steps is
// Forbidden, and a job that was deleted is NotFound, as is one that the data does not know
// or that was acquired anew since.
func (a *Jobs) Runner(r *http.Request) (*actions.Job, *token.Job, error) {
	job, t, err := a.Steps(r)
	if t != nil && t.ForSteps {
		return nil, nil, actions.Errorf(actions.Forbidden, "the token is for the steps of a job: only its runner may report for it")
	}
	return job, t, err
}

// Steps is like [Jobs.Runner], and takes the token of the job's steps, too.
func (a *Jobs) Steps(r *http.Request) (*actions.Job, *token.Job, error) {
	text, err := httpjson.Bearer(r)
	if err != nil {
		return nil, nil, err
	}
	t, err := a.keys.Job(text, a.now())
	if err != nil {
		return nil, nil, err
	}
	job, err := a.Job(r.Context(), t.ID, t.IsOf)
	if err != nil {
		return nil, nil, err
	}
	return job, &t, nil
}

// Job returns the job with the given id as it is now, but for what [Jobs.Runner]
// says may be old: it is remembered until it changes, for a job calls often. It is
// not to be changed. A job that is not the one that something was signed for, as is
// says, is NotFound: older data was put back, and its number, or the job, was given
// out again.
func (a *Jobs) Job(ctx context.Context, id int64, is func(*actions.Job) bool) (*actions.Job, error) {
	revision := a.store.Revision(store.JobTopic(id), store.DeletedTopic())
	read := func() (*actions.Job, error) { return a.store.Job(ctx, id) }
	job, err := a.known.FindAt(id, revision, read)
	if err == nil && !is(job) { // or it was acquired at another server just now
		job, err = read()
	}
	if err != nil {
		return nil, err
	}
	if !is(job) {
		return nil, actions.Errorf(actions.NotFound, "the job that had the number %d", id)
	}
	return job, nil
}
