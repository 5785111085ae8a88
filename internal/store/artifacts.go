package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const artifactColumns = `id, repo_id, run_id, attempt, job_id, name, content_type, object_id, status, mutable, size, digest, created_at, updated_at, expires_at`

func artifactFields(a *actions.Artifact) []any {
	return []any{
		&a.ID, &a.RepoID, &a.RunID, &a.Attempt, &a.JobID, &a.Name, &a.ContentType, &a.ObjectID, &a.Status,
		db.Bool(&a.Mutable),
		&a.Size, &a.Digest,
		db.Time(&a.CreatedAt),
		db.Time(&a.UpdatedAt),
		db.Time(&a.ExpiresAt),
	}
}

func scanArtifact(r db.Row) (*actions.Artifact, error) {
	a := new(actions.Artifact)
	return a, r.Scan(artifactFields(a)...)
}

// An ArtifactRoom is what decides whether a job may begin an artifact.
type ArtifactRoom struct {
	Repo    actions.Repository // only what its settings depend on
	Bytes   int64              // of the repository's live artifacts
	Taken   bool               // a live artifact of the job's attempt has the name
	Mutable bool               // and may get more files
}

func scanArtifactRoom(r db.Row) (*ArtifactRoom, error) {
	room := new(ArtifactRoom)
	var live int
	err := r.Scan(&room.Repo.ID, &room.Repo.Owner.ID, db.Bool(&room.Repo.Private), &room.Bytes, &live)
	room.Taken, room.Mutable = live >= 0, live > 0
	return room, err
}

// ArtifactRoom tells what a new artifact of job j depends on.
func (q queries) ArtifactRoom(ctx context.Context, j *actions.Job, name string) (*ArtifactRoom, error) {
	room, err := db.One(ctx, q.ex, scanArtifactRoom, `select r.id, r.owner_id, r.private, coalesce(u.artifact_bytes, 0),
		coalesce((select mutable from artifacts where status = 'live' and run_id = $2 and attempt = $3 and name = $4), -1)
		from repositories r left join usages u on u.repo_id = r.id where r.id = $1`, j.RepoID, j.RunID, j.Attempt, name)
	if err != nil {
		return nil, fmt.Errorf("artifacts of job %d: %w", j.ID, err)
	}
	return room, nil
}

// CreateArtifact adds a, pending, and sets its id. A job that has as many
// artifacts as it may is told so by Conflict: clients would wait and try TooMany again.
func (tx *Tx) CreateArtifact(ctx context.Context, a *actions.Artifact, perJob int) error {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into artifacts
		(repo_id, run_id, attempt, job_id, name, content_type, object_id, status, mutable, created_at, updated_at, expires_at)
		select $1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10, $11
		where (select count(*) from artifacts where job_id = $4) < $12 returning id`,
		a.RepoID, a.RunID, a.Attempt, a.JobID, a.Name, a.ContentType, a.ObjectID, db.Flag(a.Mutable),
		db.Micros(a.CreatedAt), db.Micros(a.UpdatedAt), db.Micros(a.ExpiresAt), perJob)
	if actions.KindOf(err) == actions.NotFound {
		return actions.Errorf(actions.Conflict, "a job can have at most %d artifacts", perJob)
	}
	if err != nil {
		return fmt.Errorf("artifact %s of job %d: %w", a.Name, a.JobID, err)
	}
	a.ID, a.Status = id, actions.ArtifactPending
	return nil
}

// ArtifactBytes is what the artifacts of a repository have: those that are live, and
// what was sent so far of those that are pending. Of files by version 3 that is what
// they are declared to have.
func (q queries) ArtifactBytes(ctx context.Context, repoID int64) (live, pending int64, err error) {
	_, err = db.One(ctx, q.ex, func(r db.Row) (struct{}, error) { return struct{}{}, r.Scan(&live, &pending) },
		`select cast(coalesce((select artifact_bytes from usages where repo_id = $1), 0) as bigint),
		cast(coalesce((select sum(a.size + coalesce(o.received, 0)) from artifacts a left join objects o on o.id = a.object_id
			where a.status = 'pending' and a.repo_id = $1), 0) as bigint)`, repoID)
	if err != nil {
		return 0, 0, fmt.Errorf("artifacts of repository %d: %w", repoID, err)
	}
	return live, pending, nil
}

// Artifact returns the artifact with the given id, pending ones too.
func (q queries) Artifact(ctx context.Context, id int64) (*actions.Artifact, error) {
	a, err := db.One(ctx, q.ex, scanArtifact, `select `+artifactColumns+` from artifacts where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("artifact %d: %w", id, err)
	}
	return a, nil
}

