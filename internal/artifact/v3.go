package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Version 3 of the protocol (ART-10) uploads the files of an artifact one
// by one, in pieces, each as it is or as gzip. They wait as objects of their own
// until FinishV3 puts them in an archive.

// maxFiles is how many files a version 3 artifact has, all uploads to it together.
const maxFiles = 10_000

// BeginV3 begins an artifact of a job that is uploaded file by file, to be kept for
// so many days (0 for the repository's default). Begun twice it is the same one.
// ErrExists says that an artifact of the attempt has the name that was not made so.
func (a *Artifacts) BeginV3(ctx context.Context, job *actions.Job, name string, days int) (*actions.Artifact, error) {
	in := Upload{Name: name, ContentType: actions.ZipType}
	if err := in.check(); err != nil {
		return nil, err
	}
	if days < 0 {
		return nil, actions.Errorf(actions.Invalid, "an artifact cannot be kept for %d days", days)
	}
	if days > 0 {
		in.ExpiresAt = a.now().AddDate(0, 0, min(days, actions.MaxPrivateDays))
	}
	art, room, err := a.plan(ctx, job, in)
	if err != nil {
		return nil, err
	}
	if room.Taken && !room.Mutable {
		return nil, ErrExists
	}
	art.Mutable = true
	err = a.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		old, err := tx.PendingArtifact(ctx, job.ID, name)
		if err == nil && old.Mutable {
			*art = *old
			return nil
		}
		if err == nil {
			err = a.removeIn(ctx, tx, old)
		}
		if err != nil && actions.KindOf(err) != actions.NotFound {
			return err
		}
		return tx.CreateArtifact(ctx, art, a.limits.PerJob)
	})
	if err != nil {
		return nil, err
	}
	return art, nil
}

// A Piece says where bytes of a version 3 artifact belong.
type Piece struct {
	Path   string // of the file, below the artifact's name
	Offset int64  // of the piece in what is sent of the file
	Total  int64  // bytes that are sent of the file
	Gzip   bool   // the file is sent compressed
	Length int64  // bytes of the file; Total, unless Gzip
}

// check says whether the piece, of so many bytes, can be part of anything.
func (p *Piece) check(size int64) error {
	_, same := cleanPath(p.Path)
	switch {
	case !same || strings.HasSuffix(p.Path, "/") || strings.ContainsAny(p.Path, "\":<>|*?"):
		return actions.Errorf(actions.Invalid, "The path of the file is not valid: %.100q", p.Path)
	case p.Offset < 0 || size < 0 || p.Total < 0 || p.Length < 0 || p.Offset > p.Total || size > p.Total-p.Offset:
		return actions.Errorf(actions.Malformed, "a file of %d bytes has no piece of %d bytes at %d", p.Total, size, p.Offset)
	case !p.Gzip && p.Length != p.Total:
		return actions.Errorf(actions.Malformed, "a file that is not compressed cannot have %d bytes and %d", p.Total, p.Length)
	}
	return nil
}

// PutV3File takes a piece of a file for an artifact that the job has begun. A piece
// that comes again replaces the first, and so does a file that is declared
// otherwise.
func (a *Artifacts) PutV3File(ctx context.Context, job *actions.Job, artifactID int64, p Piece, r io.Reader, size int64) error {
	if err := p.check(size); err != nil {
		return err
	}
	art, status, err := a.store.ArtifactAndJob(ctx, artifactID)
	if err == nil && (art.JobID != job.ID || !art.Mutable) { // and not a word of what it is
		err = actions.Errorf(actions.NotFound, "artifact %d of job %d: not found", artifactID, job.ID)
	}
	if err == nil {
		err = uploading(art, status)
	}
	if err == nil {
		err = a.room(ctx, art.RepoID)
	}
	if err != nil {
		return err
	}
	f := &store.ArtifactFile{ArtifactID: art.ID, Path: p.Path, Size: p.Total, Gzip: p.Gzip, Length: p.Length}
	old, err := a.store.ArtifactFile(ctx, art.ID, p.Path)
	if err == nil {
		f.ObjectID = old.ObjectID
	}
	if err != nil && actions.KindOf(err) != actions.NotFound {
		return err
	}
	if err != nil || *f != *old {
		if err := a.addFile(ctx, art, f); err != nil {
			return err
		}
	}
	if err := a.objects.PutRange(ctx, f.ObjectID, p.Offset, r, size); err != nil {
		return fmt.Errorf("file of artifact %d: %w", art.ID, err)
	}
	return nil
}

// addFile makes an object for a new file, or for one that is declared anew.
func (a *Artifacts) addFile(ctx context.Context, art *actions.Artifact, f *store.ArtifactFile) error {
	n, err := a.store.CountArtifactFiles(ctx, art.ID)
	if err != nil {
		return err
	}
	if n >= maxFiles {
		return actions.Errorf(actions.TooMany, "artifact %d has %d files already", art.ID, n)
	}
	return a.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		id, err := a.objects.Begin(ctx, tx, art.RepoID, f.Size)
		if err != nil {
			return err
		}
		f.ObjectID = id
		replaced, err := tx.AddArtifactFile(ctx, f, a.limit(0), a.now())
		if err != nil || replaced == 0 {
			return err
		}
		return a.objects.Drop(ctx, tx, replaced)
	})
}

