package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// straight is how many commits are followed one by one before git is asked to
// walk the history. Most pushes are shorter.
const straight = 20

// CommitsBetween returns the commits that after has and before has not, the
// oldest first, at most max of the newest ones; more tells that there are
// others. With before "" or [actions.ZeroSHA] it is the whole history of after.
func (v *View) CommitsBetween(ctx context.Context, before, after string, limit int) (commits []*Commit, more bool, err error) {
	if before == "" {
		before = actions.ZeroSHA
	}
	if err := errors.Join(checkSHA(before), checkSHA(after)); err != nil {
		return nil, false, err
	}
	if before == actions.ZeroSHA {
		return v.commits(ctx, limit, after)
	}
	if line, ok, err := v.straightLine(ctx, before, after); err != nil || ok && len(line) <= limit {
		return line, false, err
	}
	return v.commits(ctx, limit, after, "^"+before)
}

// NewCommits returns the commits that made the branch ref, which stands at
// sha now, different from all other branches: see CommitsBetween.
func (v *View) NewCommits(ctx context.Context, ref, sha string, limit int) (commits []*Commit, more bool, err error) {
	if err := errors.Join(CheckRef(ref), checkSHA(sha)); err != nil {
		return nil, false, err
	}
	return v.commits(ctx, limit, sha, "--not", "--exclude="+ref, "--glob="+actions.BranchPrefix+"*")
}

// commits runs rev-list with checked arguments.
func (v *View) commits(ctx context.Context, limit int, what ...string) ([]*Commit, bool, error) {
	args := append([]string{"rev-list", fmt.Sprintf("--max-count=%d", limit+1)}, what...)
	out, err := v.output(ctx, "", args...)
	if err != nil {
		return nil, false, err
	}
	shas := strings.Fields(out)
	more := len(shas) > limit
	shas = shas[:min(len(shas), limit)]
	slices.Reverse(shas)
	commits := make([]*Commit, len(shas))
	for i, sha := range shas {
		if commits[i], err = v.Commit(ctx, sha); err != nil {
			return nil, false, err
		}
	}
	return commits, more, nil
}

// straightLine returns the commits from before to after, oldest first, if
// they are few and each has one parent.
func (v *View) straightLine(ctx context.Context, before, after string) ([]*Commit, bool, error) {
	var line []*Commit
	for sha := after; sha != before; {
		c, err := v.Commit(ctx, sha)
		if err != nil {
			return nil, false, err
		}
		line = append(line, c)
		if len(c.Parents) != 1 || len(line) == straight {
			return nil, false, nil
		}
		sha = c.Parents[0]
	}
	slices.Reverse(line)
	return line, true, nil
}

// IsAncestor tells whether the history of sha contains ancestor. If not, a
// branch that moved from the one to the other was forced.
func (v *View) IsAncestor(ctx context.Context, ancestor, sha string) (bool, error) {
	if err := errors.Join(checkSHA(ancestor), checkSHA(sha)); err != nil {
		return false, err
	}
	if _, ok, err := v.straightLine(ctx, ancestor, sha); ok || err != nil {
		return ok, err
	}
	leave, err := v.git.enter(ctx, v)
	if err != nil {
		return false, err
	}
	defer leave()
	err = v.command(ctx, "merge-base", "--is-ancestor", ancestor, sha).Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 1 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("repository %d: git merge-base: %w", v.id, err)
	}
	return true, nil
}

// HasMerges tells whether some commit that after has, and before has not, has several
// parents.
func (v *View) HasMerges(ctx context.Context, before, after string) (bool, error) {
	if err := errors.Join(checkSHA(before), checkSHA(after)); err != nil {
		return false, err
	}
	out, err := v.output(ctx, "", "rev-list", "--merges", "--max-count=1", after, "^"+before)
	return strings.TrimSpace(out) != "", err
}

// CountBetween is how many commits after has and before has not, at most limit.
func (v *View) CountBetween(ctx context.Context, before, after string, limit int) (int, error) {
	if err := errors.Join(checkSHA(before), checkSHA(after)); err != nil {
		return 0, err
	}
	out, err := v.output(ctx, "", "rev-list", "--count", fmt.Sprintf("--max-count=%d", limit), after, "^"+before)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}
