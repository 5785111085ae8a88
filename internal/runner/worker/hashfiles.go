package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hashFilesLimit is how long hashFiles may take.
const hashFilesLimit = 120 * time.Second

// hashFiles computes the function of that name (EXP-12): the SHA-256 of the
// SHA-256 sums of all files below root that the patterns match, "" when there
// is none. It tells warn of what matches and is no file.
func hashFiles(ctx context.Context, root, home string, args []string, warn func(string)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, hashFilesLimit)
	defer cancel()
	follow := len(args) > 0 && args[0] == "--follow-symbolic-links"
	if follow {
		args = args[1:]
	}
	name := "hashFiles('" + strings.Join(args, ", ") + "')"
	globs, err := parseGlobs(strings.Join(args, "\n"), root, home)
	if err != nil {
		return "", problemf("%s failed. Fail to hash files under directory '%s': %v", name, root, err)
	}
	w := walk{ctx: ctx, root: root, follow: follow, globs: globs, warn: warn, sum: sha256.New(), buf: make([]byte, 64<<10)}
	err = w.all()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", problemf("%s couldn't finish within 120 seconds.", name)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", problemf("%s failed. Fail to hash files under directory '%s': %v", name, root, err)
	case w.files == 0:
		return "", nil
	}
	return hex.EncodeToString(w.sum.Sum(nil)), nil
}

// HashFiles is the function of that name outside of a job: root stands for its
// workspace.
func HashFiles(ctx context.Context, root, home string, args []string, warn func(string)) (string, error) {
	return hashFiles(ctx, root, home, args, warn)
}

// A walk goes through the directories in which patterns may match.
type walk struct {
	ctx    context.Context
	root   string
	follow bool
	globs  []glob
	warn   func(string)
	above  []string // directories that the walk is in, links resolved
	sum    hash.Hash
	files  int
	buf    []byte
}

// all starts at the fixed part of each pattern, in their order; one that is
// below another's is reached from there.
func (w *walk) all() error {
	candidate, taken := map[string]bool{}, map[string]bool{}
	for _, g := range w.globs {
		if !g.negate {
			candidate[g.search] = true
		}
	}
	for _, g := range w.globs {
		if g.negate || taken[g.search] || hasAncestor(g.search, candidate) {
			continue
		}
		taken[g.search] = true
		positions := make([]position, len(w.globs))
		for i := range w.globs {
			positions[i] = w.globs[i].start()
			for _, name := range names(g.search) {
				positions[i] = w.globs[i].next(positions[i], name)
			}
		}
		if _, err := os.Lstat(g.search); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := w.visit(g.search, positions); err != nil {
			return err
		}
	}
	return nil
}

func hasAncestor(path string, candidate map[string]bool) bool {
	for parent := filepath.Dir(path); ; parent = filepath.Dir(path) {
		if parent == path {
			return false
		}
		if candidate[parent] {
			return true
		}
		path = parent
	}
}

func (w *walk) visit(path string, positions []position) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	matches, mayMatch := false, false
	for i := range w.globs {
		g := &w.globs[i]
		mayMatch = mayMatch || !g.negate && len(positions[i]) > 0
		if g.done(positions[i]) && !g.dirsOnly {
			matches = !g.negate
		}
	}
	if !matches && !mayMatch {
		return nil
	}
	info, err := w.stat(path)
	switch {
	case w.follow && errors.Is(err, fs.ErrNotExist):
		return nil // a link to nowhere
	case err != nil:
		return err
	case info.IsDir():
		return w.enter(path, positions)
	case matches && strings.HasPrefix(path, w.root+"/"):
		return w.add(path)
	}
	return nil
}

func (w *walk) stat(path string) (fs.FileInfo, error) {
	if w.follow {
		return os.Stat(path)
	}
	return os.Lstat(path)
}

// enter visits the entries of a directory in the order of their bytes. A link
// that leads back up ends there.
func (w *walk) enter(dir string, positions []position) error {
	if w.follow {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return err
		}
		if slices.Contains(w.above, real) {
			return nil
		}
		w.above = append(w.above, real)
		defer func() { w.above = w.above[:len(w.above)-1] }()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	below := make([]position, len(positions))
	for _, entry := range entries {
		for i := range w.globs {
			below[i] = w.globs[i].next(positions[i], entry.Name())
		}
		if err := w.visit(filepath.Join(dir, entry.Name()), below); err != nil {
			return err
		}
	}
	return nil
}

// add hashes one file; a link to a directory counts as none. To read a named pipe
// would take until somebody writes to it.
func (w *walk) add(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	if what := special(info.Mode()); what != "" {
		w.warn(path + " is left out: it is " + what + ", not a file")
		return nil
	}
	sum, err := sumOf(w.ctx, path, w.buf)
	if err != nil {
		return err
	}
	_, _ = w.sum.Write(sum) // never fails
	w.files++
	return nil
}

// special says what it is that has no contents as a file has them; empty for a file.
func special(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}
