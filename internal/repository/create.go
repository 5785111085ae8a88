package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// defaultBranch is that of a new repository.
const defaultBranch = "main"

// A First is the commit that a new repository can begin with.
type First struct {
	By   *actions.Account
	Host string // of this server, for the address of who has no public one
}

// Create makes a repository of repo's owner, name, description, homepage, visibility and
// options, if it has any, and sets the rest of it. A name that has characters which none may have gets hyphens
// for them. With first it has a commit with a README on its default branch, else
// it is empty. What cannot be is an [actions.FieldError].
func (s *Repositories) Create(ctx context.Context, repo *actions.Repository, first *First) error {
	if err := s.prepare(repo); err != nil {
		return err
	}
	if first != nil {
		repo.PushedAt = repo.CreatedAt // it has a branch, as after a push
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.StillThere(ctx, repo.Owner.ID); err != nil {
			return err
		}
		return tx.CreateRepository(ctx, repo)
	})
	if err != nil {
		return badName(err)
	}
	err = s.createFiles(ctx, repo, first)
	if err == nil {
		s.log.InfoContext(ctx, "repository made", "repo", repo.ID, "name", repo.FullName())
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	undo := func(tx *store.Tx) error { return tx.DeleteRepository(ctx, repo.ID, s.now()) }
	if undone := s.store.Update(ctx, undo); undone != nil {
		s.log.ErrorContext(ctx, "repository left without files", "repo", repo.ID, "err", undone)
	}
	return err
}

// prepare checks a new repository and fills in what nobody asks for.
func (s *Repositories) prepare(repo *actions.Repository) error {
	if repo.Name == "" {
		return actions.Missing(resource, "name")
	}
	repo.Name, repo.DefaultBranch = actions.RepositoryName(repo.Name), defaultBranch
	repo.CreatedAt = s.now()
	repo.UpdatedAt = repo.CreatedAt
	if err := actions.CheckRepositoryName(repo.Name); err != nil {
		return badName(err)
	}
	if repo.Options == (actions.RepositoryOptions{}) {
		repo.Options = actions.StandardOptions()
	}
	return checkSettings(repo)
}

// badName is the error for a name that a new repository cannot have.
func badName(err error) error {
	err = inField("name", err)
	if f, ok := errors.AsType[*actions.FieldError](err); ok {
		f.Summary = "Repository creation failed."
	}
	return err
}

func (s *Repositories) createFiles(ctx context.Context, repo *actions.Repository, first *First) error {
	if first == nil {
		return s.git.Create(ctx, repo.ID, repo.DefaultBranch)
	}
	return s.git.CreateWith(ctx, repo.ID, repo.DefaultBranch, first.commit(repo))
}

// commit is the first commit of repo. It is no push, and there is no workflow in
// it that could run.
func (f *First) commit(repo *actions.Repository) gitrepo.FirstCommit {
	by := SignatureOf(f.By, f.Host, repo.CreatedAt)
	readme := "# " + repo.Name
	if repo.Description != "" {
		readme += "\n" + repo.Description + "\n"
	}
	return gitrepo.FirstCommit{Readme: readme, Message: "Initial commit", Author: by, Committer: by}
}

// SignatureOf is how an account signs a commit that this server, at host, makes for it. Who
// has no public address gets one that leads nowhere.
func SignatureOf(by *actions.Account, host string, now time.Time) actions.Signature {
	s := actions.Signature{Name: cmp.Or(by.Name, by.Login), Email: by.Email, Time: now}
	if s.Email == "" {
		s.Email = fmt.Sprintf("%d+%s@users.noreply.%s", by.ID, by.Login, cmp.Or(host, "localhost"))
	}
	return s
}
