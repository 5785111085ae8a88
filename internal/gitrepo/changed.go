package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// ChangedFiles lists the paths that differ between two commits, in order, up
// to limit of them; more tells that there are others. A renamed file counts
// under both names, a submodule under its directory. With before [actions.ZeroSHA]
// all files of after differ.
func (v *View) ChangedFiles(ctx context.Context, before, after string, limit int) (paths []string, more bool, err error) {
	if err := errors.Join(checkSHA(before), checkSHA(after)); err != nil {
		return nil, false, err
	}
	d := differ{view: v, limit: limit}
	err = d.trees(ctx, "", rootOf(before), rootOf(after))
	if errors.Is(err, errEnough) {
		return d.paths, true, nil
	}
	return d.paths, false, err
}

func rootOf(sha string) string {
	if sha == actions.ZeroSHA {
		return ""
	}
	return sha + "^{tree}"
}

// errEnough ends the comparison when the limit is passed.
var errEnough = errors.New("enough")

// A differ walks two trees side by side and reads only what differs.
type differ struct {
	view  *View
	limit int
	paths []string
}

// trees compares two trees by name; "" is an empty one.
func (d *differ) trees(ctx context.Context, dir, before, after string) error {
	if strings.Count(dir, "/") > maxPath/2 || len(dir) > maxPath {
		return errEnough
	}
	a, err := d.read(ctx, before)
	if err != nil {
		return err
	}
	b, err := d.read(ctx, after)
	if err != nil {
		return err
	}
	for len(a) > 0 || len(b) > 0 {
		var x, y Entry
		switch order := compareEntries(a, b); {
		case order < 0:
			x, a = a[0], a[1:]
		case order > 0:
			y, b = b[0], b[1:]
		default:
			x, y, a, b = a[0], b[0], a[1:], b[1:]
		}
		if x == y {
			continue
		}
		if err := d.entries(ctx, dir, x, y); err != nil {
			return err
		}
	}
	return nil
}

// entries compares what one name is in two trees; one may be the zero Entry.
func (d *differ) entries(ctx context.Context, dir string, x, y Entry) error {
	path := dir + cmp.Or(x.Name, y.Name)
	if x.IsDir() || y.IsDir() { // never a directory and a file: they sort apart
		return d.trees(ctx, path+"/", x.SHA, y.SHA)
	}
	if len(d.paths) == d.limit {
		return errEnough
	}
	d.paths = append(d.paths, path)
	return nil
}

func (d *differ) read(ctx context.Context, tree string) ([]Entry, error) {
	if tree == "" {
		return nil, nil
	}
	_, entries, err := d.view.tree(ctx, tree)
	return entries, err
}

// compareEntries says which list comes first in git's order, in which the
// name of a directory ends in a slash.
func compareEntries(a, b []Entry) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return cmp.Compare(sortName(a[0]), sortName(b[0]))
}

func sortName(e Entry) string {
	if e.IsDir() {
		return e.Name + "/"
	}
	return e.Name
}
