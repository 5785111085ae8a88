package store

import (
	"context"
	"fmt"
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

// artifactList is what lists show: those that expired too, none that is pending.
var artifactList = db.List[*ListedArtifact]{
	Table: `artifacts a`, ID: `a.id`, Joins: `join runs r on r.id = a.run_id`,
	Columns: prefixed("a", artifactColumns) + `, r.head_branch, r.head_sha`, Scan: scanListedArtifact,
}.Where(`a.status <> 'pending'`)

// RepoArtifacts lists a page of a repository's artifacts, newest first, and how
// many there are in all: those that expired too, none that is pending. A name
// that is not empty must be theirs.
func (q queries) RepoArtifacts(ctx context.Context, repoID int64, name string, p Page) ([]*ListedArtifact, int, error) {
	l := artifactList.Where(`a.repo_id = ?`, repoID).Narrow(`a.name = ?`, name).Order(`a.id desc`)
	if name == "" {
		l = l.Counter(`select artifacts from usages where repo_id = $1`, repoID)
	} else {
		l = l.Counter(`select total from artifact_names where repo_id = $1 and name = $2`, repoID, name)
	}
	list, total, err := l.Page(ctx, q.ex, p)
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
	l := artifactList.Where(`a.run_id = ?`, runID).Narrow(`a.name = ?`, f.Name).Order(`a.id desc`)
	if f.Oldest {
		l = l.Order(`a.id`)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("artifacts of run %d: %w", runID, err)
	}
	return list, total, nil
}

// RepoArtifact returns the artifact of a repository with the given id, NotFound
// while it is pending.
func (q queries) RepoArtifact(ctx context.Context, repoID, id int64) (*ListedArtifact, error) {
	a, err := db.One(ctx, q.ex, scanListedArtifact, `select `+artifactList.Columns+` from artifacts a join runs r on r.id = a.run_id
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

// jobArtifactList is what jobs see. SQLite takes the index of a run only when its
// own condition is there, letter by letter.
var jobArtifactList = db.List[*JobArtifact]{
	Table: `artifacts a`, ID: `a.id`, Joins: `join jobs j on j.id = a.job_id`,
	Columns: prefixed("a", artifactColumns) + `, j.guid`, Scan: scanJobArtifact,
}.Where(`a.status <> 'pending'`).Where(`a.status = 'live'`).Order(`a.id`)

// JobArtifacts lists what jobs of a run see: the artifacts of all its attempts
// that can be read now, oldest first. A name that is not empty, and an id that is
// not 0, must be theirs.
func (q queries) JobArtifacts(ctx context.Context, runID int64, name string, id int64, now time.Time) ([]*JobArtifact, error) {
	list, err := jobArtifactList.Where(`a.run_id = ?`, runID).Where(`a.expires_at > ?`, db.Micros(now)).
		Narrow(`a.name = ?`, name).Narrow(`a.id = ?`, id).All(ctx, q.ex)
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
