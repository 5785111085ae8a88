package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	manyPacks = 50  // each push brings one
	manyRefs  = 500 // in files of their own
)

// Maintain keeps a repository fast. Each push adds a pack and a file per ref;
// when there are many of them, they are put together. No object is ever
// dropped. It may run beside pushes and fetches, is quick when there is
// nothing to do, and git never does the like by itself.
func (g *Git) Maintain(ctx context.Context, id int64) error {
	if err := g.mustExist(id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.limits.Time)
	defer cancel()
	packs, err := filepath.Glob(filepath.Join(globQuote(g.dir(id)), "objects", "pack", "*.pack"))
	if err != nil {
		return err
	}
	if len(packs) >= manyPacks {
		// Packs grow in steps of two, so that each object is copied rarely.
		cmd := g.inRepo(ctx, id, "repack", "-d", "-l", "-q", "--geometric=2")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("repository %d: git repack: %w: %s", id, err, clip(out))
		}
		g.pool.drop(id) // they hold the old packs open
	}
	return g.packRefs(ctx, id)
}

// packRefs puts refs into one file. The git process inherits the lock, as that
// of a push does: see Receive.
func (g *Git) packRefs(ctx context.Context, id int64) error {
	loose := 0
	err := filepath.WalkDir(filepath.Join(g.dir(id), "refs"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			loose++
		}
		return ignoreMissing(err)
	})
	if err != nil || loose < manyRefs {
		return err
	}
	f, err := g.openLock(id)
	if err != nil {
		return err
	}
	defer f.Close()
	unlock, err := g.lock(ctx, id, f)
	if err != nil {
		return err
	}
	defer unlock()
	cmd := g.inRepo(ctx, id, "pack-refs", "--all")
	cmd.ExtraFiles = []*os.File{f}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("repository %d: git pack-refs: %w: %s", id, err, clip(out))
	}
	return errors.Join(syncDir(g.dir(id)), syncDir(filepath.Join(g.dir(id), "refs")))
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
