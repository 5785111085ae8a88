// Package repository makes repositories, changes and deletes them.
//
// A repository is a row in the store and a directory of git that the row numbers.
// The row is the truth and comes first: a repository whose files cannot be made
// has no row either, and the branch that clones check out (git's HEAD) follows
// the default branch of the row after that is committed. A change is checked as a
// whole before any of it is done.
//
// A server that is killed in between leaves a row without files, a HEAD that
// has not moved yet, or files of a row that is gone, which is noted with its deletion;
// [Repositories.Recover] finishes each at the next start. A fork that has no refs yet
// gets them a little later, by [Repositories.Run], or when it is asked for again.
//
// A new repository is empty, and its default branch does not exist. The first push
// says which it is: see [Repositories.BeforePush].
//
// Pushes leave many small files behind; [Repositories.Run] puts them together.
package repository

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// Repositories is safe for concurrent use.
type Repositories struct {
	store *store.Store
	git   *gitrepo.Git
	log   *slog.Logger
	now   func() time.Time
}

// New makes the service.
func New(st *store.Store, git *gitrepo.Git, log *slog.Logger, now func() time.Time) *Repositories {
	return &Repositories{store: st, git: git, log: log, now: now}
}

const some = 500 // repositories that are read at once

// Recover finishes what an earlier server left half done. It is called at start,
// before the first request. A repository without files gets empty ones, whatever
// was asked for: nobody has heard of it yet. A HEAD that cannot be moved now
// stays as it is until the next start.
func (s *Repositories) Recover(ctx context.Context) error {
	s.deleteLeftFiles(ctx)
	for after := int64(0); ; {
		repos, err := s.store.RepositoriesAfter(ctx, after, some)
		if err != nil || len(repos) == 0 {
			return err
		}
		for _, repo := range repos {
			if err := s.git.Create(ctx, repo.ID, repo.DefaultBranch); err != nil { // one that exists is left as it is
				return err
			}
			if err := s.moveHead(ctx, repo.ID); err != nil {
				s.log.ErrorContext(ctx, "HEAD not moved", "repo", repo.ID, "err", err)
			}
			after = repo.ID
		}
	}
}

// moveHead makes git's HEAD name the default branch of the row. Whoever wrote HEAD
// looks at the row once more: so the last of several that change it at once
// leaves the two in agreement.
func (s *Repositories) moveHead(ctx context.Context, id int64) error {
	for {
		repo, err := s.store.Repository(ctx, id)
		if err != nil {
			return err
		}
		head, err := s.git.Head(id)
		if err != nil || head == repo.DefaultBranch {
			return err
		}
		if err := s.git.SetHead(ctx, id, repo.DefaultBranch); err != nil {
			return fmt.Errorf("repository %d: HEAD: %w", id, err)
		}
	}
}

// resource is what GitHub calls a repository in errors about its fields.
const resource = "Repository"

func inField(field string, err error) error { return actions.InField(resource, field, err) }
