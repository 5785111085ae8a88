package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Draft is a view of a repository in which git may make objects: merges and commits
// that nobody has asked to keep yet. They lie in a directory of their own. [Draft.Keep]
// and [Git.MoveTo] take what a commit needs over into the repository; Close removes the rest.
type Draft struct {
	View
	limit int64 // bytes that may be taken over
}

// Draft makes one, for at most as many at once as there are readers.
func (g *Git) Draft(ctx context.Context, id int64) (*Draft, error) {
	if err := g.mustExist(id); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(g.temporaryDir(), "draft-*")
	if err != nil {
		return nil, err
	}
	leave, err := g.pool.runs.Enter(ctx, id, g.pool.each)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &Draft{View: View{git: g, id: id, quarantine: dir, leave: leave}, limit: g.limits.PushBytes}, nil
}

// Close removes what was not taken over.
func (s *Draft) Close() {
	s.close()
	s.leave()
	if err := os.RemoveAll(s.quarantine); err != nil {
		s.git.log.Warn("draft not removed", "repo", s.id, "path", s.quarantine, "err", err)
	}
}

// Commit makes the commit c of its tree, parents, message and people, and sets its SHA.
func (s *Draft) Commit(ctx context.Context, c *Commit) error {
	if err := checkSHA(c.Tree); err != nil {
		return err
	}
	for _, p := range c.Parents {
		if err := checkSHA(p); err != nil {
			return err
		}
	}
	o := c.newCommit()
	c.SHA = o.SHA()
	_, err := s.output(ctx, string(o.data), "hash-object", "-w", "-t", "commit", "--stdin")
	return err
}

// pack writes the objects that a commit needs and the repository does not have yet to w;
// below are commits that it has.
func (s *Draft) pack(ctx context.Context, sha string, below []string, w io.Writer) error {
	var input strings.Builder
	input.WriteString(sha + "\n")
	for _, b := range below {
		if err := checkSHA(b); err != nil {
			return err
		}
		input.WriteString("^" + b + "\n")
	}
	var stderr tail
	cmd := s.command(ctx, "pack-objects", "--revs", "--stdout", "-q")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input.String()), &bounded{w, s.limit}, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("repository %d: git pack-objects: %w: %s", s.id, err, stderr.String())
	}
	return nil
}

// A bounded writer takes no more than its bytes.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, actions.Errorf(actions.Invalid, "the objects are too large together")
	}
	return b.w.Write(p)
}

// Keep takes a commit, with all that it needs, over into the repository, durably. A ref
// has to lead to it soon, or else it is removed one day. below are commits that the
// repository has.
func (s *Draft) Keep(ctx context.Context, sha string, below ...string) error {
	var packed bytes.Buffer
	if err := s.pack(ctx, sha, below, &packed); err != nil {
		return err
	}
	return s.git.takeIn(ctx, s.id, &packed)
}

// MoveTo is [Git.Move] to a commit of a draft. below are commits that the repository has.
func (g *Git) MoveTo(ctx context.Context, s *Draft, u actions.RefUpdate, below []string, o ReceiveOptions) error {
	var packed bytes.Buffer
	if err := s.pack(ctx, u.After, below, &packed); err != nil {
		return err
	}
	return g.move(ctx, s.id, u, packed.Bytes(), o)
}

// takeIn adds the objects of a pack to a repository, durably.
func (g *Git) takeIn(ctx context.Context, id int64, packed io.Reader) error {
	if err := g.checkRoom(id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.limits.Time)
	defer cancel()
	var stderr tail
	cmd := g.inRepo(ctx, id, "index-pack", "--stdin", "--fix-thin", "--strict", fmt.Sprintf("--max-input-size=%d", g.limits.PushBytes))
	cmd.Stdin, cmd.Stderr = packed, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("repository %d: git index-pack: %w: %s", id, err, stderr.String())
	}
	dir := filepath.Join(g.dir(id), "objects")
	return errors.Join(syncDir(filepath.Join(dir, "pack")), syncDir(dir))
}

// checkRoom refuses what would be added to a repository that is as large as it may be.
func (g *Git) checkRoom(id int64) error {
	size, err := packSize(filepath.Join(g.dir(id), "objects", "pack"))
	if err == nil && size > g.limits.RepoBytes {
		err = actions.Errorf(actions.Forbidden, "the repository takes no more: it is larger than %d bytes", g.limits.RepoBytes)
	}
	return err
}

// Take adds what the commits need to a repository, out of another one. It is durable
// when Take returns; a ref has to lead there soon.
func (g *Git) Take(ctx context.Context, into, from int64, shas []string) error {
	if err := errors.Join(g.mustExist(into), g.mustExist(from), g.checkRoom(into)); err != nil {
		return err
	}
	var wanted strings.Builder
	for _, sha := range shas {
		if err := checkSHA(sha); err != nil {
			return err
		}
		wanted.WriteString(sha + "\n")
	}
	refs, err := g.View(into).Refs(ctx, "refs/")
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range refs {
		if !known[r.SHA] {
			known[r.SHA] = true
			wanted.WriteString("^" + r.SHA + "\n")
		}
	}
	leave, err := g.pool.runs.Enter(ctx, into, g.pool.each)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, g.limits.Time)
	defer cancel()
	both := func(args ...string) *exec.Cmd {
		cmd := g.inRepo(ctx, into, args...)
		cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(g.dir(from), "objects"))
		cmd.Stdin = strings.NewReader(wanted.String())
		return cmd
	}
	new, err := both("rev-list", "--objects", "--max-count=1", "--stdin").Output()
	if err != nil {
		return fmt.Errorf("repository %d: commits of repository %d: %w", into, from, err)
	}
	if len(bytes.TrimSpace(new)) == 0 {
		return nil
	}
	var stderr tail
	packs := both("pack-objects", "--revs", "--stdout", "--thin", "-q")
	packs.Stderr = &stderr
	packed, err := packs.StdoutPipe()
	if err == nil {
		err = packs.Start()
	}
	if err != nil {
		return err
	}
	limitMemory(packs.Process.Pid, g.limits.MemoryBytes)
	err = g.takeIn(ctx, into, packed)
	if err != nil {
		cancel() // nobody reads the rest
	}
	if e := packs.Wait(); e != nil {
		err = errors.Join(err, fmt.Errorf("repository %d: git pack-objects: %w: %s", from, e, stderr.String()))
	}
	return err
}

// mergeTime is what making a merge or a rebase may take.
const mergeTime = 20 * time.Second