// maxMerges is how often FinishV3 starts again because another job was faster.
const maxMerges = 5

// FinishV3 makes an artifact of the files that a job has uploaded under a name, and
// of those that artifacts made so had before it, unless their paths are the same.
// It is a new artifact that replaces the old one. size is what the client
// has sent, or what the files have, in all: clients differ. Asked again after
// success, FinishV3 answers as the first time.
func (a *Artifacts) FinishV3(ctx context.Context, job *actions.Job, name string, size int64) (*actions.Artifact, error) {
	art, err := a.store.PendingArtifact(ctx, job.ID, name)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return a.finished(ctx, job, name)
	case err != nil:
		return nil, err
	case !art.Mutable:
		return nil, notBegun(job, name)
	}
	files, err := a.complete(ctx, art, size)
	if err != nil {
		return nil, a.failed(ctx, art, err)
	}
	for range maxMerges {
		if err = a.merge(ctx, art, files); !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		return nil, a.failed(ctx, art, err)
	}
	a.published(ctx, art)
	return art, nil
}

// finished answers a repeated FinishV3.
func (a *Artifacts) finished(ctx context.Context, job *actions.Job, name string) (*actions.Artifact, error) {
	art, err := a.store.LiveArtifact(ctx, job.RunID, job.Attempt, name)
	if err == nil && (!art.Mutable || art.JobID != job.ID) {
		err = notBegun(job, name)
	}
	if err != nil {
		return nil, err
	}
	return art, nil
}

// failed drops an upload that cannot become an artifact. After an error of the
// server's own the client may try again.
func (a *Artifacts) failed(ctx context.Context, art *actions.Artifact, err error) error {
	final := []actions.Kind{actions.Malformed, actions.Invalid, actions.TooMany}
	if slices.Contains(final, actions.KindOf(err)) || errors.Is(err, ErrExists) {
		return a.discard(ctx, art.ID, err)
	}
	return err
}

// errMoved says that the artifact to merge with has changed meanwhile.
var errMoved = actions.Errorf(actions.Conflict, "other uploads to the artifact end at the same time")

// merge makes art live with its files and those of the one that has its name.
func (a *Artifacts) merge(ctx context.Context, art *actions.Artifact, files []*store.ArtifactFile) error {
	base, err := a.base(ctx, art)
	if err != nil {
		return err
	}
	id, sum, err := a.pack(ctx, art, files, base)
	if err != nil {
		if now, look := a.base(ctx, art); look == nil && base != nil && (now == nil || now.ID != base.ID) {
			return errMoved // and the bytes of base went while they were read
		}
		return err
	}
	art.ObjectID, art.Size, art.Digest, art.UpdatedAt = id, sum.Size, digestOf(sum), a.now()
	err = a.store.Update(ctx, func(tx *store.Tx) error {
		objects, err := a.swap(ctx, tx, art, base)
		if err != nil {
			return err
		}
		if err := a.objects.Seal(ctx, tx, id, sum); err != nil {
			return err
		}
		return a.objects.Drop(ctx, tx, objects...)
	})
	if err == nil {
		return nil
	}
	a.dropObject(ctx, id)
	if errors.Is(err, errTaken) {
		return errMoved
	}
	return err
}

// base is the artifact that has art's name now, nil for none.
func (a *Artifacts) base(ctx context.Context, art *actions.Artifact) (*actions.Artifact, error) {
	base, err := a.store.LiveArtifact(ctx, art.RunID, art.Attempt, art.Name)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return nil, nil // none is an answer
	case err == nil && !base.Mutable:
		return nil, ErrExists
	}
	return base, err
}

// swap replaces base by art, and returns the objects that are in its
// archive now.
func (a *Artifacts) swap(ctx context.Context, tx *store.Tx, art, base *actions.Artifact) ([]int64, error) {
	var objects []int64
	cur, err := tx.LiveArtifact(ctx, art.RunID, art.Attempt, art.Name)
	switch {
	case err != nil && actions.KindOf(err) != actions.NotFound:
		return nil, err
	case (err == nil) != (base != nil), err == nil && cur.ID != base.ID:
		return nil, errMoved
	case err == nil:
		if objects, err = tx.DeleteArtifact(ctx, cur); err != nil {
			return nil, err
		}
	}
	ok, err := a.publish(ctx, tx, art)
	if err == nil && !ok {
		err = actions.Errorf(actions.NotFound, "artifact %d is gone", art.ID)
	}
	if err != nil {
		return nil, err
	}
	files, err := tx.ForgetArtifactFiles(ctx, art.ID)
	return append(objects, files...), err
}
