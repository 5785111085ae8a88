package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Waiting is what the queue needs to know of a job that waits for a runner.
type Waiting struct {
	ID     int64
	GUID   string
	Group  string
	Labels []string
	actions.Work
}

func waitingFields(w *Waiting) []any {
	return []any{&w.ID, &w.RepoID, &w.OwnerID, &w.GUID, db.Bool(&w.Public), &w.Repo, &w.Path, &w.Ref, &w.SHA}
}

func scanWaiting(r db.Row) (*Waiting, error) {
	w := new(Waiting)
	return w, r.Scan(append(waitingFields(w), &w.Group, db.JSON(&w.Labels))...)
}

// workColumns are what runner groups look at of a job, less the ids.
const workColumns = `(select 1 - r.private from repositories r where r.id = jobs.repo_id),
	(select o.login || '/' || r.name from repositories r join accounts o on o.id = r.owner_id where r.id = jobs.repo_id),
	(select u.path from runs u where u.id = jobs.run_id), (select u.ref from runs u where u.id = jobs.run_id), (select u.head_sha from runs u where u.id = jobs.run_id)`

const (
	nextColumns    = `id, repo_id, owner_id, guid, ` + workColumns
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

// scanNext reads a job with the label set.
func (s *LabelSet) scanNext(r db.Row) (*Waiting, error) {
	w := &Waiting{Group: s.Group, Labels: s.Labels}
	return w, r.Scan(waitingFields(w)...)
}

// NextJobs lists the oldest jobs with one label set that wait for a runner of
// the scope. Each of the three scopes has its own index.
func (q queries) NextJobs(ctx context.Context, set *LabelSet, sc actions.Scope, limit int) ([]*Waiting, error) {
	const free = `select ` + nextColumns + ` from jobs where status = 'queued' and wait = '' and label_set_id = $1`
	switch {
	case sc.RepoID != 0:
		return db.All(ctx, q.ex, set.scanNext, free+` and repo_id = $2 order by id limit $3`, set.ID, sc.RepoID, limit)
	case sc.OwnerID != 0:
		return db.All(ctx, q.ex, set.scanNext, free+` and owner_id = $2 order by id limit $3`, set.ID, sc.OwnerID, limit)
	}
	return db.All(ctx, q.ex, set.scanNext, free+` order by id limit $2`, set.ID, limit)
}

// NextJobsOf is [queries.NextJobs] for jobs of one repository, and of some of its
// workflows.
func (q queries) NextJobsOf(ctx context.Context, set *LabelSet, repoID int64, workflows []actions.WorkflowAt, limit int) ([]*Waiting, error) {
	if len(workflows) == 0 {
		return nil, nil
	}
	var of []string
	args := []any{set.ID, repoID}
	for _, at := range workflows {
		if at.SHA != "" {
			of, args = append(of, `u.path = ? and u.head_sha = ?`), append(args, at.Path, at.SHA)
			continue
		}
		of, args = append(of, `u.path = ? and u.ref in (?`+strings.Repeat(`, ?`, len(at.Refs)-1)+`)`), append(args, at.Path)
		for _, ref := range at.Refs {
			args = append(args, ref)
		}
	}
	return db.All(ctx, q.ex, set.scanNext, db.Numbered(`select `+nextColumns+` from jobs where status = 'queued' and wait = '' and label_set_id = ? and repo_id = ?
		and exists (select 1 from runs u where u.id = jobs.run_id and (`+strings.Join(of, ` or `)+`)) order by id limit ?`, 1), append(args, limit)...)
}

// WaitingRepositories lists the repositories that have jobs with one label set wait for a
// runner of the scope, which is of no repository, and for which its group works: for one
// that is restricted to workflows, those that have some of them. That of the oldest job
// comes first. It steps through the index of waiting jobs from one repository to the next,
// however many jobs each has. Of the jobs there is only which repository they are of.
func (q queries) WaitingRepositories(ctx context.Context, set *LabelSet, sc actions.Scope, a *actions.Access, limit int) ([]*Waiting, error) {
	const next = `select min(repo_id) from jobs where status = 'queued' and wait = ''`
	scan := func(r db.Row) (*Waiting, error) {
		w := &Waiting{Group: set.Group, Labels: set.Labels}
		return w, r.Scan(&w.RepoID, &w.OwnerID, db.Bool(&w.Public), &w.Repo)
	}
	admitted, args := `(r.private = 1 or ? = 1) and (r.owner_id = ? or ? = 0)`, []any{set.ID, db.Flag(a.Public), sc.OwnerID, sc.OwnerID}
	if a.ByRepo {
		admitted += ` and exists (select 1 from selected_repositories s where s.selected_for = ? and s.org_id = ? and s.name = ? and s.repo_id = r.id)`
		args = append(args, actions.SelectedForRunnerGroup, sc.OwnerID, strconv.FormatInt(a.GroupID, 10))
	}
	if a.ByOrg {
		admitted += ` and exists (select 1 from runner_group_organizations g where g.group_id = ? and g.org_id = r.owner_id)`
		args = append(args, a.GroupID)
	}
	if a.Restricted {
		names := a.WorkflowRepositories()
		if len(names) == 0 {
			return nil, nil
		}
		admitted += ` and lower(o.login || '/' || r.name) in (?` + strings.Repeat(`, ?`, len(names)-1) + `)`
		for _, name := range names {
			args = append(args, name)
		}
	}
	return db.All(ctx, q.ex, scan, db.Numbered(`with recursive waiting (repo_id) as (
		select * from (`+next+`) first
		union all
		select (`+next+` and repo_id > waiting.repo_id) from waiting where waiting.repo_id is not null)
		select id, owner_id, public, name from (
			select r.id, r.owner_id, 1 - r.private as public, o.login || '/' || r.name as name,
				(select min(j.id) from jobs j where j.repo_id = r.id and j.label_set_id = ? and j.status = 'queued' and j.wait = '') as oldest
			from waiting join repositories r on r.id = waiting.repo_id join accounts o on o.id = r.owner_id
			where `+admitted+`) admitted
		where oldest is not null order by oldest limit ?`, 1), append(args, limit)...)
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
