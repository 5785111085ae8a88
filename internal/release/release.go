// Package release makes releases, and keeps the files that belong to them.
//
// A release is a row. A draft is seen by those who may push, and names a tag that need
// not be there; publishing makes the tag, as a push of its author does, before the row
// says so. A server that dies in between leaves a tag, and the same request goes on
// from there. What happens to a release that is or was published is an event, written
// together with it, so its runs start whoever is killed in between.
//
// An asset is a row with an object that has its bytes (package object). The bytes come
// first: an upload that breaks off leaves no asset, and its object is dropped.
package release

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/trigger"
)

// Config is what releases need. All fields but Quota are required.
type Config struct {
	Store        *store.Store
	Git          *gitrepo.Git
	Repositories *repository.Repositories
	Objects      *object.Objects
	Trigger      *trigger.Trigger
	Log          *slog.Logger
	Now          func() time.Time
	Quota        int64 // bytes of a repository's assets; 0 for no limit
}

// Releases is safe for concurrent use.
type Releases struct{ Config }

// New makes the service.
func New(c Config) *Releases { return &Releases{c} }

const (
	resource    = "Release"
	maxReleases = 10_000 // of a repository
)

// An Actor is who changes releases of a repository.
type Actor struct {
	Account *actions.Account
	ByJob   bool
	Base    shape.Base
	Push    repository.PushFunc // what a push of theirs does
}

// A Change is what somebody says of a release. Fields that are nil are not said.
type Change struct {
	TagName, Target, Name, Body *string
	Draft, Prerelease           *bool
	MakeLatest                  string // true, false or legacy; empty for what becomes of it by itself
	Generate                    bool   // make up a name, and what the body ends with
}

func (c *Change) apply(r *actions.Release) {
	set(&r.TagName, c.TagName)
	set(&r.Target, c.Target)
	set(&r.Name, c.Name)
	set(&r.Body, c.Body)
	set(&r.Draft, c.Draft)
	set(&r.Prerelease, c.Prerelease)
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// Create makes a release.
func (s *Releases) Create(ctx context.Context, repo *actions.Repository, by Actor, c Change) (*actions.Release, error) {
	r := &actions.Release{RepoID: repo.ID, Author: *by.Account}
	c.apply(r)
	if c.Generate {
		if err := s.generate(ctx, repo, by.Base, r); err != nil {
			return nil, err
		}
	}
	return r, s.save(ctx, repo, by, nil, r, c.MakeLatest)
}

// Update changes a release, which is published when it is a draft no more.
func (s *Releases) Update(ctx context.Context, repo *actions.Repository, by Actor, was *actions.Release, c Change) (*actions.Release, error) {
	r := *was
	c.apply(&r)
	return &r, s.save(ctx, repo, by, was, &r, c.MakeLatest)
}

// save writes r in place of was, which is nil for a new one.
func (s *Releases) save(ctx context.Context, repo *actions.Repository, by Actor, was, r *actions.Release, latest string) error {
	r.Target = cmp.Or(r.Target, repo.DefaultBranch)
	if err := r.Check(); err != nil {
		return err
	}
	if gitrepo.CheckRef(actions.TagPrefix+r.TagName) != nil {
		return actions.InField(resource, "tag_name", actions.Errorf(actions.Invalid, "tag_name is not well-formed"))
	}
	switch latest {
	case "", "true", "false", "legacy":
	default:
		return actions.BadField(resource, "make_latest")
	}
	if err := s.free(ctx, s.Store, r); err != nil { // before there is a tag
		return err
	}
	head, err := s.commit(ctx, repo, by, r)
	if err != nil {
		return err
	}
	now := s.Now()
	publishes := !r.Draft && (was == nil || was.Draft)
	switch {
	case head != nil:
		r.CreatedAt = head.Committer.Time
	case was == nil:
		r.CreatedAt = now
	}
	r.UpdatedAt = now
	if publishes {
		r.PublishedAt = now
	} else if r.Draft {
		r.PublishedAt = time.Time{}
	}
	if latest == "" && publishes {
		latest = "true"
	}
	var happened []*actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.write(ctx, tx, was, r, latest); err != nil {
			return err
		}
		action := actions.AuditReleaseUpdate
		if was == nil {
			action = actions.AuditReleaseCreate
		} else if publishes {
			action = actions.AuditReleasePublish
		}
		if err := tx.ReleaseAudited(ctx, repo, action, r, ""); err != nil {
			return err
		}
		happened, err = s.happen(ctx, tx, repo, by, was, r, head)
		return err
	})
	if err != nil {
		return err
	}
	s.happened(ctx, by, happened)
	return nil
}

