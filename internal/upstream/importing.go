package upstream

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// maxImported is how many branches and tags one import brings in.
const maxImported = 1000

// An Import is what an operator brings in.
type Import struct {
	Name string // "owner/repo"
	Ref  string // as workflows will write it; empty for all branches and tags of a git source
	From string // the URL or path of a git repository, a bundle, a tarball or a directory of files
}

// Import keeps what an operator brings in, and calls each with what was kept and the names
// that mean it. Commits of git sources stay what they are. Files without git get a commit
// that is made here: it has a SHA, and never answers for one.
func (u *Upstream) Import(ctx context.Context, in Import, each func(a *actions.KeptAction, refs []string)) error {
	if err := u.mayImport(ctx, in.Name); err != nil {
		return err
	}
	if in.Ref != "" && !gitrepo.IsSHA(in.Ref) && refNames(in.Ref) == nil {
		return actions.Errorf(actions.Invalid, "%.100q cannot be the name of a branch or tag, and is no full SHA", in.Ref)
	}
	if strings.HasPrefix(in.From, "http://") || strings.HasPrefix(in.From, "https://") {
		return u.importURL(ctx, in, each)
	}
	at, err := filepath.Abs(in.From)
	if err != nil {
		return err
	}
	kind, err := kindOf(at)
	if err != nil {
		return err
	}
	if kind == gitSource {
		return u.importGit(ctx, in, &getter{u: u, host: new(Host), name: in.Name, path: at}, each)
	}
	if in.Ref == "" || gitrepo.IsSHA(in.Ref) {
		return actions.Errorf(actions.Invalid, "%s has files and no commits of git: say which version they are, as %s@v1", in.From, in.Name)
	}
	return u.importFiles(ctx, in, at, kind, each)
}

// mayImport says why no action of that name may be brought in.
func (u *Upstream) mayImport(ctx context.Context, name string) error {
	owner, repo, _ := strings.Cut(name, "/")
	if actions.CheckRepositoryName(repo) != nil || actions.CheckRepositoryName(owner) != nil {
		return actions.Errorf(actions.Invalid, "%.100q is not as OWNER/REPO", name)
	}
	own, err := u.Store.EverOwned(ctx, owner)
	if err == nil && own {
		err = actions.Errorf(actions.Conflict, "%s has, or had, an account on this server: what belongs to it comes from its repositories here only. Push %s to this server instead", owner, name)
	}
	return err
}

// importURL imports from a host of git repositories, which the operator has named.
func (u *Upstream) importURL(ctx context.Context, in Import, each func(*actions.KeptAction, []string)) error {
	h, err := ParseHost(in.From)
	if err != nil {
		return err
	}
	h.Private = true // it was named, and by somebody who may
	for _, listed := range u.Hosts {
		if scheme(listed.URL) == scheme(h.URL) && listed.name == h.name && listed.port == h.port {
			h.Authorization = listed.Authorization
		}
	}
	whole := h.URL
	rest := strings.TrimPrefix(whole, scheme(whole)+"://")
	host, _, _ := strings.Cut(rest, "/")
	h.URL = scheme(whole) + "://" + host
	t, err := u.open(ctx, h)
	if err != nil {
		return err
	}
	err = u.importGit(ctx, in, &getter{u: u, host: h, name: in.Name, proxy: t.proxy(), url: whole}, each)
	if refused := t.close(); err != nil && refused != nil {
		err = refused
	}
	return err
}

// importGit imports commits of a git repository.
func (u *Upstream) importGit(ctx context.Context, in Import, g *getter, each func(*actions.KeptAction, []string)) error {
	wants, err := g.wants(ctx, in.Ref)
	if err != nil {
		return err
	}
	for _, w := range wants {
		if err := g.bring(ctx, w, each); err != nil {
			return fmt.Errorf("%s@%s: %w", in.Name, strings.Join(append(w.refs, w.from), " "), err)
		}
	}
	return nil
}

// A want is a commit, by what it is fetched, and the names that will mean it.
type want struct {
	from string
	refs []string
}

