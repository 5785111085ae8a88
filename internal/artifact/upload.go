package artifact

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// An Upload is what a job says of an artifact before it uploads it.
type Upload struct {
	Name        string
	ContentType string    // empty for a zip archive
	ExpiresAt   time.Time // zero for the repository's default
}

// maxContentType is the length of the longest content type, in bytes.
const maxContentType = 256

// Create begins an artifact of a job, with an object for its bytes. ErrExists says
// that a complete artifact of the attempt has the name. What the job itself has
// begun under the name, and not finished, is dropped; what other jobs have begun
// does not matter, since the first to finish gets the name.
//
// Power loss may undo it: the client does not go on then either.
func (a *Artifacts) Create(ctx context.Context, job *actions.Job, in Upload) (*actions.Artifact, error) {
	if in.ContentType == "" {
		in.ContentType = actions.ZipType
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	art, room, err := a.plan(ctx, job, in)
	if err != nil {
		return nil, err
	}
	if room.Taken {
		return nil, ErrExists
	}
	err = a.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		if err := a.replace(ctx, tx, job, in.Name); err != nil {
			return err
		}
		id, err := a.objects.Begin(ctx, tx, job.RepoID, a.limit(room.Bytes))
		if err != nil {
			return err
		}
		art.ObjectID = id
		return tx.CreateArtifact(ctx, art, a.limits.PerJob)
	})
	if err != nil {
		return nil, err
	}
	return art, nil
}

func (in Upload) check() error {
	if err := actions.CheckArtifactName(in.Name); err != nil {
		return err
	}
	if !plainType(in.ContentType) {
		return actions.Errorf(actions.Invalid, "The content type of the artifact is not valid: %.100q", in.ContentType)
	}
	return nil
}

