package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Scratch is a bare repository that lives for a short time, to bring commits of other
// hosts here. Only what [Scratch.Remote] names is ever asked over a network: no
// submodule, no other promisor, no credential helper, no netrc.
type Scratch struct {
	git    *Git
	dir    string // the repository
	limits ScratchLimits
	scheme string // protocol of the remote; empty for none
}

// ScratchLimits bound what is brought into a scratch repository.
type ScratchLimits struct {
	Bytes int64         // of one file that git writes, a pack above all
	Time  time.Duration // of one command
}

// A Remote is where a scratch repository fetches from.
type Remote struct {
	URL           string // http or https; with Local the path of a repository or a bundle
	Local         bool
	Proxy         string // that all connections go through; it decides where they may lead
	Authorization string // header for the host of the URL; empty for none
	CAFile        string // that its certificate is checked by; empty for those of the system
}

// maxRefs is how many bytes of names a host may answer.
const maxRefs = 32 << 20

// NewScratch makes an empty repository. The caller closes it.
func (g *Git) NewScratch(ctx context.Context, l ScratchLimits) (*Scratch, error) {
	tmp, err := os.MkdirTemp(g.temporaryDir(), "scratch-*")
	if err != nil {
		return nil, err
	}
	s := &Scratch{git: g, dir: filepath.Join(tmp, "new.git"), limits: l}
	cmd := g.command(ctx, "init", "--quiet", "--bare", "--template=", "--object-format="+HashAlgorithm, "--initial-branch=main", "--", s.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("git init: %w: %s", err, clip(out)), s.Close())
	}
	return s, nil
}

// Close removes the repository.
func (s *Scratch) Close() error { return os.RemoveAll(filepath.Dir(s.dir)) }

const remoteName = "upstream"

// Remote says where to fetch from. What it holds goes into a file that only this user
// can read, and never into the arguments or the environment of a process.
func (s *Scratch) Remote(r Remote) error {
	s.scheme = "file"
	if !r.Local {
		s.scheme, _, _ = strings.Cut(r.URL, "://")
		if s.scheme != "http" && s.scheme != "https" {
			return actions.Errorf(actions.Invalid, "%.100q is not an http or https URL", r.URL)
		}
	}
	var b strings.Builder
	section := func(name string, pairs ...string) {
		fmt.Fprintf(&b, "[%s]\n", name)
		for i := 0; i < len(pairs); i += 2 {
			fmt.Fprintf(&b, "\t%s = %s\n", pairs[i], quoted(pairs[i+1]))
		}
	}
	section(`remote "`+remoteName+`"`, "url", r.URL)
	// The proxy lets connections lead to the host of the URL only, also after a redirect.
	section("http", "proxy", r.Proxy, "followRedirects", "true", "userAgent", "understudy", "emptyAuth", "false")
	if r.CAFile != "" {
		section("http", "sslCAInfo", r.CAFile)
	}
	if r.Authorization != "" {
		section("http "+quoted(r.URL), "extraHeader", "Authorization: "+r.Authorization)
	}
	section("credential", "helper", "")
	for _, id := range toleratedFsck {
		section(`fetch "fsck"`, id, "ignore")
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(b.String())
	return errors.Join(err, f.Chmod(0o600), f.Close())
}

// toleratedFsck are what configTemplate ignores of pushes, too.
var toleratedFsck = []string{"badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode"}

// quoted is a value as a configuration file has it.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}

// run runs git in the repository; network is whether it may ask the remote.
func (s *Scratch) run(ctx context.Context, network bool, stdin io.Reader, stdout io.Writer, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Time)
	defer cancel()
	cmd := s.git.command(ctx, append([]string{"--git-dir=" + s.dir, "-c", "pack.threads=1"}, args...)...)
	allowed := "none" // whatever the objects of a partial clone ask for
	if network {
		allowed = s.scheme
	}
	cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL="+allowed, "GIT_PROTOCOL_FROM_USER=0", "HOME="+s.dir)
	var stderr tail
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	limitMemory(cmd.Process.Pid, s.git.limits.MemoryBytes)
	limitFiles(cmd.Process.Pid, s.limits.Bytes)
	err := cmd.Wait()
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return actions.Errorf(actions.Unavailable, "git %s took longer than %s", args[0], s.limits.Time)
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(err.Error(), "file size limit exceeded") || fileTooLarge.MatchString(stderr.String()):
		return actions.Errorf(actions.Invalid, "more than %d MiB", s.limits.Bytes>>20)
	case network && remoteLacks.MatchString(stderr.String()):
		return actions.Errorf(actions.NotFound, "%s", stderr.String())
	case network:
		return actions.Errorf(actions.Unavailable, "%s", stderr.String())
	}
	return fmt.Errorf("git %s: %w: %s", args[0], err, stderr.String())
}

