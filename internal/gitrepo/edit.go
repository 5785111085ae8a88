package gitrepo

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An Edit is what a commit changes: one file.
type Edit struct {
	Path    string
	Content []byte // what the file has then
	Delete  bool   // there is none then
	SHA     string // of the content that the file has now; empty for a file that is not there
}

// Edit makes the commit c, and returns the objects that it needs beyond those that are
// there. Its parent, if it has one, says what was there before. A file whose content is another than the edit
// says is a Conflict; one that is to be deleted and is not there is NotFound.
func (v *View) Edit(ctx context.Context, c *Commit, e Edit) ([]NewObject, error) {
	if err := checkPath(e.Path); err != nil || e.Path == "" {
		return nil, actions.Errorf(actions.Invalid, "path contains a malformed path component")
	}
	root := ""
	if len(c.Parents) > 0 {
		parent, err := v.Commit(ctx, c.Parents[0])
		if err != nil {
			return nil, err
		}
		root = parent.Tree
	}
	tree, objects, err := v.edit(ctx, root, strings.Split(e.Path, "/"), &e)
	if err != nil {
		return nil, err
	}
	if tree == "" { // the last file is gone
		empty := NewObject{kind: treeObject}
		tree, objects = empty.SHA(), append(objects, empty)
	}
	c.Tree = tree
	commit := c.newCommit()
	c.SHA = commit.SHA()
	return append(objects, commit), nil
}

// edit is the name of the tree with the edit done at a path below it, empty for one
// without entries, and the objects that are new.
func (v *View) edit(ctx context.Context, tree string, path []string, e *Edit) (string, []NewObject, error) {
	var entries []Entry
	if tree != "" {
		var err error
		if _, entries, err = v.tree(ctx, tree); err != nil {
			return "", nil, err
		}
	}
	i := slices.IndexFunc(entries, func(o Entry) bool { return o.Name == path[0] })
	is := Entry{Name: path[0]}
	if i >= 0 {
		is = entries[i]
		entries = slices.Delete(entries, i, i+1)
	}
	now, objects, err := v.editEntry(ctx, is, path[1:], e)
	if err != nil {
		return "", nil, err
	}
	if now.SHA != "" {
		entries = append(entries, now)
	}
	if len(entries) == 0 {
		return "", objects, nil
	}
	made, err := newTree(entries)
	if err != nil {
		return "", nil, err
	}
	return made.SHA(), append(objects, made), nil
}

// editEntry is what becomes of an entry, which has no SHA where there is none.
func (v *View) editEntry(ctx context.Context, is Entry, below []string, e *Edit) (Entry, []NewObject, error) {
	switch {
	case len(below) > 0 && is.SHA != "" && !is.IsDir():
		return is, nil, actions.Errorf(actions.Invalid, "%q is no directory", is.Name)
	case len(below) > 0:
		sha, objects, err := v.edit(ctx, is.SHA, below, e)
		return Entry{Name: is.Name, Mode: directory, SHA: sha}, objects, err
	case is.IsDir() || is.IsSubmodule():
		return is, nil, actions.Errorf(actions.Invalid, "%q is no file", e.Path)
	case e.Delete && is.SHA == "":
		return is, nil, actions.Errorf(actions.NotFound, "%s is not there", e.Path)
	case is.SHA != "" && e.SHA == "":
		return is, nil, ErrNoSHA
	case is.SHA != e.SHA:
		return is, nil, actions.Errorf(actions.Conflict, "%s does not match %s", e.Path, e.SHA)
	case e.Delete:
		return Entry{}, nil, nil
	}
	blob := NewObject{blobObject, e.Content}
	mode := is.Mode
	if !is.IsRegular() {
		mode = 0o100644
	}
	return Entry{Name: is.Name, Mode: mode, SHA: blob.SHA()}, []NewObject{blob}, nil
}

// ErrNoSHA is for an edit of a file that is there, without what it has now.
var ErrNoSHA = actions.Errorf(actions.Invalid, "Invalid request.\n\n\"sha\" wasn't supplied.")
