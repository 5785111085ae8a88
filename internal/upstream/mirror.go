package upstream

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const (
	maxNested     = 10      // levels of actions, as runners follow them
	maxMirrored   = 2000    // actions of one mirror
	maxActionFile = 1 << 20 // bytes of an action.yml
)

// A Mirrored is what became of an action that workflows use, directly or not.
type Mirrored struct {
	Use    string // as it is written: owner/repo/path@ref
	By     string // the file, or the action, that uses it
	Action *actions.KeptAction
	Why    string // where there is no Action: why none is needed
	Err    error  // why it could not be had
}

// A Here finds actions that need not be brought in: the repositories of the server and
// what it carries. It reads the action.yml of one at a path, and says why it is here;
// an empty reason is that it is not.
type Here func(ctx context.Context, ref *workflow.ActionRef) (why string, read func(path string) ([]byte, error), err error)

// Mirror brings in what uses name, and what those use in turn, and calls each for it.
func (u *Upstream) Mirror(ctx context.Context, uses []Mirrored, here Here, each func(Mirrored)) error {
	type level struct {
		Mirrored
		depth int
	}
	var todo []level
	for _, m := range uses {
		todo = append(todo, level{m, 0})
	}
	seen := make(map[string]bool)
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if seen[at.Use] {
			continue
		}
		if seen[at.Use] = true; len(seen) > maxMirrored {
			return actions.Errorf(actions.Invalid, "more than %d actions are used", maxMirrored)
		}
		ref, err := workflow.ParseActionRef(at.Use)
		if err == nil && ref.Kind == workflow.Repository && at.depth >= maxNested {
			err = actions.Errorf(actions.Invalid, "it is nested more than %d levels deep", maxNested)
		}
		if err != nil {
			at.Err = err
			each(at.Mirrored)
			continue
		}
		switch ref.Kind {
		case workflow.Docker:
			at.Why = "an image of containers, which runners pull themselves"
		case workflow.Local, workflow.SelfRepository:
			at.Why = "of the repository itself"
		case workflow.Repository:
			nested, err := u.mirror(ctx, ref, &at.Mirrored, here)
			at.Err = errors.Join(at.Err, err)
			for _, use := range nested {
				todo = append(todo, level{Mirrored{Use: use, By: at.Use}, at.depth + 1})
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		each(at.Mirrored)
	}
	return nil
}

// mirror brings in one action, and returns what it uses.
func (u *Upstream) mirror(ctx context.Context, ref *workflow.ActionRef, m *Mirrored, here Here) ([]string, error) {
	why, read, err := here(ctx, ref)
	if err != nil {
		return nil, err
	}
	if m.Why = why; why == "" || read == nil {
		f, err := u.Resolve(ctx, Ask{Name: ref.Name, Ref: ref.Ref})
		switch {
		case err != nil && why != "": // what is carried need not be there
			return nil, nil //nolint:nilerr // likewise
		case err != nil:
			return nil, err
		}
		m.Why, m.Action = "", f.Action
		read = func(name string) ([]byte, error) { return u.ReadFile(ctx, f.Action, name, maxActionFile) }
	}
	return nestedUses(ref, read)
}

// nestedUses are the actions that an action uses.
func nestedUses(ref *workflow.ActionRef, read func(path string) ([]byte, error)) ([]string, error) {
	for _, name := range []string{"action.yml", "action.yaml"} {
		at := path.Join(ref.Path, name)
		src, err := read(at)
		if actions.KindOf(err) == actions.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		a, err := workflow.ParseAction(at, src)
		if err != nil {
			return nil, err
		}
		var uses []string
		for _, st := range a.Runs.Steps {
			switch {
			case st.Action == nil:
			case st.Action.Kind == workflow.SelfRepository:
				uses = append(uses, ref.Name+"/"+st.Action.Path+"@"+ref.Ref)
			case st.Action.Kind != workflow.Local: // which is of the workspace then
				uses = append(uses, st.Uses)
			}
		}
		return uses, nil
	}
	if _, err := read(path.Join(ref.Path, "Dockerfile")); err == nil {
		return nil, nil
	}
	return nil, actions.Errorf(actions.NotFound, "there is no action.yml, action.yaml or Dockerfile at %q", "/"+ref.Path)
}

// ReadFile reads a file of a kept action, of so many bytes at most.
func (u *Upstream) ReadFile(ctx context.Context, a *actions.KeptAction, name string, limit int64) ([]byte, error) {
	in, err := u.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	zr, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, actions.Errorf(actions.NotFound, "%s has no file %.200s", a.Name, name)
		case err != nil:
			return nil, fmt.Errorf("archive of %s: %w", a.Name, err)
		case h.Typeflag != tar.TypeReg || h.Name != Top(a.SHA)+"/"+name:
		case h.Size > limit:
			return nil, actions.Errorf(actions.Invalid, "%.200s is larger than %d bytes", name, limit)
		default:
			return io.ReadAll(tr)
		}
	}
}

// Remove forgets a repository of actions, or what one branch, tag or SHA of it means, and
// says how many commits are no longer kept.
func (u *Upstream) Remove(ctx context.Context, name, ref string) (int, error) {
	removed, known := 0, false
	err := u.Store.Update(ctx, func(tx *store.Tx) error {
		removed, known = 0, false
		for after := int64(0); ; {
			list, err := tx.KeptActions(ctx, name, after, 100)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, a := range list {
				after = a.ID
				gone, found, err := u.remove(ctx, tx, a, ref)
				if err != nil {
					return err
				}
				known = known || found
				if gone {
					removed++
				}
			}
		}
	})
	if err == nil && !known {
		err = actions.Errorf(actions.NotFound, "nothing is kept of %s", name+at(ref))
	}
	return removed, err
}

func at(ref string) string {
	if ref == "" {
		return ""
	}
	return "@" + ref
}

// remove removes what a ref means, if it is this commit; without a ref, the commit.
func (u *Upstream) remove(ctx context.Context, tx *store.Tx, a *actions.KeptAction, ref string) (gone, found bool, err error) {
	if ref == "" || ref == a.SHA {
		return true, true, tx.RemoveKept(ctx, a, u.Now())
	}
	refs, err := tx.RefsOfKept(ctx, a.ID)
	if err != nil {
		return false, false, err
	}
	others := 0
	for _, r := range refs {
		if r.Ref != ref {
			others++
			continue
		}
		found = true
		if err := tx.RemoveKeptRef(ctx, r); err != nil {
			return false, true, err
		}
	}
	if !found || others > 0 {
		return false, found, nil
	}
	return true, true, tx.RemoveKept(ctx, a, u.Now())
}
