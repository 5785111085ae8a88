package gitrepo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A repoLock is this process's half of the lock of one repository. Inside the
// process who comes waits at the channel; between processes there is a flock.
type repoLock struct {
	held   chan struct{} // room for one
	mended bool          // leftovers were removed; read and written by the holder
}

// openLock opens the file whose flock guards the refs of a repository. The
// lock belongs to what is opened, so a process that inherits the file holds
// the lock, too, until it ends.
func (g *Git) openLock(id int64) (*os.File, error) {
	return os.OpenFile(filepath.Join(g.dir(id), "understudy.lock"), os.O_CREATE|os.O_RDWR, 0o600)
}

// lockRepo waits until nobody, in this process or another, moves refs.
func (g *Git) lockRepo(ctx context.Context, id int64) (unlock func(), err error) {
	f, err := g.openLock(id)
	if err != nil {
		return nil, err
	}
	release, err := g.lock(ctx, id, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		release()
		_ = f.Close()
	}, nil
}

// lock is lockRepo with a file that the caller opened, and closes.
func (g *Git) lock(ctx context.Context, id int64, f *os.File) (unlock func(), err error) {
	l := g.repoLock(id)
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := flock(ctx, f); err != nil {
		<-l.held
		return nil, err
	}
	if !l.mended {
		g.mend(id)
		l.mended = true
	}
	return func() {
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // also of a child that lingers
		<-l.held
	}, nil
}

func (g *Git) repoLock(id int64) *repoLock {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.locks[id]
	if l == nil {
		l = &repoLock{held: make(chan struct{}, 1)}
		g.locks[id] = l
	}
	return l
}

// flock waits for another process, which is rare: a second server, or git
// that a killed server left behind.
func flock(ctx context.Context, f *os.File) error {
	pause := &backoff.ExponentialBackOff{InitialInterval: time.Millisecond, Multiplier: 2, MaxInterval: 100 * time.Millisecond}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mend removes what git leaves when power fails or it is killed: lock files,
// which would stop every later update, and old quarantines. Whoever holds the
// repository's lock knows that no git process owns a lock file now.
func (g *Git) mend(id int64) {
	dir := g.dir(id)
	remove := func(path string) {
		if err := os.Remove(path); err == nil {
			g.log.Warn("lock file of a dead process removed", "repo", id, "path", path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			g.log.Warn("lock file not removed", "repo", id, "path", path, "err", err)
		}
	}
	for _, name := range []string{"HEAD.lock", "packed-refs.lock", "packed-refs.new"} {
		remove(filepath.Join(dir, name))
	}
	err := filepath.WalkDir(filepath.Join(dir, "refs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".lock") {
			remove(path)
		}
		return ignoreMissing(err)
	})
	if err != nil {
		g.log.Warn("refs not searched for lock files", "repo", id, "err", err)
	}
	g.sweepQuarantines(id)
}

// sweepQuarantines removes the quarantines that git processes of long ago have
// left, because they were killed.
func (g *Git) sweepQuarantines(id int64) {
	objects := filepath.Join(g.dir(id), "objects")
	entries, err := os.ReadDir(objects)
	if err != nil {
		g.log.Warn("objects not searched for quarantines", "repo", id, "err", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tmp_objdir-") || strings.HasPrefix(e.Name(), "incoming-") {
			g.removeOld(filepath.Join(objects, e.Name()))
		}
	}
}
