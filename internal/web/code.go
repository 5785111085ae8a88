package web

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxShownFile    = 512 << 10 // bytes of a file that a page shows
	maxShownEntries = 1000      // of a directory
	maxShownName    = 255       // bytes of an entry's name, and of a commit's author; file systems have none longer
	maxShownPath    = 1024      // bytes: each entry of a directory repeats its path
	maxShownMessage = 64 << 10  // bytes of a commit's message
	maxShownParents = 100       // of a commit
	maxRefParts     = 16        // of a branch's name: "a/b" has two
)

var readCode = auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}

// codeOf is the repository of a path whose files the caller may read.
func (s *Site) codeOf(r *http.Request, c *auth.Caller) (*actions.Repository, error) {
	repo, err := s.readable(r, c)
	if err != nil {
		return nil, err
	}
	return repo, s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, readCode)
}

// notInvalid makes NotFound of what a URL can never name.
func notInvalid(err error) error {
	if actions.KindOf(err) == actions.Invalid {
		return errNotFound
	}
	return err
}

type commitPage struct {
	page
	SHA, Message string
	Author       string
	At           timestamp
	Parents      []fileLink
	Files        string // URL of the files at the commit
	Runs         []runRow
	Checks       []checkRow // of tools
	More         bool       // there are more runs than the page lists
}

// A fileLink is a link to an entry of a directory, a directory above, or a commit.
type fileLink struct {
	Name, URL string // no URL for what is somewhere else
	Dir       bool
}

// commit serves GET /{owner}/{repo}/commit/{sha}.
func (s *Site) commit(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.codeOf(r, c)
	if err != nil {
		return err
	}
	sha, err := s.repositories.CommitOf(r.Context(), repo.ID, r.PathValue("sha"), true)
	if err != nil {
		return notInvalid(err)
	}
	commit, err := s.git.View(repo.ID).Commit(r.Context(), sha)
	if err != nil {
		return err
	}
	runs, total, err := s.store.Runs(r.Context(), store.RunFilter{RepoID: repo.ID, HeadSHA: sha}, store.Page{Number: 1, Size: runsPerPage})
	if err != nil {
		return err
	}
	now := s.now()
	p := commitPage{
		page: s.page(r, c, "Commit "+shortSHA(sha)), SHA: sha, Message: clipped(commit.Message, maxShownMessage),
		Author: clipped(commit.Author.Name, maxShownName), At: timestampOf(commit.Author.Time, now), More: total > len(runs),
	}
	p.Repo = codeHead(repo)
	p.Files = p.Repo.Path + "/tree/" + sha
	for _, parent := range commit.Parents[:min(len(commit.Parents), maxShownParents)] {
		p.Parents = append(p.Parents, fileLink{Name: shortSHA(parent), URL: p.Repo.Path + "/commit/" + parent})
	}
	for _, run := range runs {
		p.Runs = append(p.Runs, rowOf(p.Repo, run, now))
	}
	if p.Checks, err = s.checksOf(r.Context(), repo, sha, true); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "commit", p)
}

// clipped is text as a page shows it, and where it goes on, that it does.
func clipped(text string, most int) string {
	more := ""
	if len(text) > most {
		text, more = text[:most], "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD") + more
}

func codeHead(repo *actions.Repository) *repoHead {
	h := headOf(repo)
	h.Tab = "code"
	return h
}

type codePage struct {
	page
	Ref     string // what names the commit
	Above   []fileLink
	Name    string // of the file or directory itself, empty for the root
	Entries []fileLink
	More    bool // there are more entries than the page lists

	File bool
	Text string
	Why  string // the file is not shown
}

// tree serves GET /{owner}/{repo}/tree/{at} and …/blob/{at}, where at is a branch, a tag
// or a commit, and the path of a directory or file of it.
func (s *Site) tree(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.codeOf(r, c)
	if err != nil {
		return err
	}
	ref, sha, at, err := s.refOf(r.Context(), repo.ID, strings.TrimSuffix(r.PathValue("at"), "/"))
	if err != nil {
		return err
	}
	view := s.git.View(repo.ID)
	e, err := view.Entry(r.Context(), sha, at)
	if err != nil {
		return notInvalid(err)
	}
	p := codePage{page: s.page(r, c, clipped(path.Base("/"+at), maxShownName)), Ref: ref, Name: path.Base(at), File: !e.IsDir()}
	p.Repo = codeHead(repo)
	if at == "" {
		p.Title, p.Name = "Files", ""
	}
	p.Above = p.above(at)
	switch {
	case e.IsSubmodule():
		return errNotFound
	case len(at) > maxShownPath:
		p.Why, p.Name, p.Above = "The path is too long to be shown here.", "…", nil
	case e.IsDir():
		err = p.list(r.Context(), view, sha, at)
	default:
		err = p.read(r.Context(), view, sha, at)
	}
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "code", p)
}

// refOf splits what a URL names into a ref and a path of its commit. Where "a" is a ref,
// "a/b" is none, so at most one beginning is a branch.
func (s *Site) refOf(ctx context.Context, repoID int64, at string) (ref, sha, path string, err error) {
	parts := strings.Split(at, "/")
	for i := 1; i <= min(len(parts), maxRefParts); i++ {
		ref = strings.Join(parts[:i], "/")
		sha, err = s.repositories.CommitOf(ctx, repoID, ref, true)
		switch actions.KindOf(err) {
		case "":
			return ref, sha, strings.Join(parts[i:], "/"), nil
		case actions.NotFound, actions.Invalid:
		default:
			return "", "", "", err
		}
	}
	return "", "", "", errNotFound
}

// link is where a file or directory of the page's commit is.
func (p *codePage) link(kind, at string) string {
	return p.Repo.Path + "/" + kind + "/" + strings.TrimSuffix((&url.URL{Path: p.Ref + "/" + at}).EscapedPath(), "/")
}

// above are the directories that at is in.
func (p *codePage) above(at string) []fileLink {
	if at == "" {
		return nil
	}
	list := []fileLink{{Name: p.Repo.Name, URL: p.link("tree", "")}}
	for i, c := range at {
		if c == '/' {
			list = append(list, fileLink{Name: path.Base(at[:i]), URL: p.link("tree", at[:i])})
		}
	}
	return list
}

func (p *codePage) list(ctx context.Context, view *gitrepo.View, sha, at string) error {
	entries, err := view.ReadDir(ctx, sha, at)
	if err != nil {
		return notInvalid(err)
	}
	p.More = len(entries) > maxShownEntries
	for _, e := range entries[:min(len(entries), maxShownEntries)] {
		l := fileLink{Name: clipped(e.Name, maxShownName), Dir: e.IsDir()}
		kind := "blob"
		if l.Dir {
			kind = "tree"
		}
		if !e.IsSubmodule() && len(e.Name) <= maxShownName {
			l.URL = p.link(kind, path.Join(at, e.Name))
		}
		p.Entries = append(p.Entries, l)
	}
	return nil
}

func (p *codePage) read(ctx context.Context, view *gitrepo.View, sha, at string) error {
	b, err := view.Blob(ctx, sha, at, math.MaxInt64)
	if err != nil {
		return notInvalid(err)
	}
	if b.Size > maxShownFile {
		p.Why = "The file is too large to be shown here."
		return nil
	}
	text, err := view.ReadFile(ctx, sha, at, maxShownFile)
	switch {
	case err != nil:
		return notInvalid(err)
	case !utf8.Valid(text) || strings.ContainsRune(string(text), 0):
		p.Why = "The file is no text."
	default:
		p.Text = string(text)
	}
	return nil
}
