package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// CopyRefs makes refs in a new repository that stand where they stand in another one, with
// all that they need, durably. It is no push: nobody is told of it. A repository that has a
// ref by then is left as it is: somebody else copied them.
func (g *Git) CopyRefs(ctx context.Context, into, from int64, refs []Ref) error {
	var shas []string
	var commands strings.Builder
	updates := make([]actions.RefUpdate, 0, len(refs))
	for _, r := range refs {
		if err := errors.Join(CheckRef(r.Name), checkSHA(r.SHA)); err != nil {
			return err
		}
		shas = append(shas, r.SHA)
		fmt.Fprintf(&commands, "create %s\x00%s\x00", r.Name, r.SHA)
		updates = append(updates, actions.RefUpdate{Ref: r.Name, Before: actions.ZeroSHA, After: r.SHA})
	}
	if err := g.Take(ctx, into, from, shas); err != nil {
		return err
	}
	unlock, err := g.lockRepo(ctx, into)
	if err != nil {
		return err
	}
	defer unlock()
	view := g.View(into)
	if is, err := view.Refs(ctx, "refs/"); err != nil || len(is) > 0 {
		return err
	}
	if _, err := view.output(ctx, commands.String(), "update-ref", "-z", "--stdin"); err != nil {
		return err
	}
	return errors.Join(view.syncRefs(updates), syncDir(filepath.Join(g.dir(into), "refs")))
}