// wants is what there is of a ref, or of all.
func (g *getter) wants(ctx context.Context, ref string) ([]want, error) {
	if gitrepo.IsSHA(ref) {
		return []want{{from: ref}}, nil
	}
	s, err := g.scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	refs, err := s.Refs(ctx)
	if err != nil {
		return nil, err
	}
	if ref != "" {
		at := pick(refNames(ref), refs)
		if at == nil {
			return nil, missing(ref)
		}
		return []want{{at.Name, []string{ref}}}, nil
	}
	var wants []want
	index := make(map[string]int) // by commit
	named := make(map[string]bool)
	for _, prefix := range []string{actions.BranchPrefix, actions.TagPrefix} { // a branch is found before a tag
		for _, r := range refs {
			short, ok := strings.CutPrefix(r.Name, prefix)
			if !ok || named[short] {
				continue
			}
			named[short] = true
			i, known := index[r.Commit]
			if !known {
				i = len(wants)
				index[r.Commit] = i
				wants = append(wants, want{from: r.Name})
			}
			wants[i].refs = append(wants[i].refs, short)
		}
	}
	switch {
	case len(wants) == 0:
		return nil, actions.Errorf(actions.NotFound, "it has no branch and no tag")
	case len(named) > maxImported:
		return nil, actions.Errorf(actions.Invalid, "it has %d branches and tags, and %d may be brought in at once: name one, as OWNER/REPO@REF", len(named), maxImported)
	}
	return wants, nil
}

// bring brings a commit here.
func (g *getter) bring(ctx context.Context, w want, each func(*actions.KeptAction, []string)) error {
	s, err := g.scratch(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	sha, err := s.FetchCommit(ctx, w.from)
	if err != nil {
		return err
	}
	f, err := g.u.keep(ctx, s, &actions.KeptAction{Name: g.name, SHA: sha, Origin: actions.Imported, Host: g.host.URL}, g.u.Now(), w.refs...)
	if err == nil {
		each(f.Action, w.refs)
	}
	return err
}

// A sourceKind is what an operator names on this machine.
type sourceKind int

const (
	gitSource sourceKind = iota // a repository or a bundle
	directory
	tarball
)

// bundleMark is how a bundle of git begins.
var bundleMark = []byte("# v")

func kindOf(at string) (sourceKind, error) {
	info, err := os.Stat(at)
	if err != nil {
		return 0, err
	}
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(at, name))
		return err == nil
	}
	if info.IsDir() {
		if has(".git") || has("HEAD") && has("objects") && has("refs") {
			return gitSource, nil
		}
		return directory, nil
	}
	f, err := os.Open(at)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("%s: %w", at, err)
	}
	if bytes.HasPrefix(head[:n], bundleMark) && bytes.Contains(head[:n], []byte(" git bundle")) {
		return gitSource, nil
	}
	return tarball, nil
}

// importFiles imports files without git.
func (u *Upstream) importFiles(ctx context.Context, in Import, at string, kind sourceKind, each func(*actions.KeptAction, []string)) error {
	s, err := u.Git.NewScratch(ctx, gitrepo.ScratchLimits{Bytes: u.Limits.Bytes, Time: u.Limits.Fetch})
	if err != nil {
		return err
	}
	defer s.Close()
	files := &fileList{left: u.Limits.Files}
	var next func() (*gitrepo.ScratchFile, error)
	if kind == directory {
		next, err = files.directory(at)
	} else {
		var done func() error
		if next, done, err = files.tarball(at); err == nil {
			defer func() { _ = done() }() // it was read
		}
	}
	if err != nil {
		return err
	}
	sha, err := s.CommitFiles(ctx, "Files of "+in.Name+", imported without their commit\n", next)
	if err != nil {
		return err
	}
	if !files.action {
		return actions.Errorf(actions.Invalid, "%s has no action.yml, action.yaml or Dockerfile in any directory", in.From)
	}
	f, err := u.keep(ctx, s, &actions.KeptAction{Name: in.Name, SHA: sha, Origin: actions.MadeHere}, u.Now(), in.Ref)
	if err == nil {
		each(f.Action, []string{in.Ref})
	}
	return err
}

