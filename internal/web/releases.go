package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

const releasesPerPage = 20

type releasesPage struct {
	page
	Total        int
	Releases     []releaseRow
	Newer, Older string // URLs, empty on the first and on the last page
}

// A releaseRow is a release in a list, and the head of its own page.
type releaseRow struct {
	URL, Title, Tag, Author string
	Kind                    string // Draft, Pre-release, Latest or nothing
	Assets                  int
	At                      timestamp // when it was published; of a draft when it was changed last
}

type releasePage struct {
	page
	Release  releaseRow
	Notes    template.HTML
	Why      string // there are notes and they are not shown
	Files    []releaseFile
	Zip, Tar string // of the source, empty for a draft
}

type releaseFile struct {
	URL, Name, Label, Size, Digest string
	At                             timestamp
}

// releasesOf is the repository of a path whose releases the caller may read, and whether they
// see drafts.
func (s *Site) releasesOf(r *http.Request, c *auth.Caller) (repo *actions.Repository, drafts bool, err error) {
	if repo, err = s.codeOf(r, c); err != nil {
		return nil, false, err
	}
	drafts, err = s.auth.May(r.Context(), c, auth.Target{Repo: repo}, auth.SeeDrafts)
	return repo, drafts, err
}

func releaseHead(repo *actions.Repository) *repoHead {
	h := headOf(repo)
	h.Tab = "releases"
	return h
}

func (s *Site) releaseRow(r *http.Request, repo *actions.Repository, is *actions.Release, latest int64) releaseRow {
	row := releaseRow{
		URL: strings.TrimPrefix(shape.ReleaseHTML(httpjson.Base(r), repo, is), httpjson.Base(r).HTML), Title: is.Name, Tag: is.TagName, Author: is.Author.Login,
		Assets: len(is.Assets), At: timestampOf(is.PublishedAt, s.now()),
	}
	if row.Title == "" {
		row.Title = is.TagName
	}
	switch {
	case is.Draft:
		row.Kind, row.At = "Draft", timestampOf(is.UpdatedAt, s.now())
	case is.Prerelease:
		row.Kind = "Pre-release"
	case is.ID == latest:
		row.Kind = "Latest"
	}
	return row
}

// latest is the number of the latest release, 0 for none.
func (s *Site) latest(ctx context.Context, repo *actions.Repository) (int64, error) {
	is, err := s.store.LatestRelease(ctx, repo.ID)
	if actions.KindOf(err) == actions.NotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return is.ID, nil
}

// releaseList serves GET /{owner}/{repo}/releases.
func (s *Site) releaseList(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, drafts, err := s.releasesOf(r, c)
	if err != nil {
		return err
	}
	latest, err := s.latest(r.Context(), repo)
	if err != nil {
		return err
	}
	at := pageOf(r, "page", releasesPerPage)
	list, total, err := s.store.Releases(r.Context(), repo.ID, drafts, at)
	if err != nil {
		return err
	}
	p := releasesPage{page: s.page(r, c, "Releases"), Total: total}
	p.Repo = releaseHead(repo)
	for _, is := range list {
		p.Releases = append(p.Releases, s.releaseRow(r, repo, is, latest))
	}
	p.Newer, p.Older = neighbours(at, total, func(n int) string {
		return p.Repo.Path + "/releases?" + url.Values{"page": {strconv.Itoa(n)}}.Encode()
	})
	return s.render(w, http.StatusOK, "releases", p)
}

// releaseOf is the release whose page has a name, if the caller may see it.
func (s *Site) releaseOf(ctx context.Context, repo *actions.Repository, drafts bool, name string) (*actions.Release, error) {
	if id, ok := actions.DraftOfPage(name); ok && drafts {
		is, err := s.store.Release(ctx, repo.ID, id)
		if err == nil && is.Draft {
			return is, nil
		}
		if err != nil && actions.KindOf(err) != actions.NotFound {
			return nil, err
		}
	}
	return s.store.ReleaseByTag(ctx, repo.ID, name)
}

