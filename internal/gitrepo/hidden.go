package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Known says which of some commits a caller may know of though no ref leads to them. A
// nil one says that of none.
type Known func(ctx context.Context, shas []string) ([]string, error)

// Reachable tells whether a ref leads to the commit, or known knows it. What a forced push
// left behind, for example, is still there and not reachable. What a pull request asks for
// is reachable, so whoever has a fork may have made it: see [View.OnBranchOrTag].
func (v *View) Reachable(ctx context.Context, sha string, known Known) (bool, error) {
	if err := checkSHA(sha); err != nil {
		return false, err
	}
	refs, err := v.Refs(ctx, "refs/")
	if err != nil {
		return false, err
	}
	o, _ := parseOID(sha)
	hidden, err := v.beyondRefs(ctx, []oid{o}, refs, known)
	return hidden == "", err
}

// OnBranchOrTag tells whether a branch or tag leads to the commit: somebody who may write
// to the repository has put it there. Pull requests do not count.
func (v *View) OnBranchOrTag(ctx context.Context, sha string) (bool, error) {
	if err := checkSHA(sha); err != nil {
		return false, err
	}
	refs, err := v.Refs(ctx, "refs/")
	if err != nil {
		return false, err
	}
	refs = slices.DeleteFunc(refs, func(r Ref) bool { return !actions.IsFullRef(r.Name) })
	o, _ := parseOID(sha)
	hidden, err := v.beyondRefs(ctx, []oid{o}, refs, nil)
	return hidden == "", err
}

// hidden returns one of the wanted objects that no ref leads to, nor a commit that is
// known, "" if there is none. Git in protocol version 2 would hand out any object that it has,
// also what was force-pushed away.
func (v *View) hidden(ctx context.Context, names []oid, known Known) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	refs, err := v.Refs(ctx, "refs/")
	if err != nil {
		return "", err
	}
	return v.beyondRefs(ctx, names, refs, known)
}

// beyondRefs is like hidden for some refs. Each stage costs more than the one before, and
// is reached less often.
func (v *View) beyondRefs(ctx context.Context, names []oid, refs []Ref, known Known) (string, error) {
	if len(refs) == 0 && known == nil {
		return names[0].String(), nil
	}
	left := newWants(names)
	tips := make([]oid, 0, len(refs))
	for _, r := range refs {
		if o, ok := parseOID(r.SHA); ok {
			left.strike(o)
			tips = append(tips, o)
		}
	}
	if left.left == 0 {
		return "", nil
	}
	commits, missing, err := v.commitsOf(ctx, left)
	if missing != "" || err != nil {
		return missing, err
	}
	if len(commits) > 0 {
		if tips, err = v.withKnown(ctx, tips, commits, known); err != nil {
			return "", err
		}
		if hidden, err := v.beyond(ctx, commits, tips); hidden != "" || err != nil {
			return hidden, err
		}
	}
	if left.left == 0 {
		return "", nil
	}
	return v.hiddenParts(ctx, left, tips)
}

// withKnown are the tips, and those commits that are known.
func (v *View) withKnown(ctx context.Context, tips, commits []oid, known Known) ([]oid, error) {
	if known == nil {
		return tips, nil
	}
	shas := make([]string, len(commits))
	for i, o := range commits {
		shas[i] = o.String()
	}
	more, err := known(ctx, shas)
	for _, sha := range more {
		if o, ok := parseOID(sha); ok {
			tips = append(tips, o)
		}
	}
	return tips, err
}

// beyond returns one of the commits that no tip leads to.
func (v *View) beyond(ctx context.Context, commits, tips []oid) (string, error) {
	if len(tips) == 0 {
		return commits[0].String(), nil
	}
	out, err := v.output(ctx, lines("", commits)+lines("^", tips), "rev-list", "--stdin", "--max-count=1")
	return strings.TrimSpace(out), err
}

// commitsOf strikes the commits off what is left, and returns them. It also returns a
// wanted object that is not there at all. One process answers for all of them, and it
// is not one of the object readers, for which others wait.
func (v *View) commitsOf(ctx context.Context, left *wants) (commits []oid, missing string, err error) {
	names := left.rest()
	input := lines("", names)
	err = v.lines(ctx, input, []string{"cat-file", "--batch-check=%(objecttype)", "--buffer"}, func(kind string) bool {
		name := names[0]
		names = names[1:]
		switch kind {
		case "commit":
			commits = append(commits, name)
			left.strike(name)
		case "tree", "blob", "tag":
		default: // "SHA missing"
			missing = name.String()
		}
		return missing == "" && len(names) > 0
	})
	return commits, missing, err
}

// hiddenParts looks for trees, blobs and tags, which partial clones ask for:
// at the tips, where nearly all of them are, then in all of the history.
func (v *View) hiddenParts(ctx context.Context, left *wants, tips []oid) (string, error) {
	input := lines("", tips)
	for _, args := range [][]string{
		{"rev-list", "--objects", "--no-object-names", "--no-walk=unsorted", "--stdin"},
		{"rev-list", "--objects", "--no-object-names", "--stdin"},
	} {
		err := v.lines(ctx, input, args, func(sha string) bool {
			if o, ok := parseOID(sha); ok {
				left.strike(o)
			}
			return left.left > 0
		})
		if err != nil {
			return "", err
		}
		if left.left == 0 {
			return "", nil
		}
	}
	return left.rest()[0].String(), nil
}

// lines calls f for each line that git prints, until f has enough.
func (v *View) lines(ctx context.Context, input string, args []string, f func(line string) bool) error {
	leave, err := v.git.enter(ctx, v)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := v.command(ctx, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if !f(lines.Text()) {
			cancel() // nobody needs the rest
			_, _ = io.Copy(io.Discard, out)
			_ = cmd.Wait()
			return nil
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("repository %d: git %s: %w", v.id, args[0], err)
	}
	return lines.Err()
}
