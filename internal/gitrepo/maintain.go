package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	manyPacks = 50  // each push brings one
	manyRefs  = 500 // in files of their own

	lowPriority = 10 // nice value of a process that nobody waits for
)

// Maintain keeps a repository fast. Each push adds a pack and a file per ref;
// when there are many of them, they are put together. No object is ever
// dropped. It may run beside pushes and fetches, of which only refs that move wait,
// while refs are put together; is quick when there is nothing to do; and git never
// does the like by itself. Where another process works on the repository, another
// server or git that a killed one left behind, it leaves that alone.
func (g *Git) Maintain(ctx context.Context, id int64) error {
	if err := g.mustExist(id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.limits.Time)
	defer cancel()
	f, err := os.OpenFile(filepath.Join(g.dir(id), "understudy-maintenance.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil
	case err != nil:
		return err
	}
	if err := g.joinPacks(ctx, id, f); err != nil {
		return err
	}
	return g.packRefs(ctx, id)
}

// joinPacks makes few packs of many. Packs grow in steps of two, so that each
// object is copied rarely. The git process inherits the lock.
func (g *Git) joinPacks(ctx context.Context, id int64, lock *os.File) error {
	dir := filepath.Join(g.dir(id), "objects", "pack")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	packs := 0
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "tmp_"), strings.HasPrefix(name, ".tmp-"):
			g.removeOld(filepath.Join(dir, name)) // of git that was killed
		case strings.HasSuffix(name, ".pack"):
			packs++
		}
	}
	if packs < manyPacks {
		return nil
	}
	cmd := g.inRepo(ctx, id, "-c", "pack.threads=1", "repack", "-d", "-l", "-q", "--geometric=2")
	cmd.ExtraFiles = []*os.File{lock}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("repository %d: git repack: %w", id, err)
	}
	_ = unix.Setpriority(unix.PRIO_PGRP, cmd.Process.Pid, lowPriority) // it may have ended
	limitMemory(cmd.Process.Pid, g.limits.MemoryBytes)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("repository %d: git repack: %w: %s", id, err, clip(out.Bytes()))
	}
	g.pool.drop(id) // they hold the old packs open
	g.log.InfoContext(ctx, "packs joined", "repo", id, "packs", packs)
	return nil
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
