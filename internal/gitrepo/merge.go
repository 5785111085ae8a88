package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// ErrConflicts says that two commits cannot be put together without somebody who decides.
var ErrConflicts = actions.Errorf(actions.Conflict, "there are merge conflicts")

// errSlow is for merges that take too long.
var errSlow = actions.Errorf(actions.Unavailable, "the merge takes too long")

// MergeBase is the newest commit that both have come from; empty for none.
func (v *View) MergeBase(ctx context.Context, a, b string) (string, error) {
	if err := errors.Join(checkSHA(a), checkSHA(b)); err != nil {
		return "", err
	}
	out, err := v.output(ctx, "", "merge-base", a, b)
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 1 {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// Merged says which of the refs below refs/pull that end in /head stand at commits that a
// commit has in its history.
func (v *View) Merged(ctx context.Context, sha string) ([]string, error) {
	if err := checkSHA(sha); err != nil {
		return nil, err
	}
	out, err := v.output(ctx, "", "for-each-ref", "--format=%(refname)", "--merged="+sha, actions.PullPrefix+"*/head")
	return strings.Fields(out), err
}

// Merge is the tree of what becomes of ours when theirs is merged into it. ErrConflicts
// when people have to decide something, and Unavailable when it takes too long.
func (s *Draft) Merge(ctx context.Context, ours, theirs string) (tree string, err error) {
	if err := errors.Join(checkSHA(ours), checkSHA(theirs)); err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, mergeTime)
	defer cancel()
	cmd := s.command(limited, "-c", "merge.directoryRenames=true", "merge-tree", "--write-tree", "--no-messages", "--name-only", ours, theirs)
	var stdout bytes.Buffer
	var stderr tail
	cmd.Stdout, cmd.Stderr = &bounded{&stdout, 64 << 20}, &stderr
	if err = cmd.Start(); err == nil {
		limitMemory(cmd.Process.Pid, s.git.limits.MemoryBytes)
		err = cmd.Wait()
	}
	tree, _, _ = strings.Cut(stdout.String(), "\n")
	switch e, failed := errors.AsType[*exec.ExitError](err); {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return "", errSlow
	case failed && e.ExitCode() == 1:
		return "", ErrConflicts
	case err != nil:
		return "", fmt.Errorf("repository %d: git merge-tree: %w: %s", s.id, err, stderr.String())
	}
	return tree, checkSHA(tree)
}

// Rebase makes the commits of head that onto does not have anew on top of onto, and returns
// the last of them; merges are left out, and so is what changes nothing any more.
// The authors stay as they are; committer is who does it. More than most commits are
// Invalid.
func (s *Draft) Rebase(ctx context.Context, onto, head string, committer actions.Signature, most int) (string, error) {
	commits, more, err := s.commits(ctx, most, "--no-merges", "--topo-order", head, "^"+onto)
	if err != nil {
		return "", err
	}
	if more {
		return "", actions.Errorf(actions.Invalid, "This branch can't be rebased: it has more than %d commits", most)
	}
	limited, cancel := context.WithTimeout(ctx, mergeTime)
	defer cancel()
	tip, err := s.View.Commit(limited, onto)
	if err != nil {
		return "", err
	}
	for _, c := range commits {
		if tip, err = s.pick(limited, tip, c, committer); err != nil {
			if ctx.Err() == nil && limited.Err() != nil {
				err = errSlow
			}
			return "", err
		}
	}
	return tip.SHA, nil
}

// pick makes what a commit has changed on top of another. Git merges by what two commits
// have come from, so the other's tree is shown to it as a commit beside this one.
func (s *Draft) pick(ctx context.Context, tip, c *Commit, committer actions.Signature) (*Commit, error) {
	beside := &Commit{Commit: actions.Commit{Tree: tip.Tree, Message: "onto", Author: committer, Committer: committer}, Parents: slices.Clone(c.Parents)}
	if err := s.Commit(ctx, beside); err != nil {
		return nil, err
	}
	if len(c.Parents) == 0 {
		return nil, ErrConflicts // it has nothing in common with the branch
	}
	tree, err := s.Merge(ctx, beside.SHA, c.SHA)
	if err != nil {
		return nil, err
	}
	if tree == tip.Tree {
		return tip, nil
	}
	made := &Commit{Commit: actions.Commit{Tree: tree, Message: c.Message, Author: c.Author, Committer: committer}, Parents: []string{tip.SHA}}
	return made, s.Commit(ctx, made)
}