// release serves GET /{owner}/{repo}/releases/tag/{tag}.
func (s *Site) release(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, drafts, err := s.releasesOf(r, c)
	if err != nil {
		return err
	}
	is, err := s.releaseOf(r.Context(), repo, drafts, r.PathValue("tag"))
	if err != nil {
		return err
	}
	latest, err := s.latest(r.Context(), repo)
	if err != nil {
		return err
	}
	row := s.releaseRow(r, repo, is, latest)
	p := releasePage{page: s.page(r, c, row.Title), Release: row}
	p.Repo = releaseHead(repo)
	if is.Body != "" {
		ctx, cancel := context.WithTimeout(r.Context(), maxWait)
		defer cancel()
		html, err := s.releaseNotes.html(ctx, notesKey(is))
		switch {
		case err == nil:
			p.Notes = template.HTML(html) //nolint:gosec // package markdown makes nothing else
		case r.Context().Err() != nil:
			return err
		default:
			s.log.WarnContext(r.Context(), "notes of a release are not shown", "repo", repo.ID, "err", err)
			p.Why = "The notes cannot be shown now: load this page again."
		}
	}
	for _, a := range is.Assets {
		p.Files = append(p.Files, releaseFile{
			p.Repo.Path + "/releases/download/" + pathOf(is.PageName()) + "/" + pathOf(a.Name), a.Name, a.Label, bytesText(a.Size), a.Digest, timestampOf(a.CreatedAt, s.now()),
		})
	}
	if !is.Draft {
		p.Zip, p.Tar = p.Repo.Path+"/archive/refs/tags/"+pathOf(is.TagName)+".zip", p.Repo.Path+"/archive/refs/tags/"+pathOf(is.TagName)+".tar.gz"
	}
	return s.render(w, http.StatusOK, "release", p)
}

// pathOf is a name, which may have slashes, as a part of a URL.
func pathOf(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// notesKey says which notes are rendered: those of a release as it is now.
func notesKey(is *actions.Release) string {
	return fmt.Sprint(is.RepoID, " ", is.ID, " ", is.UpdatedAt.UnixMicro())
}

// readNotes are the notes of a key.
func (s *Site) readNotes(ctx context.Context, key string) (string, error) {
	var repo, id, at int64
	if _, err := fmt.Sscan(key, &repo, &id, &at); err != nil {
		return "", fmt.Errorf("notes %q: %w", key, err)
	}
	is, err := s.store.Release(ctx, repo, id)
	if err == nil && is.UpdatedAt.UnixMicro() != at {
		err = actions.Errorf(actions.Conflict, "release %d was changed meanwhile", id)
	}
	if err != nil {
		return "", err
	}
	return is.Body, nil
}

// latestRelease serves GET /{owner}/{repo}/releases/latest.
func (s *Site) latestRelease(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, _, err := s.releasesOf(r, c)
	if err != nil {
		return err
	}
	is, err := s.store.LatestRelease(r.Context(), repo.ID)
	if err != nil {
		return err
	}
	h := releaseHead(repo)
	to := h.Path + "/releases/tag/" + pathOf(is.TagName)
	if asset := r.PathValue("name"); asset != "" {
		to = h.Path + "/releases/download/" + pathOf(is.TagName) + "/" + pathOf(asset)
	}
	return moved(w, to)
}

// moved answers that something is elsewhere for now.
func moved(w http.ResponseWriter, to string) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return nil
}

// downloadAsset serves GET /{owner}/{repo}/releases/download/{at}: a tag, which may have
// slashes, and the name of an asset.
func (s *Site) downloadAsset(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, drafts, err := s.releasesOf(r, c)
	if err != nil {
		return err
	}
	at := r.PathValue("at")
	i := strings.LastIndexByte(at, '/')
	if i < 0 {
		return errNotFound
	}
	is, err := s.releaseOf(r.Context(), repo, drafts, at[:i])
	if err != nil {
		return err
	}
	for _, a := range is.Assets {
		if a.Name != at[i+1:] {
			continue
		}
		to, err := s.assetURL(r, a)
		if err == nil {
			err = s.releases.Downloaded(r.Context(), a)
		}
		if err != nil {
			return err
		}
		return moved(w, to)
	}
	return errNotFound
}

// archive serves GET /{owner}/{repo}/archive/{at}: the source of a branch, tag or commit, whose
// name ends in .zip or .tar.gz.
func (s *Site) archive(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.codeOf(r, c)
	if err != nil {
		return err
	}
	at, format := r.PathValue("at"), gitrepo.Zip
	rev, ok := strings.CutSuffix(at, ".zip")
	if !ok {
		rev, ok = strings.CutSuffix(at, ".tar.gz")
		format = gitrepo.TarGz
	}
	if !ok {
		return errNotFound
	}
	runs, err := s.auth.May(r.Context(), c, auth.Target{Repo: repo}, auth.ReadRuns)
	if err != nil {
		return err
	}
	sha, err := s.repositories.CommitOf(r.Context(), repo.ID, rev, runs)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return errNotFound
	}
	if err != nil {
		return err
	}
	to, err := s.sourceURL(httpjson.Base(r), repo, sha, format)
	if err != nil {
		return err
	}
	return moved(w, to)
}
