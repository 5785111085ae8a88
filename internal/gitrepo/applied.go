package gitrepo

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Applied tells which of the updates that a Check noted were made, when nobody
// was there to see it. It first waits until no process moves refs of the
// repository, and then makes durable what it found. The answer is right for the
// newest push that a Check let in, and never for one before that: see
// [View.Applied].
func (g *Git) Applied(ctx context.Context, id int64, updates []actions.RefUpdate) ([]actions.RefUpdate, error) {
	if err := g.mustExist(id); err != nil {
		return nil, err
	}
	unlock, err := g.lockRepo(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return g.View(id).Applied(updates)
}

// Applied is [Git.Applied] for a Check, which has the repository's lock already:
// no process moves refs, and none has since the push before. So this is the
// moment to note what became of that one: once Check has returned nil, the refs
// move on, and nobody can tell any more.
func (v *View) Applied(updates []actions.RefUpdate) ([]actions.RefUpdate, error) {
	applied, err := v.applied(updates)
	if err != nil {
		return nil, err
	}
	return applied, v.syncRefs(applied)
}

// applied returns the updates whose refs stand where they were to go. The
// caller holds the lock, and knows that they stood at Old before.
func (v *View) applied(updates []actions.RefUpdate) ([]actions.RefUpdate, error) {
	return v.standing(updates, func(u actions.RefUpdate) string { return u.After })
}

// possible returns the updates whose refs stand at Old, and that change
// something. Git refuses the others, since the caller holds the lock.
func (v *View) possible(updates []actions.RefUpdate) ([]actions.RefUpdate, error) {
	standing, err := v.standing(updates, func(u actions.RefUpdate) string { return u.Before })
	if err != nil {
		return nil, err
	}
	var possible []actions.RefUpdate
	for _, u := range standing {
		if u.Before != u.After {
			possible = append(possible, u)
		}
	}
	return possible, nil
}

// standing returns the updates whose refs stand at what at says.
func (v *View) standing(updates []actions.RefUpdate, at func(actions.RefUpdate) string) ([]actions.RefUpdate, error) {
	packed := map[string]string{} // read once, not once per ref
	loose := make([]string, len(updates))
	for i, u := range updates {
		if err := CheckRef(u.Ref); err != nil {
			return nil, err
		}
		var err error
		if loose[i], err = readLoose(filepath.Join(v.git.dir(v.id), filepath.FromSlash(u.Ref))); err != nil {
			return nil, err
		}
		packed[u.Ref] = actions.ZeroSHA
	}
	err := v.eachPacked(func(name, sha string) bool {
		if _, ok := packed[name]; ok {
			packed[name] = sha
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var standing []actions.RefUpdate
	for i, u := range updates {
		now := loose[i]
		if now == "" {
			now = packed[u.Ref]
		}
		if now == at(u) {
			standing = append(standing, u)
		}
	}
	return standing, nil
}

// syncRefs makes durable the names of what a push has made: git syncs files,
// not the directories that they are in.
func (v *View) syncRefs(updates []actions.RefUpdate) error {
	if len(updates) == 0 {
		return nil
	}
	root := v.git.dir(v.id)
	dirs := map[string]bool{filepath.Join(root, "objects", "pack"): true, filepath.Join(root, "objects"): true}
	for _, u := range updates {
		for dir := filepath.Dir(filepath.Join(root, filepath.FromSlash(u.Ref))); strings.HasPrefix(dir, root); dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	var errs []error
	for dir := range dirs {
		errs = append(errs, ignoreMissing(syncDir(dir))) // a deletion removes empty directories
	}
	return errors.Join(errs...)
}