// ArtifactAndJob returns an artifact with the status of the job that uploads it.
func (q queries) ArtifactAndJob(ctx context.Context, id int64) (*actions.Artifact, actions.Status, error) {
	var status actions.Status
	a, err := db.One(ctx, q.ex, func(r db.Row) (*actions.Artifact, error) {
		a := new(actions.Artifact)
		return a, r.Scan(append(artifactFields(a), &status)...)
	}, `select `+prefixed("a", artifactColumns)+`, j.status from artifacts a join jobs j on j.id = a.job_id where a.id = $1`, id)
	if err != nil {
		return nil, "", fmt.Errorf("artifact %d: %w", id, err)
	}
	return a, status, nil
}

// PendingArtifact returns what a job is uploading under a name.
func (q queries) PendingArtifact(ctx context.Context, jobID int64, name string) (*actions.Artifact, error) {
	a, err := db.One(ctx, q.ex, scanArtifact, `select `+artifactColumns+` from artifacts
		where status = 'pending' and job_id = $1 and name = $2 order by id desc limit 1`, jobID, name)
	if err != nil {
		return nil, fmt.Errorf("artifact %s of job %d: %w", name, jobID, err)
	}
	return a, nil
}

// LiveArtifact returns the one artifact of a run attempt that has the name and
// can be seen.
func (q queries) LiveArtifact(ctx context.Context, runID int64, attempt int, name string) (*actions.Artifact, error) {
	a, err := db.One(ctx, q.ex, scanArtifact, `select `+artifactColumns+` from artifacts
		where status = 'live' and run_id = $1 and attempt = $2 and name = $3`, runID, attempt, name)
	if err != nil {
		return nil, fmt.Errorf("artifact %s of run %d: %w", name, runID, err)
	}
	return a, nil
}

// PublishArtifact makes a pending artifact live, with the object, size, digest
// and time that a has. One statement decides about the name: published is false when
// another artifact of the attempt has it, or a is no longer pending. bytes is what
// the repository's live artifacts have now.
func (tx *Tx) PublishArtifact(ctx context.Context, a *actions.Artifact) (published bool, bytes int64, err error) {
	n, err := db.Exec(ctx, tx.ex, `update artifacts set status = 'live', object_id = $2, size = $3, digest = $4, updated_at = $5
		where id = $1 and status = 'pending' and not exists
		(select 1 from artifacts l where l.status = 'live' and l.run_id = $6 and l.attempt = $7 and l.name = $8)`,
		a.ID, a.ObjectID, a.Size, a.Digest, db.Micros(a.UpdatedAt), a.RunID, a.Attempt, a.Name)
	if err == nil && n == 0 {
		return false, 0, nil
	}
	if err == nil {
		bytes, err = tx.countArtifact(ctx, a, 1, a.Size)
	}
	if err != nil {
		return false, 0, fmt.Errorf("artifact %d: %w", a.ID, err)
	}
	tx.Publish(RepoTopic(a.RepoID), RunTopic(a.RunID))
	return true, bytes, nil
}

// countArtifact adds to the sums of the repository, and returns its bytes.
func (tx *Tx) countArtifact(ctx context.Context, a *actions.Artifact, rows, bytes int64) (int64, error) {
	sum, err := db.One(ctx, tx.ex, db.Value[int64], `insert into usages (repo_id, artifacts, artifact_bytes) values ($1, $2, $3)
		on conflict (repo_id) do update set artifacts = usages.artifacts + excluded.artifacts,
		artifact_bytes = usages.artifact_bytes + excluded.artifact_bytes returning artifact_bytes`, a.RepoID, rows, bytes)
	if err == nil {
		_, err = db.Exec(ctx, tx.ex, `insert into artifact_names (repo_id, name, total) values ($1, $2, $3)
			on conflict (repo_id, name) do update set total = artifact_names.total + excluded.total`, a.RepoID, a.Name, rows)
	}
	if err == nil && rows < 0 {
		_, err = db.Exec(ctx, tx.ex, `delete from artifact_names where repo_id = $1 and name = $2 and total <= 0`, a.RepoID, a.Name)
	}
	return sum, err
}

// DeleteArtifact removes an artifact as the transaction has read it, and returns
// the objects that nothing needs any more.
func (tx *Tx) DeleteArtifact(ctx context.Context, a *actions.Artifact) (objects []int64, err error) {
	if a.Mutable && a.Status == actions.ArtifactPending {
		objects, err = db.All(ctx, tx.ex, db.Value[int64], `select object_id from artifact_files where artifact_id = $1`, a.ID)
	}
	if err == nil {
		err = db.ExecOne(ctx, tx.ex, `delete from artifacts where id = $1`, a.ID)
	}
	if err == nil && a.Status != actions.ArtifactPending {
		var bytes int64
		if a.Status == actions.ArtifactLive {
			bytes = a.Size
		}
		_, err = tx.countArtifact(ctx, a, -1, -bytes)
		tx.Publish(RepoTopic(a.RepoID), RunTopic(a.RunID))
	}
	if err != nil {
		return nil, fmt.Errorf("artifact %d: %w", a.ID, err)
	}
	if a.ObjectID != 0 {
		objects = append(objects, a.ObjectID)
	}
	return objects, nil
}