// write writes the row of a release, and which one is the latest.
func (s *Releases) write(ctx context.Context, tx *store.Tx, was, r *actions.Release, latest string) error {
	if err := s.free(ctx, tx, r); err != nil {
		return err
	}
	if was == nil {
		n, err := tx.CountReleases(ctx, r.RepoID)
		if err == nil && n >= maxReleases {
			err = actions.InField(resource, "base", actions.Errorf(actions.Invalid, "a repository has at most %d releases", maxReleases))
		}
		if err == nil {
			err = tx.CreateRelease(ctx, r)
		}
		if err != nil {
			return err
		}
	} else if err := tx.UpdateRelease(ctx, r); err != nil {
		return err
	}
	marked := was != nil && was.Marked
	r.Marked = !r.Draft && !r.Prerelease && (latest == "true" || latest == "" && marked)
	switch {
	case r.Marked && !marked:
		return tx.MarkLatest(ctx, r.RepoID, r.ID)
	case !r.Marked && marked, latest == "legacy":
		return tx.MarkLatest(ctx, r.RepoID, 0)
	}
	return nil
}

// A finder finds releases: the store, or a transaction.
type finder interface {
	ReleaseByTag(ctx context.Context, repoID int64, tag string) (*actions.Release, error)
}

// free refuses to publish a second release of a tag.
func (s *Releases) free(ctx context.Context, in finder, r *actions.Release) error {
	if r.Draft {
		return nil
	}
	other, err := in.ReleaseByTag(ctx, r.RepoID, r.TagName)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return nil
	case err != nil:
		return err
	case other.ID != r.ID:
		return actions.Taken(resource, "tag_name")
	}
	return nil
}

// commit is what the release is of: what its tag stands for, which is made for one that is
// published. Of a draft without a tag it is nil.
func (s *Releases) commit(ctx context.Context, repo *actions.Repository, by Actor, r *actions.Release) (*actions.Commit, error) {
	head, err := s.tagged(ctx, repo, r)
	if err != nil || head != nil || r.Draft {
		return head, err
	}
	view := s.Git.View(repo.ID)
	refs, err := view.Refs(ctx, actions.BranchPrefix)
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		return nil, actions.InField(resource, "base", actions.Errorf(actions.Invalid, "Repository is empty."))
	}
	sha, err := s.Repositories.CommitOf(ctx, repo.ID, r.Target, false)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return nil, actions.BadField(resource, "target_commitish")
	}
	if err != nil {
		return nil, err
	}
	made := actions.RefUpdate{Ref: actions.TagPrefix + r.TagName, Before: actions.ZeroSHA, After: sha}
	err = s.Repositories.Move(ctx, repo.ID, made, nil, by.Push)
	if actions.KindOf(err) != actions.Conflict {
		if err != nil {
			return nil, err
		}
		c, err := view.Commit(ctx, sha)
		if err != nil {
			return nil, err
		}
		return &c.Commit, nil
	}
	if head, err = s.tagged(ctx, repo, r); err == nil && head == nil { // a tag of which it would be a directory
		err = actions.InField(resource, "tag_name", actions.Errorf(actions.Invalid, "tag_name cannot be beside the tags that are there"))
	}
	return head, err
}

// tagged is the commit that the tag of a release stands for, nil without a tag.
func (s *Releases) tagged(ctx context.Context, repo *actions.Repository, r *actions.Release) (*actions.Commit, error) {
	view := s.Git.View(repo.ID)
	sha, err := view.Ref(actions.TagPrefix + r.TagName)
	if actions.KindOf(err) == actions.NotFound || r.Draft && actions.KindOf(err) == actions.Invalid {
		return nil, nil
	}
	if err == nil {
		sha, err = view.Resolve(ctx, sha)
	}
	if err != nil {
		if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
			err = actions.InField(resource, "tag_name", actions.Errorf(actions.Invalid, "tag_name is of a tag that is about no commit"))
		}
		return nil, err
	}
	c, err := view.Commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	return &c.Commit, nil
}

// happen notes the events of a change, in its transaction. r is nil for a deletion.
func (s *Releases) happen(ctx context.Context, tx *store.Tx, repo *actions.Repository, by Actor, was, r *actions.Release, head *actions.Commit) ([]*actions.Push, error) {
	var list []*actions.Push
	is := cmp.Or(r, was)
	for _, action := range r.Happened(was) {
		p, err := s.Trigger.Happen(ctx, tx, &event.Event{
			Name: "release", Action: action, Repo: repo, Actor: by.Account, ByJob: by.ByJob, Base: by.Base,
			Ref: actions.TagPrefix + is.TagName, Head: head, Title: cmp.Or(is.Name, is.TagName), Release: &event.Release{Release: is, Was: was},
		})
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func (s *Releases) happened(ctx context.Context, by Actor, list []*actions.Push) {
	for _, p := range list {
		s.Trigger.Happened(ctx, by.Base, p)
	}
}

// Delete removes a release with its assets. Its tag stays.
func (s *Releases) Delete(ctx context.Context, repo *actions.Repository, by Actor, r *actions.Release) error {
	head, err := s.tagged(ctx, repo, r)
	if err != nil && actions.KindOf(err) != actions.Invalid {
		return err
	}
	var happened []*actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		objects, err := tx.DeleteRelease(ctx, r)
		if err == nil {
			err = s.Objects.Drop(ctx, tx, objects...)
		}
		if err == nil {
			err = tx.ReleaseAudited(ctx, repo, actions.AuditReleaseDestroy, r, "")
		}
		if err == nil && head != nil {
			happened, err = s.happen(ctx, tx, repo, by, r, nil, head)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.happened(ctx, by, happened)
	return nil
}