// What git says where a limit of its size stops it, and where there is no such
// repository. A host that wants to know who asks says that of what it does not have, too.
var (
	fileTooLarge = regexp.MustCompile(`File too large|died of signal 25`)
	remoteLacks  = regexp.MustCompile(`repository '[^']*' not found|could not read Username|Authentication failed|does not appear to be a git repository|couldn't find remote ref|not our ref|no such remote ref`)
)

// A RemoteRef is a branch or tag of the remote.
type RemoteRef struct {
	Name   string // in full
	SHA    string
	Commit string // where SHA is an annotated tag: what it is about
}

// Refs lists branches and tags of the remote: those of the names, or all.
func (s *Scratch) Refs(ctx context.Context, names ...string) ([]RemoteRef, error) {
	args := []string{"ls-remote", "--quiet", remoteName}
	if len(names) == 0 {
		args = []string{"ls-remote", "--quiet", "--heads", "--tags", remoteName}
	}
	for _, name := range names {
		if err := CheckRef(name); err != nil {
			return nil, err
		}
		if args = append(args, name); strings.HasPrefix(name, actions.TagPrefix) {
			args = append(args, name+"^{}")
		}
	}
	var out bytes.Buffer
	all := &capped{w: &out, left: maxRefs}
	if err := s.run(ctx, true, nil, all, args...); all.left < 0 {
		return nil, actions.Errorf(actions.Invalid, "the names of the repository's branches and tags are more than %d MiB", maxRefs>>20)
	} else if err != nil {
		return nil, err
	}
	var refs []RemoteRef
	at := make(map[string]int)
	for line := range strings.Lines(out.String()) {
		sha, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		tag, peeled := strings.CutSuffix(name, "^{}")
		i, known := at[tag]
		switch {
		case !ok || !IsSHA(sha) || CheckRef(tag) != nil:
		case peeled && known:
			refs[i].Commit = sha
		case !peeled:
			at[name] = len(refs)
			refs = append(refs, RemoteRef{Name: name, SHA: sha, Commit: sha})
		}
	}
	return refs, nil
}

// A capped writer fails when it has got too much.
type capped struct {
	w    io.Writer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, io.ErrShortWrite
	}
	return c.w.Write(p)
}

// FetchCommit fetches a ref, in full, or an object of the remote, without what came
// before it, and returns its commit.
func (s *Scratch) FetchCommit(ctx context.Context, what string) (string, error) {
	if !IsSHA(what) {
		if err := CheckRef(what); err != nil {
			return "", err
		}
	}
	err := s.run(ctx, true, nil, nil, "fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head", "--no-recurse-submodules",
		"--no-auto-maintenance", remoteName, "+"+what+":refs/understudy/fetched")
	if err != nil {
		return "", err
	}
	return s.commit(ctx, "refs/understudy/fetched")
}

// commit is the commit that a name of ours means.
func (s *Scratch) commit(ctx context.Context, name string) (string, error) {
	var out bytes.Buffer
	if err := s.run(ctx, false, nil, &out, "rev-parse", "--verify", "--quiet", name+"^{commit}"); err != nil {
		return "", actions.Errorf(actions.NotFound, "%s is no commit", name)
	}
	sha := strings.TrimSpace(out.String())
	return sha, checkSHA(sha)
}

// FetchHistory fetches the commits of all branches and tags, and none of their files
// where the remote can leave them out.
func (s *Scratch) FetchHistory(ctx context.Context) error {
	return s.run(ctx, true, nil, nil, "fetch", "--quiet", "--no-tags", "--filter=tree:0", "--no-write-fetch-head", "--no-recurse-submodules",
		"--no-auto-maintenance", remoteName, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
}

// Reaches says whether a branch or tag that was fetched with its history has a commit.
func (s *Scratch) Reaches(ctx context.Context, sha string) (bool, error) {
	if err := checkSHA(sha); err != nil {
		return false, err
	}
	if _, err := s.commit(ctx, sha); err != nil {
		return false, nil //nolint:nilerr // there is no such commit
	}
	var out bytes.Buffer
	err := s.run(ctx, false, nil, &out, "for-each-ref", "--count=1", "--contains="+sha, "--format=%(refname)", "refs/heads", "refs/tags")
	return out.Len() > 0, err
}

// Pack writes the objects of a commit, without those of the commits before it.
func (s *Scratch) Pack(ctx context.Context, sha string, w io.Writer) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	if err := s.cutAt(sha); err != nil {
		return err
	}
	return s.run(ctx, false, strings.NewReader(sha+"\n"), w, "pack-objects", "--quiet", "--revs", "--stdout", "--delta-base-offset", "--window=0")
}

