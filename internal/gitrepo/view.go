package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A View reads one repository. The view that a push's Check gets also sees the
// objects that were pushed, while the refs are still as they were; it is of no
// use after Check has returned.
type View struct {
	git        *Git
	id         int64
	quarantine string   // the directory of objects not taken over yet; "" for none
	own        *catFile // the reader of a view in quarantine
	leave      func()   // of a [Draft]
}

// View reads repository id. It costs nothing and need not be closed.
func (g *Git) View(id int64) *View { return &View{git: g, id: id} }

// ID is the number of the repository.
func (v *View) ID() int64 { return v.id }

// command prepares git to look at what v sees.
func (v *View) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := v.git.inRepo(ctx, v.id, args...)
	if v.quarantine != "" {
		cmd.Env = append(cmd.Env,
			"GIT_QUARANTINE_PATH="+v.quarantine,
			"GIT_OBJECT_DIRECTORY="+v.quarantine,
			"GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(v.git.dir(v.id), "objects"))
	}
	return cmd
}

// output runs git and returns what it printed.
func (v *View) output(ctx context.Context, stdin string, args ...string) (string, error) {
	leave, err := v.git.enter(ctx, v)
	if err != nil {
		return "", err
	}
	defer leave()
	cmd := v.command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		var text []byte
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			text = e.Stderr
		}
		return "", fmt.Errorf("repository %d: git %s: %w: %s", v.id, args[0], err, clip(text))
	}
	return string(out), nil
}

// read calls do with a reader of v's objects, and once more if the process
// turns out to be gone.
func (v *View) read(ctx context.Context, do func(*catFile) error) error {
	if v.quarantine == "" {
		leave, err := v.git.pool.enter(ctx, v.id)
		if err != nil {
			return err
		}
		defer leave()
	}
	for first := true; ; first = false {
		c, fresh, err := v.reader()
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
		err = do(c)
		if !stop() {
			c.broken = true
		}
		v.giveBack(c)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errBroken) && first && !fresh:
			v.git.pool.drop(v.id) // its like may be gone, too
		case err != nil:
			return fmt.Errorf("repository %d: %w", v.id, err)
		default:
			return nil
		}
	}
}

// reader finds or starts a reader, and tells which.
func (v *View) reader() (c *catFile, fresh bool, err error) {
	if c, v.own = v.own, nil; c != nil {
		return c, false, nil
	}
	if v.quarantine == "" {
		if c := v.git.pool.take(v.id); c != nil {
			return c, false, nil
		}
	}
	if err := v.git.mustExist(v.id); err != nil {
		return nil, false, err
	}
	// The process outlives the caller; the pool ends it.
	c, err = startCatFile(v.command(context.Background(), "cat-file", "--batch-command"), v.id)
	return c, true, err
}

func (v *View) giveBack(c *catFile) {
	switch {
	case v.quarantine == "":
		v.git.pool.put(c)
	case c.broken:
		c.close()
	default:
		v.own = c
	}
}

// close ends the reader of a view in quarantine.
func (v *View) close() {
	if v.own != nil {
		v.own.close()
		v.own = nil
	}
}

// Resolve finds the commit that rev stands for: a full SHA, HEAD, a full ref,
// else a branch, else a tag, else a name below refs/. An annotated tag gives
// the commit it is about. NotFound when there is none.
func (v *View) Resolve(ctx context.Context, rev string) (string, error) {
	sha, err := v.object(rev)
	if err != nil {
		return "", err
	}
	var o object
	err = v.read(ctx, func(c *catFile) error {
		var err error
		o, err = c.info(sha + "^{commit}")
		return err
	})
	if actions.KindOf(err) == actions.NotFound {
		return "", actions.Errorf(actions.NotFound, "no commit found for %q", rev)
	}
	return o.sha, err
}

// object finds the object that rev names, which may be a tag.
func (v *View) object(rev string) (string, error) {
	if IsSHA(rev) {
		return rev, nil
	}
	names := []string{actions.BranchPrefix + rev, actions.TagPrefix + rev, "refs/" + rev}
	switch {
	case rev == "HEAD":
		branch, err := v.git.Head(v.id)
		if err != nil {
			return "", err
		}
		names = []string{actions.BranchPrefix + branch}
	case strings.HasPrefix(rev, "refs/"):
		names = append([]string{rev}, names...)
	}
	for _, name := range names {
		sha, err := v.ref(name)
		if err != nil && actions.KindOf(err) != actions.Invalid {
			return "", err
		}
		if sha != "" {
			return sha, nil
		}
	}
	return "", actions.Errorf(actions.NotFound, "no commit found for %.200q", rev)
}
