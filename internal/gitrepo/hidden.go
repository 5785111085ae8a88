package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Known says which of some commits a caller may know of though no ref leads to them. A
// nil one says that of none.
type Known func(ctx context.Context, shas []string) ([]string, error)

// Reachable tells whether a branch or tag leads to the commit, or known knows it. What
// a forced push left behind, for example, is still there and not reachable.
func (v *View) Reachable(ctx context.Context, sha string, known Known) (bool, error) {
	if err := checkSHA(sha); err != nil {
		return false, err
	}
	hidden, err := v.hidden(ctx, map[string]bool{sha: true}, known)
	return hidden == "", err
}

// hidden returns one of the wanted objects that no ref leads to, nor a commit that is
// known, "" if there is none. Git in protocol version 2 would hand out any object that it has,
// also what was force-pushed away. Each stage costs more than the one before,
// and is reached less often.
func (v *View) hidden(ctx context.Context, wants map[string]bool, known Known) (string, error) {
	if len(wants) == 0 {
		return "", nil
	}
	refs, err := v.Refs(ctx, "refs/")
	if err != nil {
		return "", err
	}
	if len(refs) == 0 && known == nil {
		return slices.Collect(maps.Keys(wants))[0], nil
	}
	left := maps.Clone(wants)
	tips := make([]string, len(refs))
	for i, r := range refs {
		delete(left, r.SHA)
		tips[i] = r.SHA
	}
	if len(left) == 0 {
		return "", nil
	}
	var commits []string
	if missing, err := v.sortWants(ctx, left, &commits); missing != "" || err != nil {
		return missing, err
	}
	if len(commits) > 0 {
		if known != nil {
			more, err := known(ctx, commits)
			if err != nil {
				return "", err
			}
			tips = append(tips, more...)
		}
		if hidden, err := v.beyond(ctx, commits, tips); hidden != "" || err != nil {
			return hidden, err
		}
	}
	if len(left) == 0 {
		return "", nil
	}
	return v.hiddenParts(ctx, left, tips)
}

// beyond returns one of the commits that no tip leads to.
func (v *View) beyond(ctx context.Context, commits, tips []string) (string, error) {
	if len(tips) == 0 {
		return commits[0], nil
	}
	out, err := v.output(ctx, strings.Join(commits, "\n")+"\n^"+strings.Join(tips, "\n^")+"\n", "rev-list", "--stdin", "--max-count=1")
	return strings.TrimSpace(out), err
}

// sortWants moves commits from left to commits. It returns a wanted object
// that is not there at all. One process answers for all of them, and it is not one
// of the object readers, for which others wait.
func (v *View) sortWants(ctx context.Context, left map[string]bool, commits *[]string) (missing string, err error) {
	names := slices.Sorted(maps.Keys(left))
	err = v.lines(ctx, strings.Join(names, "\n")+"\n", []string{"cat-file", "--batch-check=%(objecttype)", "--buffer"}, func(kind string) bool {
		name := names[0]
		names = names[1:]
		switch kind {
		case "commit":
			*commits = append(*commits, name)
			delete(left, name)
		case "tree", "blob", "tag":
		default: // "SHA missing"
			missing = name
		}
		return missing == "" && len(names) > 0
	})
	return missing, err
}

// hiddenParts looks for trees, blobs and tags, which partial clones ask for:
// at the tips, where nearly all of them are, then in all of the history.
func (v *View) hiddenParts(ctx context.Context, left map[string]bool, tips []string) (string, error) {
	input := strings.Join(tips, "\n") + "\n"
	for _, args := range [][]string{
		{"rev-list", "--objects", "--no-object-names", "--no-walk=unsorted", "--stdin"},
		{"rev-list", "--objects", "--no-object-names", "--stdin"},
	} {
		if err := v.strike(ctx, left, input, args); err != nil {
			return "", err
		}
		if len(left) == 0 {
			return "", nil
		}
	}
	return slices.Collect(maps.Keys(left))[0], nil
}

// strike removes the objects that git lists from left.
func (v *View) strike(ctx context.Context, left map[string]bool, input string, args []string) error {
	return v.lines(ctx, input, args, func(sha string) bool {
		delete(left, sha)
		return len(left) > 0
	})
}

// lines calls f for each line that git prints, until f has enough.
func (v *View) lines(ctx context.Context, input string, args []string, f func(line string) bool) error {
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
