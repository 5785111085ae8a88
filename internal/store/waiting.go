package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Waiting is what the queue needs to know of a job that waits for a runner.
type Waiting struct {
	ID, RepoID, OwnerID int64
	GUID                string
	Group               string
	Labels              []string
}

func scanWaiting(r db.Row) (*Waiting, error) {
	w := new(Waiting)
	return w, r.Scan(&w.ID, &w.RepoID, &w.OwnerID, &w.GUID, &w.Group, db.JSON(&w.Labels))
}

const waitingColumns = `id, repo_id, owner_id, guid, runner_group, labels`

// WaitingJob returns the job with the given id if it waits for a runner, and else
// NotFound.
func (q queries) WaitingJob(ctx context.Context, id int64) (*Waiting, error) {
	w, err := db.One(ctx, q.ex, scanWaiting, `select `+waitingColumns+` from jobs where id = $1 and status = 'queued' and wait = ''`, id)
	if err != nil {
		return nil, fmt.Errorf("job %d: %w", id, err)
	}
	return w, nil
}

// NextJobs lists the oldest jobs with one label set that wait for a runner of
// the scope. Each of the three scopes has its own index.
func (q queries) NextJobs(ctx context.Context, set *LabelSet, sc actions.Scope, limit int) ([]*Waiting, error) {
	const free = `select id, repo_id, owner_id, guid from jobs where status = 'queued' and wait = '' and label_set_id = $1`
	scan := func(r db.Row) (*Waiting, error) {
		w := &Waiting{Group: set.Group, Labels: set.Labels}
		return w, r.Scan(&w.ID, &w.RepoID, &w.OwnerID, &w.GUID)
	}
	switch {
	case sc.RepoID != 0:
		return db.All(ctx, q.ex, scan, free+` and repo_id = $2 order by id limit $3`, set.ID, sc.RepoID, limit)
	case sc.OwnerID != 0:
		return db.All(ctx, q.ex, scan, free+` and owner_id = $2 order by id limit $3`, set.ID, sc.OwnerID, limit)
	}
	return db.All(ctx, q.ex, scan, free+` order by id limit $2`, set.ID, limit)
}
