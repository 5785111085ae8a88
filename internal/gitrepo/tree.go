package gitrepo

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An Entry is one name in a directory of a commit.
type Entry struct {
	Name string // as stored: any bytes but slash and NUL
	Mode uint32 // git's mode: 0100644, 0100755, 0120000, 0040000, 0160000
	SHA  string
}

// IsDir tells whether the entry is a directory.
func (e Entry) IsDir() bool { return e.Mode == directory }

const directory = 0o040000

// IsSubmodule tells whether the entry is a commit of another repository.
func (e Entry) IsSubmodule() bool { return e.Mode == 0o160000 }

// IsLink tells whether the entry is a symbolic link.
func (e Entry) IsLink() bool { return e.Mode == 0o120000 }

// IsRegular tells whether the entry is a file, and no link or submodule.
func (e Entry) IsRegular() bool { return e.Mode&0o170000 == 0o100000 }

const maxTree = 32 << 20

// ReadDir lists a directory of a commit, the root for "", in git's order.
// NotFound if there is none.
func (v *View) ReadDir(ctx context.Context, sha, dir string) ([]Entry, error) {
	_, entries, err := v.Tree(ctx, sha, dir)
	return entries, err
}

// Tree is ReadDir with the directory itself. The root has no name.
func (v *View) Tree(ctx context.Context, sha, dir string) (Entry, []Entry, error) {
	name, err := objectAt(sha, dir)
	if err != nil {
		return Entry{}, nil, err
	}
	tree, entries, err := v.tree(ctx, name)
	return Entry{Name: dir[strings.LastIndexByte(dir, '/')+1:], Mode: directory, SHA: tree}, entries, err
}

// tree reads a tree by any name that cat-file takes.
func (v *View) tree(ctx context.Context, name string) (sha string, entries []Entry, err error) {
	err = v.read(ctx, func(c *catFile) error {
		o, err := c.info(name)
		if err != nil {
			return err
		}
		if o.kind != "tree" {
			return actions.Errorf(actions.NotFound, "%s is not a directory", name)
		}
		sha = o.sha
		_, data, err := c.contents(o.sha, maxTree)
		if err == nil {
			entries, err = parseTree(data)
		}
		return err
	})
	return sha, entries, err
}

// Entry is what is at a path of a commit, the root for "". NotFound if there is nothing.
func (v *View) Entry(ctx context.Context, sha, path string) (Entry, error) {
	if path == "" {
		e, _, err := v.Tree(ctx, sha, "")
		return e, err
	}
	dir, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, name = path[:i], path[i+1:]
	}
	entries, err := v.ReadDir(ctx, sha, dir)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range entries {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, actions.Errorf(actions.NotFound, "%s is not there", path)
}

// Follow is the path of the file to which a symbolic link of a commit leads, by any number
// of links that a path may reasonably have; empty where it leads to none of the commit.
func (v *View) Follow(ctx context.Context, sha, path string) (string, error) {
	const most, longest = 10, 4096
	for range most {
		e, err := v.Entry(ctx, sha, path)
		switch k := actions.KindOf(err); {
		case k == actions.NotFound || k == actions.Invalid:
			return "", nil
		case err != nil:
			return "", err
		case e.IsRegular():
			return path, nil
		case !e.IsLink():
			return "", nil
		}
		target, err := v.ReadFile(ctx, sha, path, longest)
		if err != nil {
			return "", err
		}
		path = filepath.Join(filepath.Dir(path), string(target))
		if filepath.IsAbs(string(target)) || path == ".." || strings.HasPrefix(path, "../") {
			return "", nil
		}
	}
	return "", nil
}

func objectAt(sha, path string) (string, error) {
	if err := checkSHA(sha); err != nil {
		return "", err
	}
	return sha + ":" + path, checkPath(path)
}

func parseTree(data []byte) ([]Entry, error) {
	entries := make([]Entry, 0, len(data)/40)
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, ok2 := bytes.Cut(head, []byte(" "))
		if !ok || !ok2 || len(rest) < 20 || len(name) == 0 || bytes.IndexByte(name, '/') >= 0 {
			return nil, fmt.Errorf("tree cannot be read")
		}
		m, err := strconv.ParseUint(string(mode), 8, 32)
		if err != nil {
			return nil, fmt.Errorf("tree cannot be read: %w", err)
		}
		entries = append(entries, Entry{Name: string(name), Mode: uint32(m), SHA: hex.EncodeToString(rest[:20])})
		data = rest[20:]
	}
	return entries, nil
}
