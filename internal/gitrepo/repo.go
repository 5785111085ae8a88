package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// dir is where repository id lives.
func (g *Git) dir(id int64) string {
	return filepath.Join(g.reposDir(), strconv.FormatInt(id, 10)+".git")
}

// Exists tells whether there is a repository with the number.
func (g *Git) Exists(id int64) (bool, error) {
	_, err := os.Stat(g.dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Delete removes the repository. A push that is under way ends first. That
// there is none is no error.
func (g *Git) Delete(ctx context.Context, id int64) error {
	if ok, err := g.Exists(id); !ok || err != nil {
		return err
	}
	unlock, err := g.lockRepo(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	tmp, err := os.MkdirTemp(g.temporaryDir(), "delete-*")
	if err != nil {
		return err
	}
	if err := os.Rename(g.dir(id), filepath.Join(tmp, "old.git")); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	g.pool.drop(id)
	return errors.Join(syncDir(g.reposDir()), os.RemoveAll(tmp))
}

// SetHead makes branch the default one, whether or not it exists yet.
func (g *Git) SetHead(ctx context.Context, id int64, branch string) error {
	if err := CheckRef(actions.BranchPrefix + branch); err != nil {
		return err
	}
	if err := g.mustExist(id); err != nil {
		return err
	}
	unlock, err := g.lockRepo(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return g.setHead(id, branch)
}

// SetHead is [Git.SetHead] for a Check, which has the repository's lock already.
func (v *View) SetHead(branch string) error {
	if err := CheckRef(actions.BranchPrefix + branch); err != nil {
		return err
	}
	return v.git.setHead(v.id, branch)
}

func (g *Git) setHead(id int64, branch string) error {
	lock := filepath.Join(g.dir(id), "HEAD.lock") // as git itself would do it
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(headPrefix + branch + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(lock, filepath.Join(g.dir(id), "HEAD"))
	}
	if err != nil {
		return errors.Join(err, os.Remove(lock))
	}
	return syncDir(g.dir(id))
}

const headPrefix = "ref: " + actions.BranchPrefix

// Head is the name of the default branch, which need not exist yet. It is empty when
// the file that names it is lost; git reads nothing of the repository then.
func (g *Git) Head(id int64) (string, error) {
	text, err := os.ReadFile(filepath.Join(g.dir(id), "HEAD"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", g.mustExist(id)
	}
	if err != nil {
		return "", err
	}
	branch, ok := strings.CutPrefix(strings.TrimSpace(string(text)), headPrefix)
	if !ok {
		return "", fmt.Errorf("repository %d: HEAD is not a branch", id)
	}
	return branch, nil
}

func (g *Git) mustExist(id int64) error {
	ok, err := g.Exists(id)
	if err == nil && !ok {
		err = actions.Errorf(actions.NotFound, "repository %d not found", id)
	}
	return err
}
