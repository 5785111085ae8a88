package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what one caller can make this package do. A zero field means
// its default.
type Limits struct {
	PushBytes    int64         // bytes of one pushed pack; 2 GiB
	RepoBytes    int64         // packs of one repository; 20 GiB
	RequestBytes int64         // the request of one fetch; 8 MiB
	Wants        int           // objects that one fetch may ask for by name; 100,000
	MemoryBytes  int64         // heap of one git process that reads a push; 4 GiB, Linux only
	Updates      int           // refs moved by one push; 5000
	Time         time.Duration // one fetch, push or archive; 1 hour
	Readers      int           // processes that read objects, and that answer other questions, at the same time; half of each for one repository; 8
	IdleReaders  int           // such processes kept for later; 16
	Idle         time.Duration // how long they are kept; 30 seconds
}

func (l Limits) withDefaults() Limits {
	or(&l.PushBytes, 2<<30)
	or(&l.RepoBytes, 20<<30)
	or(&l.RequestBytes, 8<<20)
	or(&l.Wants, 100_000)
	or(&l.MemoryBytes, 4<<30)
	or(&l.Updates, 5000)
	or(&l.Time, time.Hour)
	or(&l.Readers, 8)
	or(&l.IdleReaders, 16)
	or(&l.Idle, 30*time.Second)
	return l
}

func or[T int | int64 | time.Duration](v *T, byDefault T) {
	if *v <= 0 {
		*v = byDefault
	}
}

// Git is the set of repositories below one directory. It is safe for
// concurrent use. Several servers may share the directory.
type Git struct {
	root    string
	program string
	env     []string
	limits  Limits
	log     *slog.Logger
	now     func() time.Time
	pool    *pool

	mu    sync.Mutex
	locks map[int64]*repoLock

	advert atomic.Pointer[[]byte] // what every repository answers in protocol version 2
}

// New opens the repositories below root, a directory that it makes if need be.
// It fails where git is missing or too old, or where our hook could not run:
// without the hook, git would take any push.
func New(root string, limits Limits, log *slog.Logger, now func() time.Time) (*Git, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("git is needed to keep repositories: %w", err)
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	g := &Git{
		root:    root,
		program: program,
		limits:  limits.withDefaults(),
		log:     log,
		now:     now,
		locks:   map[int64]*repoLock{},
	}
	g.env = g.environment()
	g.pool = newPool(g.limits)
	if err := g.layOut(); err != nil {
		return nil, err
	}
	if err := g.probe(); err != nil {
		return nil, err
	}
	g.sweepTemporary()
	return g, nil
}

// Close ends the processes that wait for reads. Pushes and fetches end with
// the contexts of their callers.
func (g *Git) Close() error {
	g.pool.close()
	return nil
}

// layOut makes the directories, the configuration and the hook.
func (g *Git) layOut() error {
	for _, dir := range []string{g.root, g.reposDir(), g.temporaryDir(), g.hooksDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := os.Chmod(g.root, 0o700); err != nil {
		return err
	}
	if err := keepFile(g.configFile(), []byte(configText(g.hooksDir(), g.limits)), 0o600); err != nil {
		return err
	}
	if err := keepFile(g.hookFile(), []byte(hookScript), 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(g.hooksDir())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(g.hookFile()) {
			return fmt.Errorf("%s: only our own hook may be here", filepath.Join(g.hooksDir(), e.Name()))
		}
	}
	return errors.Join(syncDir(g.hooksDir()), syncDir(g.root), syncDir(filepath.Dir(g.root)))
}

func (g *Git) reposDir() string     { return filepath.Join(g.root, "repos") }
func (g *Git) temporaryDir() string { return filepath.Join(g.root, "tmp") }
func (g *Git) hooksDir() string     { return filepath.Join(g.root, "hooks") }
func (g *Git) hookFile() string     { return filepath.Join(g.hooksDir(), "pre-receive") }
func (g *Git) configFile() string   { return filepath.Join(g.root, "gitconfig") }

// probe checks the version of git and that the hook can run.
func (g *Git) probe() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := g.command(ctx, "version").Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", g.program, err)
	}
	text := string(bytes.TrimSpace(out))
	var major, minor int
	if _, err := fmt.Sscanf(strings.TrimPrefix(text, "git version "), "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("%s: cannot read the version in %q", g.program, text)
	}
	if major < 2 || major == 2 && minor < 39 { // merge-tree --write-tree came with 2.38
		return fmt.Errorf("%s is %s; version 2.39 or newer is needed", g.program, text)
	}
	hook := exec.CommandContext(ctx, g.hookFile(), "probe")
	hook.Env = g.env
	if err := hook.Run(); err != nil {
		return fmt.Errorf("%s must be on a file system that allows programs to run, with /bin/sh present: %w", g.root, err)
	}
	return nil
}

// sweepTemporary removes what killed servers left in the temporary directory.
func (g *Git) sweepTemporary() {
	entries, err := os.ReadDir(g.temporaryDir())
	if err != nil {
		g.log.Warn("temporary directory not swept", "err", err)
		return
	}
	for _, e := range entries {
		g.removeOld(filepath.Join(g.temporaryDir(), e.Name()))
	}
}

// removeOld removes a file or directory that is too old to be in use.
func (g *Git) removeOld(path string) {
	info, err := os.Lstat(path)
	if err != nil || g.now().Sub(info.ModTime()) < 2*g.limits.Time {
		return
	}
	if err := os.RemoveAll(path); err != nil {
		g.log.Warn("leftover not removed", "path", path, "err", err)
	}
}