// A fileList reads the files of an action, and sees whether there is one.
type fileList struct {
	left   int64 // bytes that they may still have
	action bool
}

// note counts a file.
func (l *fileList) note(name string, size int64) error {
	switch path.Base(name) {
	case "action.yml", "action.yaml", "Dockerfile":
		l.action = true
	}
	if l.left -= size; l.left < 0 {
		return errTooLarge
	}
	return nil
}

// directory yields the files of a directory.
func (l *fileList) directory(at string) (func() (*gitrepo.ScratchFile, error), error) {
	var names []string
	err := filepath.WalkDir(at, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular() || d.Type()&fs.ModeSymlink != 0:
			names = append(names, p)
		}
		return nil
	})
	var open *os.File
	return func() (*gitrepo.ScratchFile, error) {
		if open != nil {
			_ = open.Close() // it was only read
			open = nil
		}
		if len(names) == 0 {
			return nil, io.EOF
		}
		file := names[0]
		names = names[1:]
		name, err := filepath.Rel(at, file)
		if err != nil {
			return nil, err
		}
		name = filepath.ToSlash(name)
		info, err := os.Lstat(file)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(file)
			return &gitrepo.ScratchFile{Path: name, Mode: "120000", Size: int64(len(to)), Data: strings.NewReader(to)}, err
		}
		if err := l.note(name, info.Size()); err != nil {
			return nil, err
		}
		open, err = os.Open(file)
		return &gitrepo.ScratchFile{Path: name, Mode: modeOf(info.Mode()), Size: info.Size(), Data: open}, err
	}, err
}

func modeOf(m fs.FileMode) string {
	if m&0o111 != 0 {
		return "100755"
	}
	return "100644"
}

// tarball yields the files of a tar, gzipped or not, without a directory that all are in.
func (l *fileList) tarball(at string) (next func() (*gitrepo.ScratchFile, error), done func() error, err error) {
	top, err := topOf(at)
	if err != nil {
		return nil, nil, actions.Errorf(actions.Invalid, "%s is neither a git repository or bundle, nor a directory, nor a tarball: %w", at, err)
	}
	tr, done, err := openTar(at)
	return func() (*gitrepo.ScratchFile, error) {
		for {
			h, err := tr.Next()
			if err != nil {
				return nil, err
			}
			name := strings.TrimPrefix(cleaned(h.Name), top)
			switch h.Typeflag {
			case tar.TypeReg:
				if err := l.note(name, h.Size); err != nil {
					return nil, err
				}
				return &gitrepo.ScratchFile{Path: name, Mode: modeOf(h.FileInfo().Mode()), Size: h.Size, Data: tr}, nil
			case tar.TypeSymlink:
				return &gitrepo.ScratchFile{Path: name, Mode: "120000", Size: int64(len(h.Linkname)), Data: strings.NewReader(h.Linkname)}, nil
			case tar.TypeDir, tar.TypeXGlobalHeader:
			default:
				return nil, actions.Errorf(actions.Invalid, "%.200q is no file, directory or symbolic link", h.Name)
			}
		}
	}, done, err
}

// cleaned is a name of a tar without "./" before it.
func cleaned(name string) string { return strings.TrimPrefix(name, "./") }

// topOf is the directory that all files of a tar are in, with a slash; empty for none.
func topOf(at string) (string, error) {
	tr, done, err := openTar(at)
	if err != nil {
		return "", err
	}
	defer func() { _ = done() }() // it was read
	top, first := "", true
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return top, nil
		}
		if err != nil {
			return "", err
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		dir, _, ok := strings.Cut(cleaned(h.Name), "/")
		switch {
		case !ok, !first && top != dir+"/":
			return "", nil
		default:
			top, first = dir+"/", false
		}
	}
}

func openTar(at string) (*tar.Reader, func() error, error) {
	f, err := os.Open(at)
	if err != nil {
		return nil, nil, err
	}
	var r io.Reader = f
	if zr, err := gzip.NewReader(f); err == nil {
		r = zr
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return tar.NewReader(r), f.Close, nil
}
