package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// hidden returns one of the wanted objects that no ref leads to, "" if there
// is none. Git in protocol version 2 would hand out any object that it has,
// also what was force-pushed away. Each stage costs more than the one before,
// and is reached less often.
func (v *View) hidden(ctx context.Context, wants map[string]bool) (string, error) {
	if len(wants) == 0 {
		return "", nil
	}
	refs, err := v.Refs(ctx, "refs/")
	if err != nil {
		return "", err
	}
	if len(refs) == 0 {
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
		out, err := v.output(ctx, strings.Join(commits, "\n")+"\n^"+strings.Join(tips, "\n^")+"\n",
			"rev-list", "--stdin", "--max-count=1")
		if err != nil {
			return "", err
		}
		if out != "" {
			return strings.TrimSpace(out), nil
		}
	}
	if len(left) == 0 {
		return "", nil
	}
	return v.hiddenParts(ctx, left, tips)
}

// sortWants moves commits from left to commits. It returns a wanted object
// that is not there at all.
func (v *View) sortWants(ctx context.Context, left map[string]bool, commits *[]string) (missing string, err error) {
	err = v.read(ctx, func(c *catFile) error {
		for sha := range left {
			o, err := c.info(sha)
			if actions.KindOf(err) == actions.NotFound {
				missing = sha
				return nil
			}
			if err != nil {
				return err
			}
			if o.kind == "commit" {
				*commits = append(*commits, sha)
				delete(left, sha)
			}
		}
		return nil
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

// strike removes from left the objects that git lists, until none is left.
func (v *View) strike(ctx context.Context, left map[string]bool, input string, args []string) error {
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
	for len(left) > 0 && lines.Scan() {
		delete(left, lines.Text())
	}
	if len(left) == 0 {
		cancel() // nobody needs the rest
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		return nil
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("repository %d: git rev-list: %w", v.id, err)
	}
	return lines.Err()
}
