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

// WaitingByGUID is [queries.WaitingJob] for the job with a GUID.
func (q queries) WaitingByGUID(ctx context.Context, guid string) (*Waiting, error) {
	w, err := db.One(ctx, q.ex, scanWaiting, `select `+waitingColumns+` from jobs where guid = $1 and status = 'queued' and wait = ''`, guid)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", guid, err)
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

// WaitingRepositories lists the repositories that have jobs with one label set wait for a
// runner of the scope, which is of no repository: that of the oldest job first. Without
// public they are private ones. It steps through the index of waiting jobs from one
// repository to the next, however many jobs each has. Of the jobs there is only which
// repository they are of.
func (q queries) WaitingRepositories(ctx context.Context, set *LabelSet, sc actions.Scope, public bool, limit int) ([]*Waiting, error) {
	const next = `select min(repo_id) from jobs where status = 'queued' and wait = ''`
	scan := func(r db.Row) (*Waiting, error) {
		w := &Waiting{Group: set.Group, Labels: set.Labels}
		return w, r.Scan(&w.RepoID, &w.OwnerID, db.Bool(&w.Public))
	}
	return db.All(ctx, q.ex, scan, `with recursive waiting (repo_id) as (
		select * from (`+next+`) first
		union all
		select (`+next+` and repo_id > waiting.repo_id) from waiting where waiting.repo_id is not null)
		select id, owner_id, public from (
			select r.id, r.owner_id, 1 - r.private as public, (select min(j.id) from jobs j where j.repo_id = r.id and j.label_set_id = $1 and j.status = 'queued' and j.wait = '') as oldest
			from waiting join repositories r on r.id = waiting.repo_id
			where r.private >= $4 and (r.owner_id = $2 or $2 = 0)) those
		where oldest is not null order by oldest limit $3`, set.ID, sc.OwnerID, limit, 1-db.Flag(public))
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

// PublishWaiting announces jobs of a scope that wait for a runner: of a repository, or of
// those of an owner, where the scope says nothing of all of them. Runners may get them
// that could not before.
func (tx *Tx) PublishWaiting(ctx context.Context, sc actions.Scope) error {
	const mostRepositories = 100
	if sc.RepoID != 0 {
		return tx.publishReady(ctx, sc.RepoID)
	}
	repos, err := db.All(ctx, tx.ex, db.Value[int64], `select distinct repo_id from jobs where status = 'queued' and wait = '' and (owner_id = $1 or $1 = 0) order by repo_id limit $2`, sc.OwnerID, mostRepositories)
	if err != nil {
		return err
	}
	for _, id := range repos {
		if err := tx.publishReady(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