// ExpireArtifacts turns up to limit live artifacts whose time is over into
// expired ones, and returns them as they were.
func (tx *Tx) ExpireArtifacts(ctx context.Context, now time.Time, limit int) ([]*actions.Artifact, error) {
	const due = ` from artifacts where status = 'live' and expires_at <= $1 order by expires_at, id limit $2`
	list, err := db.All(ctx, tx.ex, scanArtifact, `select `+artifactColumns+due, db.Micros(now), limit)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if _, err := db.Exec(ctx, tx.ex, `update artifacts set status = 'expired', object_id = 0, updated_at = $1
		where id in (select id`+due+`)`, db.Micros(now), limit); err != nil {
		return nil, fmt.Errorf("expired artifacts: %w", err)
	}
	type run struct{ repo, id int64 }
	bytes, runs := make(map[int64]int64), make(map[run]bool)
	for _, a := range list {
		bytes[a.RepoID] += a.Size
		runs[run{a.RepoID, a.RunID}] = true
	}
	for repo, n := range bytes {
		if _, err := db.Exec(ctx, tx.ex, `update usages set artifact_bytes = artifact_bytes - $2 where repo_id = $1`, repo, n); err != nil {
			return nil, fmt.Errorf("expired artifacts of repository %d: %w", repo, err)
		}
	}
	for r := range runs {
		tx.Publish(RepoTopic(r.repo), RunTopic(r.id))
	}
	return list, nil
}

// NextExpiry is when the next live artifact expires; NotFound when there is none.
func (q queries) NextExpiry(ctx context.Context) (time.Time, error) {
	n, err := db.One(ctx, q.ex, db.Value[int64], `select expires_at from artifacts where status = 'live' order by expires_at limit 1`)
	return time.UnixMicro(n).UTC(), err
}

// AbandonedArtifacts lists up to limit pending artifacts that nobody will finish:
// their job is over, or nothing was uploaded since the given time.
func (q queries) AbandonedArtifacts(ctx context.Context, since time.Time, limit int) ([]*actions.Artifact, error) {
	return db.All(ctx, q.ex, scanArtifact, `select `+prefixed("a", artifactColumns)+` from artifacts a
		left join jobs j on j.id = a.job_id left join objects o on o.id = a.object_id
		where a.status = 'pending' and a.job_id > 0 and (j.id is null or j.status = 'completed'
		or (a.updated_at < $1 and (o.id is null or o.touched_at < $1))) limit $2`, db.Micros(since), limit)
}

// RunObjects lists the objects that hold the artifacts of a run.
func (q queries) RunObjects(ctx context.Context, runID int64) ([]int64, error) {
	objects, err := db.All(ctx, q.ex, db.Value[int64], `select object_id from artifacts where run_id = $1 and object_id <> 0
		union all select f.object_id from artifacts a join artifact_files f on f.artifact_id = a.id where a.run_id = $1 and a.status = 'pending'`, runID)
	if err != nil {
		return nil, fmt.Errorf("artifacts of run %d: %w", runID, err)
	}
	return objects, nil
}

// deleteRunArtifacts removes the artifacts of a run. The objects that hold their
// bytes are dropped.
func (tx *Tx) deleteRunArtifacts(ctx context.Context, repoID, runID int64) error {
	const (
		mine    = ` from artifacts where run_id = $1 and repo_id = $2`
		seen    = mine + ` and status <> 'pending'`
		objects = `(select object_id` + mine + ` union all select f.object_id from artifact_files f
			join artifacts a on a.id = f.artifact_id where a.run_id = $1 and a.repo_id = $2)`
	)
	n, err := db.One(ctx, tx.ex, db.Value[int64], `select count(*)`+mine, runID, repoID)
	if err != nil || n == 0 {
		return err
	}
	for _, statement := range []string{
		`update objects set status = 'dropped' where id in ` + objects,
		`update usages set artifacts = artifacts - (select count(*)` + seen + `),
			artifact_bytes = artifact_bytes - (select cast(coalesce(sum(size), 0) as bigint)` + mine + ` and status = 'live') where repo_id = $2`,
		`update artifact_names set total = total - (select count(*)` + seen + ` and name = artifact_names.name)
			where repo_id = $2 and name in (select name` + seen + `)`,
		`delete from artifact_names where repo_id = $2 and total <= 0 and name in (select name` + seen + `)`,
		`delete` + mine,
	} {
		if _, err := db.Exec(ctx, tx.ex, statement, runID, repoID); err != nil {
			return err
		}
	}
	return nil
}
