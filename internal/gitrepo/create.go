package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// HashAlgorithm names objects, in every repository.
const HashAlgorithm = "sha1"

// A FirstCommit is what the default branch of a new repository begins with.
type FirstCommit struct {
	Readme    string // content of README.md
	Message   string
	Author    actions.Signature
	Committer actions.Signature
}

// Create makes an empty repository whose HEAD names defaultBranch. It is
// durable when Create returns, and was never there by halves. A repository
// that exists is left as it is.
func (g *Git) Create(ctx context.Context, id int64, defaultBranch string) error {
	return g.create(ctx, id, defaultBranch, nil)
}

// CreateWith is Create for a repository that has a commit from the start. The
// commit is no push: nobody is told of it.
func (g *Git) CreateWith(ctx context.Context, id int64, defaultBranch string, first FirstCommit) error {
	return g.create(ctx, id, defaultBranch, &first)
}

func (g *Git) create(ctx context.Context, id int64, defaultBranch string, first *FirstCommit) error {
	if err := CheckRef(actions.BranchPrefix + defaultBranch); err != nil {
		return err
	}
	if ok, err := g.Exists(id); ok || err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(g.temporaryDir(), "create-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	bare := filepath.Join(tmp, "new.git")
	cmd := g.command(ctx, "init", "--quiet", "--bare", "--template=", "--object-format="+HashAlgorithm,
		"--initial-branch="+defaultBranch, "--", bare)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("repository %d: git init: %w: %s", id, err, clip(out))
	}
	if err := os.Mkdir(filepath.Join(bare, "objects", "pack"), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if first != nil {
		cmd := g.command(ctx, "--git-dir="+bare, "fast-import", "--quiet")
		cmd.Stdin = first.stream(defaultBranch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("repository %d: git fast-import: %w: %s", id, err, clip(out))
		}
	}
	if err := syncTree(bare); err != nil {
		return err
	}
	if err := os.Rename(bare, g.dir(id)); err != nil {
		if ok, _ := g.Exists(id); ok { // somebody else made it meanwhile
			return nil
		}
		return err
	}
	return syncDir(g.reposDir())
}

// stream is the commit as git fast-import reads it. Text has its length before
// it, so it can hold anything.
func (c *FirstCommit) stream(branch string) *bytes.Buffer {
	var b bytes.Buffer
	fmt.Fprintf(&b, "commit %s%s\n", actions.BranchPrefix, branch)
	fmt.Fprintf(&b, "author %s\ncommitter %s\n", ident(c.Author), ident(c.Committer))
	fmt.Fprintf(&b, "data %d\n%s\n", len(c.Message), c.Message)
	fmt.Fprintf(&b, "M 100644 inline README.md\ndata %d\n%s\n", len(c.Readme), c.Readme)
	return &b
}

// ident is who and when in the form of git, which leaves out the characters
// that its form is made of.
func ident(s actions.Signature) string {
	clean := func(text string) string {
		return strings.TrimSpace(strings.Map(func(c rune) rune {
			if c < ' ' || c == '<' || c == '>' {
				return -1
			}
			return c
		}, text))
	}
	return fmt.Sprintf("%s <%s> %d %s", clean(s.Name), clean(s.Email), s.Time.Unix(), s.Time.Format("-0700"))
}