// plainType says whether s can stand in a header as a content type: type/subtype,
// with or without parameters, in printable ASCII.
func plainType(s string) bool {
	kind, _, ok := strings.Cut(s, "/")
	return ok && kind != "" && len(s) <= maxContentType &&
		!strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// plan makes the row of a new artifact, if there is room for it.
func (a *Artifacts) plan(ctx context.Context, job *actions.Job, in Upload) (*actions.Artifact, *store.ArtifactRoom, error) {
	if err := actions.Running(job.ID, job.Status); err != nil {
		return nil, nil, err
	}
	room, err := a.store.ArtifactRoom(ctx, job, in.Name)
	if err != nil {
		return nil, nil, err
	}
	if a.limits.Quota > 0 && room.Bytes >= a.limits.Quota {
		return nil, nil, a.full(room.Bytes)
	}
	days, err := settings.Get(ctx, a.settings, settings.Repo(&room.Repo), settings.RetentionDays)
	if err != nil {
		return nil, nil, err
	}
	now := a.now()
	return &actions.Artifact{
		RepoID: job.RepoID, RunID: job.RunID, Attempt: job.Attempt, JobID: job.ID,
		Name: in.Name, ContentType: in.ContentType, Status: actions.ArtifactPending,
		CreatedAt: now, UpdatedAt: now, ExpiresAt: actions.ArtifactExpiry(days, in.ExpiresAt, now),
	}, room, nil
}

// limit is how many bytes an artifact may have in a repository that has used so
// many. The quota itself is checked when the artifact is complete.
func (a *Artifacts) limit(used int64) int64 {
	if a.limits.Quota > 0 {
		return min(a.limits.Bytes, a.limits.Quota-used)
	}
	return a.limits.Bytes
}

// replace drops what the job has begun under a name.
func (a *Artifacts) replace(ctx context.Context, tx *store.Tx, job *actions.Job, name string) error {
	old, err := tx.PendingArtifact(ctx, job.ID, name)
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return a.removeIn(ctx, tx, old)
}

// Uploading returns an artifact whose bytes may come now: Conflict when it is
// complete or its job is over, NotFound when it is gone, TooMany when the repository
// has no room.
func (a *Artifacts) Uploading(ctx context.Context, id int64) (*actions.Artifact, error) {
	art, status, err := a.store.ArtifactAndJob(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := uploading(art, status); err != nil {
		return nil, err
	}
	return art, a.room(ctx, art.RepoID)
}

// room refuses more bytes of a repository whose uploads, complete or not, have all
// that it may keep. Those that arrive at the same time may go beyond.
func (a *Artifacts) room(ctx context.Context, repoID int64) error {
	if a.limits.Quota == 0 {
		return nil
	}
	live, pending, err := a.store.ArtifactBytes(ctx, repoID)
	if err == nil && live+pending > a.limits.Quota {
		err = a.full(live + pending)
	}
	return err
}

// uploading says whether bytes of an artifact may come whose job has the status.
func uploading(art *actions.Artifact, status actions.Status) error {
	if art.Status != actions.ArtifactPending {
		return actions.Errorf(actions.Conflict, "artifact %d is complete", art.ID)
	}
	return actions.Running(art.JobID, status)
}

// Finalize makes an upload visible. Size and digest ("sha256:…", may be empty) are
// what the client has sent: if the server received something else, that is
// Malformed, and the upload is dropped. It is dropped, too, when another artifact of
// the attempt got the name first (ErrExists) and when the repository has no room.
// An upload of which nothing came is a Conflict. Asked again after success, Finalize
// answers as the first time. When it returns, the artifact survives power loss.
func (a *Artifacts) Finalize(ctx context.Context, job *actions.Job, name string, size int64, digest string) (*actions.Artifact, error) {
	if err := checkDeclared(size, digest); err != nil {
		return nil, err
	}
	art, err := a.store.PendingArtifact(ctx, job.ID, name)
	if actions.KindOf(err) == actions.NotFound {
		return a.finalized(ctx, job, name, size, digest)
	}
	if err != nil {
		return nil, err
	}
	if art.Mutable {
		return nil, notBegun(job, name)
	}
	sum, err := a.objects.Finish(ctx, art.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", name, err)
	}
	art.Size, art.Digest, art.UpdatedAt = sum.Size, digestOf(sum), a.now()
	if err := matches(art, size, digest); err != nil {
		return nil, a.discard(ctx, art.ID, err)
	}
	var won *actions.Artifact
	err = a.store.Update(ctx, func(tx *store.Tx) error {
		won = art
		ok, err := a.publish(ctx, tx, art)
		if err != nil {
			return err
		}
		if !ok {
			won, err = a.taken(ctx, tx, art.ID)
			return err
		}
		return a.objects.Seal(ctx, tx, art.ObjectID, sum)
	})
	switch {
	case errors.Is(err, errTaken):
		return a.lost(ctx, art.ID)
	case actions.KindOf(err) == actions.TooMany:
		return nil, a.discard(ctx, art.ID, err)
	case err != nil:
		return nil, err
	case won == nil:
		return nil, ErrExists
	case won == art:
		a.published(ctx, art)
	}
	return won, nil
}

// errTaken says that the unique index has refused a name: PostgreSQL lets two
// publish at once, and the transaction of the second one cannot go on.
var errTaken = errors.New("the name is taken")

// publish makes art live in a transaction of the caller, unless its job ended while
// it was hashed. ok is false when it is not pending, or another artifact has its
// name.
func (a *Artifacts) publish(ctx context.Context, tx *store.Tx, art *actions.Artifact) (ok bool, err error) {
	status, err := tx.JobStatus(ctx, art.JobID)
	if err == nil {
		err = actions.Running(art.JobID, status)
	}
	if err != nil {
		return false, err
	}
	ok, bytes, err := tx.PublishArtifact(ctx, art)
	switch {
	case actions.KindOf(err) == actions.Conflict:
		return false, errTaken
	case ok && a.limits.Quota > 0 && bytes > a.limits.Quota:
		return false, a.full(bytes - art.Size)
	}
	return ok, err
}

// published is called when art is live for all to see.
func (a *Artifacts) published(ctx context.Context, art *actions.Artifact) {
	art.Status = actions.ArtifactLive
	a.arm(art.ExpiresAt)
	a.log.InfoContext(ctx, "artifact complete", "artifact", art.ID, "repo", art.RepoID, "run", art.RunID, "job", art.JobID, "bytes", art.Size)
}

// taken finds out why an artifact did not become live: it is live already, since a
// second call of Finalize was faster, or the name is another's. Then it is
// removed, and won is nil.
func (a *Artifacts) taken(ctx context.Context, tx *store.Tx, id int64) (won *actions.Artifact, err error) {
	cur, err := tx.Artifact(ctx, id)
	if err != nil {
		return nil, err
	}
	switch cur.Status {
	case actions.ArtifactLive:
		return cur, nil
	case actions.ArtifactPending:
		return nil, a.removeIn(ctx, tx, cur)
	case actions.ArtifactExpired:
		return nil, cur.Readable(a.now())
	}
	return nil, fmt.Errorf("artifact %d is %q", id, cur.Status)
}

// lost is taken in a transaction of its own.
func (a *Artifacts) lost(ctx context.Context, id int64) (won *actions.Artifact, err error) {
	err = a.store.Update(ctx, func(tx *store.Tx) error {
		won, err = a.taken(ctx, tx, id)
		return err
	})
	if err == nil && won == nil {
		err = ErrExists
	}
	return won, err
}

func notBegun(job *actions.Job, name string) error {
	return actions.Errorf(actions.NotFound, "job %d uploads no artifact %s", job.ID, name)
}

// finalized answers a repeated Finalize.
func (a *Artifacts) finalized(ctx context.Context, job *actions.Job, name string, size int64, digest string) (*actions.Artifact, error) {
	art, err := a.store.LiveArtifact(ctx, job.RunID, job.Attempt, name)
	if err != nil {
		return nil, err
	}
	if art.JobID != job.ID || art.Mutable {
		return nil, notBegun(job, name)
	}
	if err := matches(art, size, digest); err != nil {
		return nil, actions.Errorf(actions.Conflict, "artifact %s is complete, and it is another one: %w", name, err)
	}
	return art, nil
}

const digestPrefix = "sha256:"

func digestOf(s object.Sum) string { return digestPrefix + s.SHA256 }

// checkDeclared says whether a size and digest can be true of anything.
func checkDeclared(size int64, digest string) error {
	if size < 0 {
		return actions.Errorf(actions.Malformed, "the artifact cannot have %d bytes", size)
	}
	hex, ok := strings.CutPrefix(digest, digestPrefix)
	if digest != "" && (!ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdefABCDEF") != "") {
		return actions.Errorf(actions.Malformed, "the hash of the artifact is not sha256: and 64 hexadecimal digits: %.100q", digest)
	}
	return nil
}

// matches says whether an artifact is what the client declares.
func matches(art *actions.Artifact, size int64, digest string) error {
	if art.Size != size {
		return actions.Errorf(actions.Malformed, "the artifact has %d bytes, not %d as declared", art.Size, size)
	}
	if digest != "" && !strings.EqualFold(art.Digest, digest) {
		return actions.Errorf(actions.Malformed, "the artifact has the digest %s, not %s as declared", art.Digest, digest)
	}
	return nil
}
