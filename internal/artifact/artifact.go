// Package artifact keeps what jobs upload for people and for later jobs of their
// run.
//
// An artifact is a row with a name and an object with its bytes (package object).
// [Artifacts.Create] makes both, pending: nobody sees it, it takes no name, and a
// job that never comes back leaves nothing, since the sweep removes it when the job
// is over. [Artifacts.Finalize] makes it visible: the server's
// own hash must be the one that the client declares, the bytes are on disk, and one
// statement of the database gives the name to the first who asks for it. All of
// that is one durable transaction, and a repeated call gets the same answer. From
// then on an artifact never changes. It ends by [Artifacts.Delete], which takes the
// row, or by its time, which takes the bytes and leaves the row to tell of it.
//
// Sums for lists and quotas change in the same transactions, so nobody counts rows.
//
// Version 3 of the protocol uploads single files, and its artifacts grow: files
// v3.go and pack.go make of them what all others are, one archive with a digest,
// and of each addition a new artifact that replaces the old one.
//
// Archives come from jobs and may be hostile. They are never unpacked here: listing
// reads the central directory (directory.go), one file is one stream with limits.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// Limits bound what jobs may keep.
type Limits struct {
	PerJob int   // artifacts of one job
	Bytes  int64 // of one artifact
	Quota  int64 // bytes of a repository's live artifacts; 0 for no limit
}

// DefaultLimits are GitHub's, as far as it documents them (LIM-1).
func DefaultLimits() Limits {
	return Limits{PerJob: 500, Bytes: 390 << 30}
}

// Config is what artifacts need. All fields are required but Settings.
type Config struct {
	Store    *store.Store
	Objects  *object.Objects
	Settings *settings.Settings // nil for those of a server whose operator says nothing
	Log      *slog.Logger
	Now      func() time.Time
	Limits   Limits
}

// Artifacts is safe for concurrent use.
type Artifacts struct {
	store    *store.Store
	objects  *object.Objects
	settings *settings.Settings
	log      *slog.Logger
	now      func() time.Time
	limits   Limits
	sooner   chan time.Time // of size 1: an artifact that expires before Run would wake
}

// New makes the service. It starts nothing: see [Artifacts.Run].
func New(c Config) *Artifacts {
	if c.Settings == nil {
		c.Settings = settings.New(c.Store)
	}
	return &Artifacts{
		store: c.Store, objects: c.Objects, settings: c.Settings, log: c.Log, now: c.Now, limits: c.Limits,
		sooner: make(chan time.Time, 1),
	}
}

// ErrExists is what a job gets that asks for a name which another artifact of its
// run attempt has. The text is GitHub's (ART-5).
var ErrExists = actions.Errorf(actions.Conflict, "an artifact with this name already exists on the workflow run")

// full is the error of a repository that has no room. Clients look for these two
// words and stop (ART-9).
func (a *Artifacts) full(bytes int64) error {
	return actions.Errorf(actions.TooMany, "insufficient usage: the artifacts of this repository have %d bytes of %d", bytes, a.limits.Quota)
}

// List returns the artifacts that jobs of a run see, oldest first: those of all
// attempts that can be read now. A name that is not empty, and an id that is not
// 0, must be theirs.
func (a *Artifacts) List(ctx context.Context, runID int64, f Filter) ([]*store.JobArtifact, error) {
	return a.store.JobArtifacts(ctx, runID, f.Name, f.ID, a.now())
}

// A Filter narrows a list. Zero fields do not.
type Filter struct {
	Name string
	ID   int64
}

// Get returns the newest artifact of a name that a job of the run has uploaded,
// whether or not it has expired.
func (a *Artifacts) Get(ctx context.Context, runID int64, jobGUID, name string) (*actions.Artifact, error) {
	return a.store.JobArtifact(ctx, runID, jobGUID, name)
}

// Open returns the bytes of an artifact: Gone when it has expired, NotFound when
// it is not complete or was deleted meanwhile.
func (a *Artifacts) Open(ctx context.Context, art *actions.Artifact) (*object.Reader, error) {
	if err := art.Readable(a.now()); err != nil {
		return nil, err
	}
	r, err := a.objects.Open(ctx, art.ObjectID)
	if err != nil {
		return nil, fmt.Errorf("artifact %d: %w", art.ID, err)
	}
	return r, nil
}

// Available says whether Open would succeed, for who hands out a URL: what that
// answers is of another protocol.
func (a *Artifacts) Available(ctx context.Context, art *actions.Artifact) error {
	r, err := a.Open(ctx, art)
	if err != nil {
		return err
	}
	return r.Close()
}

// Delete removes an artifact, expired ones too. When it returns, the name is free
// and the bytes are gone.
func (a *Artifacts) Delete(ctx context.Context, art *actions.Artifact) error {
	err := a.store.Update(ctx, func(tx *store.Tx) error {
		err := a.removeIf(ctx, tx, art.ID, func(cur *actions.Artifact) bool { return cur.Status != actions.ArtifactPending })
		if err != nil {
			return err
		}
		repo, err := tx.Repository(ctx, art.RepoID)
		if err != nil {
			return err
		}
		return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditArtifactDestroy}.InRepo(repo).
			With("artifact_id", strconv.FormatInt(art.ID, 10)).With("name", art.Name))
	})
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "artifact deleted", "artifact", art.ID, "repo", art.RepoID, "run", art.RunID)
	return nil
}

// remove removes an artifact that is as it must be, NotFound otherwise.
func (a *Artifacts) remove(ctx context.Context, id int64, must func(*actions.Artifact) bool) error {
	return a.store.Update(ctx, func(tx *store.Tx) error { return a.removeIf(ctx, tx, id, must) })
}

func (a *Artifacts) removeIf(ctx context.Context, tx *store.Tx, id int64, must func(*actions.Artifact) bool) error {
	cur, err := tx.Artifact(ctx, id)
	if err != nil {
		return err
	}
	if !must(cur) {
		return actions.Errorf(actions.NotFound, "artifact %d not found", id)
	}
	return a.removeIn(ctx, tx, cur)
}

func (a *Artifacts) removeIn(ctx context.Context, tx *store.Tx, cur *actions.Artifact) error {
	objects, err := tx.DeleteArtifact(ctx, cur)
	if err != nil {
		return err
	}
	return a.objects.Drop(ctx, tx, objects...)
}

// discard removes an upload that failed with err, which it returns. It does so
// also when the client has gone away; what it cannot remove the sweep does.
func (a *Artifacts) discard(ctx context.Context, id int64, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	rerr := a.remove(ctx, id, func(cur *actions.Artifact) bool { return cur.Status == actions.ArtifactPending })
	if rerr != nil && actions.KindOf(rerr) != actions.NotFound {
		a.log.WarnContext(ctx, "failed upload is left to the sweep", "artifact", id, "err", errors.Join(err, rerr))
	}
	return err
}
