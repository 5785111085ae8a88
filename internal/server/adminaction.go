package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/upstream"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// An ActionAdmin works on the actions that a server keeps of other hosts. A server that
// runs sees each change at once.
type ActionAdmin struct {
	admin *Admin
	git   *gitrepo.Git
	*upstream.Upstream
}

// WithActions runs fn with the actions of the server. blobs is what serve was given as
// --blobs, empty for the default.
func (a *Admin) WithActions(ctx context.Context, blobs string, c UpstreamConfig, fn func(ctx context.Context, u *ActionAdmin) error) (err error) {
	in, closing, err := openStorage(ctx, cmp.Or(blobs, filepath.Join(a.data, "blobs")), a.deps, false)
	if err != nil {
		return fmt.Errorf("--blobs: %w", err)
	}
	defer func() { err = errors.Join(err, closing()) }()
	git, err := gitrepo.New(filepath.Join(a.data, "repositories"), gitrepo.Limits{}, a.deps.Log, a.deps.Now)
	if err != nil {
		return fmt.Errorf("repositories: %w", err)
	}
	defer func() { err = errors.Join(err, git.Close()) }()
	u, err := c.openUpstream(upstream.Config{Store: a.store, Blobs: in.blobs, Git: git, Log: a.deps.Log, Now: a.deps.Now, Random: a.deps.Random}, a.deps.LookupEnv)
	if err != nil {
		return err
	}
	defer u.Close()
	return fn(operator(ctx), &ActionAdmin{a, git, u})
}

// MirrorFiles brings in all that workflow files use, and calls each for it.
func (m *ActionAdmin) MirrorFiles(ctx context.Context, files []string, each func(upstream.Mirrored)) error {
	carried, err := builtin.New(m.admin.deps.Version)
	if err != nil {
		return err
	}
	var uses []upstream.Mirrored
	for _, use := range upstream.UsesOf(files) {
		if use.Err != nil {
			each(use)
			continue
		}
		uses = append(uses, use)
	}
	return m.Mirror(ctx, uses, func(ctx context.Context, ref *workflow.ActionRef) (string, func(string) ([]byte, error), error) {
		return m.here(ctx, ref, carried)
	}, each)
}

// here is [upstream.Here] for the server.
func (m *ActionAdmin) here(ctx context.Context, ref *workflow.ActionRef, carried *builtin.Set) (string, func(string) ([]byte, error), error) {
	owner, name, _ := strings.Cut(ref.Name, "/")
	repo, err := m.admin.store.RepositoryByName(ctx, owner, name)
	if actions.KindOf(err) == actions.NotFound {
		if _, ok := carried.Find(ref.Name); ok {
			return "the server carries one itself", nil, nil
		}
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	sha, err := m.git.View(repo.ID).Resolve(ctx, ref.Ref)
	if err != nil {
		return "", nil, fmt.Errorf("repository %s of this server: %w", repo.FullName(), err)
	}
	read := func(path string) ([]byte, error) {
		return m.git.ReadFile(ctx, repo.ID, sha, path, maxActionFile)
	}
	return "a repository of this server", read, nil
}

const maxActionFile = 1 << 20
