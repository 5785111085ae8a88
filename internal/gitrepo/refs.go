package gitrepo

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Ref is a name and the object it stands for: a commit, or an annotated tag.
type Ref struct {
	Name string // in full: refs/heads/main
	SHA  string
}

// Refs lists the refs whose names begin with prefix, in the order of names.
// The prefix ends in a slash, or is "refs/" for all of them.
func (v *View) Refs(ctx context.Context, prefix string) ([]Ref, error) {
	if below, ok := strings.CutPrefix(prefix, "refs/"); !ok || !validParts(below+"x") || !strings.HasSuffix(prefix, "/") {
		return nil, actions.Errorf(actions.Invalid, "%q is not a valid prefix of refs", prefix)
	}
	if err := v.git.mustExist(v.id); err != nil {
		return nil, err
	}
	// Loose refs first: git packs a ref before it removes the loose one.
	byName := map[string]string{}
	var loose []Ref
	root := v.git.dir(v.id)
	err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(prefix)), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		if d.IsDir() {
			return ctx.Err()
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !validParts(name) { // such as a lock file
			return nil
		}
		sha, err := readLoose(path)
		if err == nil && sha != "" {
			loose = append(loose, Ref{name, sha})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := v.eachPacked(func(name, sha string) bool {
		if strings.HasPrefix(name, prefix) {
			byName[name] = sha
		}
		return true
	}); err != nil {
		return nil, err
	}
	for _, r := range loose {
		byName[r.Name] = r.SHA
	}
	refs := make([]Ref, 0, len(byName))
	for name, sha := range byName {
		refs = append(refs, Ref{name, sha})
	}
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Compare(a.Name, b.Name) })
	return refs, nil
}

// Ref is what the ref with this full name stands for, NotFound if there is
// none.
func (v *View) Ref(name string) (string, error) {
	sha, err := v.ref(name)
	if err == nil && sha == "" {
		err = actions.Errorf(actions.NotFound, "ref %s not found", name)
	}
	return sha, err
}

// ref is Ref with "" for none.
func (v *View) ref(name string) (string, error) {
	if !strings.HasPrefix(name, actions.PullPrefix) {
		if err := CheckRef(name); err != nil {
			return "", err
		}
	} else if !validParts(name) {
		return "", actions.Errorf(actions.Invalid, "%q is not a valid ref name", name)
	}
	sha, err := readLoose(filepath.Join(v.git.dir(v.id), filepath.FromSlash(name)))
	if err != nil || sha != "" {
		return sha, err
	}
	err = v.eachPacked(func(n, s string) bool {
		if n == name {
			sha = s
		}
		return sha == ""
	})
	return sha, err
}

// readLoose reads a file that holds one ref; "" when there is none. Symbolic
// refs other than HEAD are never made here and count as none.
func readLoose(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", ignoreMissing(err)
	}
	sha := strings.TrimSpace(string(text))
	if strings.HasPrefix(sha, "ref:") {
		return "", nil
	}
	if !IsSHA(sha) {
		return "", fmt.Errorf("%s: not a ref", path)
	}
	return sha, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// eachPacked calls f for each ref in the packed-refs file until it says stop.
func (v *View) eachPacked(f func(name, sha string) bool) error {
	file, err := os.Open(filepath.Join(v.git.dir(v.id), "packed-refs"))
	if err != nil {
		return ignoreMissing(err)
	}
	defer file.Close()
	return readPacked(file, f)
}

// readPacked is eachPacked of what is in the file.
func readPacked(r io.Reader, f func(name, sha string) bool) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		sha, name, ok := strings.Cut(lines.Text(), " ")
		if !ok || !IsSHA(sha) { // a header, or the commit of the tag above
			continue
		}
		if !f(name, sha) {
			return nil
		}
	}
	return lines.Err()
}