// Unpack takes over the objects of a commit that Pack has written, and checks that it
// is all there and what its name says.
func (s *Scratch) Unpack(ctx context.Context, sha string, pack io.Reader) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	if err := s.cutAt(sha); err != nil {
		return err
	}
	strict := "--strict=" + strings.Join(toleratedFsck, "=ignore,") + "=ignore"
	if err := s.run(ctx, false, pack, nil, "index-pack", "--stdin", strict); err != nil {
		return actions.Errorf(actions.Invalid, "the objects of commit %s: %w", sha, err)
	}
	found, err := s.commit(ctx, sha)
	if err == nil && found != sha {
		err = actions.Errorf(actions.Invalid, "%s is no commit", sha)
	}
	if err == nil {
		err = s.run(ctx, false, nil, nil, "rev-list", "--objects", "--quiet", sha)
	}
	if err != nil {
		err = actions.Errorf(actions.Invalid, "the objects of commit %s: %w", sha, err)
	}
	return err
}

// cutAt lets the history begin with a commit.
func (s *Scratch) cutAt(sha string) error {
	return os.WriteFile(filepath.Join(s.dir, "shallow"), []byte(sha+"\n"), 0o600)
}

// Archive writes the files of a commit as a tar, in one directory named prefix.
func (s *Scratch) Archive(ctx context.Context, sha, prefix string, w io.Writer) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	if len(prefix) > maxArchivePrefix || !archivePrefix.MatchString(prefix) {
		return actions.Errorf(actions.Invalid, "%.50q cannot be the directory of an archive", prefix)
	}
	return s.run(ctx, false, nil, w, "archive", "--format=tar", "--prefix="+prefix+"/", sha)
}

// A ScratchFile is a file of a commit that is made here.
type ScratchFile struct {
	Path string // from the top, with slashes
	Mode string // 100644, 100755 or 120000
	Size int64
	Data io.Reader
}

// CommitFiles makes a commit of files, and returns it. Of the same files it is always
// the same.
func (s *Scratch) CommitFiles(ctx context.Context, message string, next func() (*ScratchFile, error)) (string, error) {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := writeFiles(pw, message, next)
		pw.CloseWithError(err)
		done <- err
	}()
	err := s.run(ctx, false, pr, nil, "fast-import", "--quiet", "--done")
	pr.CloseWithError(io.ErrClosedPipe)
	if werr := <-done; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		err = werr
	}
	if err != nil {
		return "", err
	}
	sha, err := s.commit(ctx, "refs/heads/main")
	if err == nil {
		err = s.run(ctx, false, nil, nil, "fsck", "--strict", "--no-dangling", "--no-progress")
	}
	return sha, err
}

// writeFiles writes a commit as git fast-import reads it. Text has its length before it.
func writeFiles(w io.Writer, message string, next func() (*ScratchFile, error)) error {
	const who = "Understudy <noreply@understudy.invalid> 315532800 +0000"
	_, err := fmt.Fprintf(w, "commit refs/heads/main\nauthor %s\ncommitter %s\ndata %d\n%s\n", who, who, len(message), message)
	for err == nil {
		var f *ScratchFile
		if f, err = next(); err != nil {
			break
		}
		if !validPath(f.Path) || f.Mode != "100644" && f.Mode != "100755" && f.Mode != "120000" {
			return actions.Errorf(actions.Invalid, "%.200q cannot be a file of a commit", f.Path)
		}
		if _, err = fmt.Fprintf(w, "M %s inline %s\ndata %d\n", f.Mode, pathQuoted(f.Path), f.Size); err != nil {
			break
		}
		var n int64
		if n, err = io.Copy(w, io.LimitReader(f.Data, f.Size)); err == nil && n != f.Size {
			err = fmt.Errorf("%s: %w", f.Path, io.ErrUnexpectedEOF)
		}
		if err == nil {
			_, err = io.WriteString(w, "\n")
		}
	}
	if errors.Is(err, io.EOF) {
		_, err = io.WriteString(w, "\ndone\n")
	}
	return err
}

func validPath(p string) bool {
	if p == "" || len(p) > maxPath || strings.ContainsRune(p, 0) {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return false
		}
	}
	return true
}

// pathQuoted is a path as git fast-import reads it.
func pathQuoted(p string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(p) + `"`
}
