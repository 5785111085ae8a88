package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// An ArtifactFile is a file of a version 3 artifact that is not in its archive
// yet.
type ArtifactFile struct {
	ArtifactID int64
	Path       string // below the artifact's name, with slashes
	ObjectID   int64
	Size       int64 // bytes of the object
	Gzip       bool  // the object is the file compressed
	Length     int64 // bytes of the file
}

const artifactFileColumns = `artifact_id, path, object_id, size, gzip, length`

func scanArtifactFile(r db.Row) (*ArtifactFile, error) {
	f := new(ArtifactFile)
	return f, r.Scan(&f.ArtifactID, &f.Path, &f.ObjectID, &f.Size, db.Bool(&f.Gzip), &f.Length)
}

// AddArtifactFile adds a file to a pending artifact, or replaces the one of that
// path, whose object it returns (0 for none). The artifact's size grows by what the
// file holds; Invalid when that is more than limit, Conflict when the artifact
// is no longer pending.
func (tx *Tx) AddArtifactFile(ctx context.Context, f *ArtifactFile, limit int64, now time.Time) (replaced int64, err error) {
	old, err := tx.ArtifactFile(ctx, f.ArtifactID, f.Path)
	if actions.KindOf(err) == actions.NotFound {
		old, err = new(ArtifactFile), nil
	}
	if err != nil {
		return 0, err
	}
	size, err := db.One(ctx, tx.ex, db.Value[int64], `update artifacts set size = size + $2, updated_at = $3
		where id = $1 and status = 'pending' returning size`, f.ArtifactID, f.weight()-old.weight(), db.Micros(now))
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return 0, actions.Errorf(actions.Conflict, "artifact %d is complete", f.ArtifactID)
	case err == nil && size > limit:
		return 0, actions.Errorf(actions.Invalid, "artifact %d has more than %d bytes", f.ArtifactID, limit)
	case err == nil:
		_, err = db.Exec(ctx, tx.ex, `insert into artifact_files (`+artifactFileColumns+`) values ($1, $2, $3, $4, $5, $6)
			on conflict (artifact_id, path) do update set object_id = excluded.object_id, size = excluded.size, gzip = excluded.gzip, length = excluded.length`,
			f.ArtifactID, f.Path, f.ObjectID, f.Size, db.Flag(f.Gzip), f.Length)
	}
	if err != nil {
		return 0, fmt.Errorf("file of artifact %d: %w", f.ArtifactID, err)
	}
	return old.ObjectID, nil
}

// weight is what a file counts: as it is stored or as it is, whichever is more.
func (f *ArtifactFile) weight() int64 { return max(f.Size, f.Length) }

// ArtifactFile returns the file of a pending artifact that has the path.
func (q queries) ArtifactFile(ctx context.Context, artifactID int64, path string) (*ArtifactFile, error) {
	f, err := db.One(ctx, q.ex, scanArtifactFile, `select `+artifactFileColumns+` from artifact_files where artifact_id = $1 and path = $2`, artifactID, path)
	if err != nil {
		return nil, fmt.Errorf("file of artifact %d: %w", artifactID, err)
	}
	return f, nil
}

// CountArtifactFiles counts the files of a pending artifact.
func (q queries) CountArtifactFiles(ctx context.Context, artifactID int64) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from artifact_files where artifact_id = $1`, artifactID)
}

// ArtifactFiles lists the files of a pending artifact by path.
func (q queries) ArtifactFiles(ctx context.Context, artifactID int64) ([]*ArtifactFile, error) {
	return db.All(ctx, q.ex, scanArtifactFile, `select `+artifactFileColumns+` from artifact_files where artifact_id = $1 order by path`, artifactID)
}

// ForgetArtifactFiles removes the list of files that are in the archive now, and
// returns their objects.
func (tx *Tx) ForgetArtifactFiles(ctx context.Context, artifactID int64) (objects []int64, err error) {
	objects, err = db.All(ctx, tx.ex, db.Value[int64], `delete from artifact_files where artifact_id = $1 returning object_id`, artifactID)
	if err != nil {
		return nil, fmt.Errorf("files of artifact %d: %w", artifactID, err)
	}
	return objects, nil
}
