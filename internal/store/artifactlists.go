package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A ListedArtifact is an artifact with what lists tell of its run.
type ListedArtifact struct {
	actions.Artifact
	HeadBranch string
	HeadSHA    string
}

func scanListedArtifact(r db.Row) (*ListedArtifact, error) {
	a := new(ListedArtifact)
	return a, r.Scan(append(artifactFields(&a.Artifact), &a.HeadBranch, &a.HeadSHA)...)
}

var listedArtifact = `select ` + prefixed("a", artifactColumns) + `, r.head_branch, r.head_sha`

// ArtifactUsage is how many artifacts lists show of a repository, and how many
// bytes those have that did not expire.
func (q queries) ArtifactUsage(ctx context.Context, repoID int64) (artifacts int, bytes int64, err error) {
	n, err := db.One(ctx, q.ex, func(r db.Row) (n [2]int64, err error) {
		err = r.Scan(&n[0], &n[1])
		return n, err
	}, `select artifacts, artifact_bytes from usages where repo_id = $1`, repoID)
	if err != nil && actions.KindOf(err) != actions.NotFound {
		return 0, 0, fmt.Errorf("usage of repository %d: %w", repoID, err)
	}
	return int(n[0]), n[1], nil
}

// RepoArtifacts lists a page of a repository's artifacts, newest first, and how
// many there are in all: those that expired too, none that is pending. A name
// that is not empty must be theirs.
func (q queries) RepoArtifacts(ctx context.Context, repoID int64, name string, p Page) ([]*ListedArtifact, int, error) {
	var total int
	var err error
	where, args := `a.repo_id = $1`, []any{repoID}
	if name == "" {
		total, _, err = q.ArtifactUsage(ctx, repoID)
	} else {
		where, args = where+` and a.name = $2`, append(args, name)
		total, err = db.One(ctx, q.ex, db.Value[int], `select total from artifact_names where repo_id = $1 and name = $2`, args...)
		if actions.KindOf(err) == actions.NotFound {
			err = nil
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("artifacts of repository %d: %w", repoID, err)
	}
	list, err := q.artifactPage(ctx, where, `desc`, p, args)
	if err != nil {
		return nil, 0, fmt.Errorf("artifacts of repository %d: %w", repoID, err)
	}
	return list, total, nil
}

// An ArtifactFilter narrows and orders the list of a run. Zero fields do not.
type ArtifactFilter struct {
	Name   string
	Oldest bool // comes first
}

// RunArtifacts lists a page of the artifacts of all attempts of a run, and how
// many there are in all: those that expired too, none that is pending.
func (q queries) RunArtifacts(ctx context.Context, runID int64, f ArtifactFilter, p Page) ([]*ListedArtifact, int, error) {
	where, args, order := `a.run_id = $1`, []any{runID}, `desc`
	if f.Name != "" {
		where, args = where+` and a.name = $2`, append(args, f.Name)
	}
	if f.Oldest {
		order = `asc`
	}
	total, err := db.One(ctx, q.ex, db.Value[int], `select count(*) from artifacts a where a.status <> 'pending' and `+where, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("artifacts of run %d: %w", runID, err)
	}
	list, err := q.artifactPage(ctx, where, order, p, args)
	if err != nil {
		return nil, 0, fmt.Errorf("artifacts of run %d: %w", runID, err)
	}
	return list, total, nil
}

// artifactPage reads one page. Rows before it are skipped in the index alone.
func (q queries) artifactPage(ctx context.Context, where, order string, p Page, args []any) ([]*ListedArtifact, error) {
	n := len(args)
	return db.All(ctx, q.ex, scanListedArtifact, listedArtifact+` from artifacts a join runs r on r.id = a.run_id
		where a.id in (select a.id from artifacts a where a.status <> 'pending' and `+where+`
		order by a.id `+order+` limit $`+strconv.Itoa(n+1)+` offset $`+strconv.Itoa(n+2)+`) order by a.id `+order,
		append(args, p.Size, p.Offset())...)
}

// RepoArtifact returns the artifact of a repository with the given id, NotFound
// while it is pending.
func (q queries) RepoArtifact(ctx context.Context, repoID, id int64) (*ListedArtifact, error) {
	a, err := db.One(ctx, q.ex, scanListedArtifact, listedArtifact+` from artifacts a join runs r on r.id = a.run_id
		where a.id = $2 and a.repo_id = $1 and a.status <> 'pending'`, repoID, id)
	if err != nil {
		return nil, fmt.Errorf("artifact %d: %w", id, err)
	}
	return a, nil
}

// A JobArtifact is an artifact with the id by which jobs know the one that made it.
type JobArtifact struct {
	actions.Artifact
	JobGUID string
}

func scanJobArtifact(r db.Row) (*JobArtifact, error) {
	a := new(JobArtifact)
	return a, r.Scan(append(artifactFields(&a.Artifact), &a.JobGUID)...)
}

var jobArtifact = `select ` + prefixed("a", artifactColumns) + `, j.guid from artifacts a join jobs j on j.id = a.job_id`

// JobArtifacts lists what jobs of a run see: the artifacts of all its attempts
// that can be read now, oldest first. A name that is not empty, and an id that is
// not 0, must be theirs.
func (q queries) JobArtifacts(ctx context.Context, runID int64, name string, id int64, now time.Time) ([]*JobArtifact, error) {
	// SQLite takes the index of a run only when its own condition is there, letter by letter.
	where, args := ` where a.status <> 'pending' and a.status = 'live' and a.run_id = $1 and a.expires_at > $2`, []any{runID, db.Micros(now)}
	if name != "" {
		args = append(args, name)
		where += ` and a.name = $` + strconv.Itoa(len(args))
	}
	if id != 0 {
		args = append(args, id)
		where += ` and a.id = $` + strconv.Itoa(len(args))
	}
	list, err := db.All(ctx, q.ex, scanJobArtifact, jobArtifact+where+` order by a.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("artifacts of run %d: %w", runID, err)
	}
	return list, nil
}

// JobArtifact returns the newest artifact of a name that a job of the run has
// uploaded, also when it has expired.
func (q queries) JobArtifact(ctx context.Context, runID int64, jobGUID, name string) (*actions.Artifact, error) {
	a, err := db.One(ctx, q.ex, scanArtifact, `select `+prefixed("a", artifactColumns)+` from artifacts a join jobs j on j.id = a.job_id
		where a.status <> 'pending' and a.run_id = $1 and a.name = $2 and j.guid = $3 order by a.id desc limit 1`, runID, name, jobGUID)
	if err != nil {
		return nil, fmt.Errorf("artifact %s of run %d: %w", name, runID, err)
	}
	return a, nil
}
