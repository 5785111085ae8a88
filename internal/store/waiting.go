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
	Public              bool // its repository is
}

func scanWaiting(r db.Row) (*Waiting, error) {
	w := new(Waiting)
	return w, r.Scan(&w.ID, &w.RepoID, &w.OwnerID, &w.GUID, db.Bool(&w.Public), &w.Group, db.JSON(&w.Labels))
}

const (
	nextColumns    = `id, repo_id, owner_id, guid, (select 1 - r.private from repositories r where r.id = jobs.repo_id)`
	waitingColumns = nextColumns + `, runner_group, labels`
)

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
	const free = `select ` + nextColumns + ` from jobs where status = 'queued' and wait = '' and label_set_id = $1`
	scan := func(r db.Row) (*Waiting, error) {
		w := &Waiting{Group: set.Group, Labels: set.Labels}
		return w, r.Scan(&w.ID, &w.RepoID, &w.OwnerID, &w.GUID, db.Bool(&w.Public))
	}
	switch {
	case sc.RepoID != 0:
		return db.All(ctx, q.ex, scan, free+` and repo_id = $2 order by id limit $3`, set.ID, sc.RepoID, limit)
	case sc.OwnerID != 0:
		return db.All(ctx, q.ex, scan, free+` and owner_id = $2 order by id limit $3`, set.ID, sc.OwnerID, limit)
	}
	return db.All(ctx, q.ex, scan, free+` order by id limit $2`, set.ID, limit)
}

// PrivateWaiting lists the private repositories that have jobs with one label set wait
// for a runner of the scope, which is of no repository: that of the oldest job first. It
// steps through the index of waiting jobs from one repository to the next, however many
// jobs each has.
func (q queries) PrivateWaiting(ctx context.Context, set *LabelSet, sc actions.Scope, limit int) ([]int64, error) {
	const next = `select min(repo_id) from jobs where status = 'queued' and wait = ''`
	return db.All(ctx, q.ex, db.Value[int64], `with recursive waiting (repo_id) as (
		select * from (`+next+`) first
		union all
		select (`+next+` and repo_id > waiting.repo_id) from waiting where waiting.repo_id is not null)
		select id from (
			select r.id, (select min(j.id) from jobs j where j.repo_id = r.id and j.label_set_id = $1 and j.status = 'queued' and j.wait = '') as oldest
			from waiting join repositories r on r.id = waiting.repo_id
			where r.private = 1 and (r.owner_id = $2 or $2 = 0)) private
		where oldest is not null order by oldest limit $3`, set.ID, sc.OwnerID, limit)
}

// mostReady bounds how many jobs of a repository are announced at once: runners that
// get one of them look for the next ones by themselves.
const mostReady = 100

// publishReady announces jobs of a repository that wait for a runner: others than
// before may take them.
func (tx *Tx) publishReady(ctx context.Context, repoID int64) error {
	ids, err := db.All(ctx, tx.ex, db.Value[int64], `select id from jobs where status = 'queued' and wait = '' and repo_id = $1 limit $2`, repoID, mostReady)
	for _, id := range ids {
		tx.Publish(ReadyTopic(id))
	}
	return err
}
