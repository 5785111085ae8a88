package web

import (
	"net/http"
	"net/url"
	"path"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// An artifactList is the part of a run's page about what its jobs have kept.
type artifactList struct {
	Rows         []artifactRow
	Total        int
	MayDelete    bool
	SignIn       bool // to download
	Newer, Older string
}

type artifactRow struct {
	ID      int64
	Name    string
	URL     string // of the artifact; "" where it cannot be downloaded
	Files   string // of the page of its files
	Delete  string // of the form
	Size    string
	Digest  string // in full: "sha256:…"
	Attempt int    // 0 for the one that the page shows
	Expired bool
	Expires timestamp
}

const (
	shownArtifacts = 50  // on one page
	shownFiles     = 200 // likewise
)

// artifactsOfRun are those of all attempts, newest first.
func (s *Site) artifactsOfRun(r *http.Request, run *runHead, mayDelete, signedIn bool) (artifactList, error) {
	p := pageOf(r, "artifacts", shownArtifacts)
	found, total, err := s.store.RunArtifacts(r.Context(), run.ID, store.ArtifactFilter{}, p)
	if err != nil {
		return artifactList{}, err
	}
	l := artifactList{Total: total, MayDelete: mayDelete, SignIn: !signedIn}
	l.Newer, l.Older = neighbours(p, total, here(r, "artifacts", "#artifacts"))
	for _, a := range found {
		l.Rows = append(l.Rows, s.artifactRow(&a.Artifact, run, signedIn))
	}
	return l, nil
}

func (s *Site) artifactRow(a *actions.Artifact, run *runHead, signedIn bool) artifactRow {
	now := s.now()
	at := run.URL + "/artifacts/" + strconv.FormatInt(a.ID, 10)
	row := artifactRow{
		ID: a.ID, Name: a.Name, Delete: at + "/delete", Size: bytesText(a.Size), Digest: a.Digest,
		Expired: a.Expired(now), Expires: untilOf(a.ExpiresAt, now),
	}
	if signedIn && !row.Expired {
		row.URL, row.Files = at, at+"/files"
	}
	if a.Attempt != run.Attempt {
		row.Attempt = a.Attempt
	}
	return row
}

// pageOf is the page of a list that a parameter names.
func pageOf(r *http.Request, name string, size int) store.Page {
	p := httpjson.PageOf(url.Values{"page": {r.URL.Query().Get(name)}})
	return store.Page{Number: p.Number, Size: size}
}

// here makes URLs of other pages of a list on the page of r, whose number is a parameter.
func here(r *http.Request, name, fragment string) func(number int) string {
	return func(number int) string {
		q := r.URL.Query()
		q.Del("part")
		q.Set(name, strconv.Itoa(number))
		return "?" + q.Encode() + fragment
	}
}

// neighbours are the URLs of the pages before and after p of a list that has total
// entries, empty for none. to makes the URL of a page.
func neighbours(p store.Page, total int, to func(number int) string) (before, after string) {
	last := p.Last(total)
	if p.Number > 1 {
		before = to(min(p.Number-1, last))
	}
	if p.Number < last {
		after = to(p.Number + 1)
	}
	return before, after
}

// artifactOf is the artifact that a path names, if it is one of the path's run,
// and the caller may do with it what need says.
func (s *Site) artifactOf(r *http.Request, c *auth.Caller, need auth.Need) (*actions.Repository, *actions.Run, *actions.Artifact, error) {
	repo, err := s.readable(r, c)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, need); err != nil {
		return nil, nil, nil, err
	}
	run, err := s.runOf(r, repo)
	if err != nil {
		return nil, nil, nil, err
	}
	id, err := httpjson.PathID(r, "artifact")
	if err != nil {
		return nil, nil, nil, err
	}
	a, err := s.store.RepoArtifact(r.Context(), repo.ID, id)
	if err != nil {
		return nil, nil, nil, err
	}
	if a.RunID != run.ID {
		return nil, nil, nil, errNotFound
	}
	return repo, run, &a.Artifact, nil
}

// downloadArtifact serves GET /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}.
func (s *Site) downloadArtifact(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	_, _, a, err := s.artifactOf(r, c, auth.DownloadRuns)
	if err != nil {
		return err
	}
	if err := s.artifacts.Available(r.Context(), a); err != nil {
		return err
	}
	to, err := s.artifactURL(r, a)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store") // the URL is good for a minute
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return nil
}

// deleteArtifact serves POST /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}/delete.
func (s *Site) deleteArtifact(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, run, a, err := s.artifactOf(r, c, changeActions)
	if err != nil {
		return err
	}
	if err := s.artifacts.Delete(r.Context(), a); err != nil {
		return err
	}
	redirect(w, runPath(headOf(repo), run.ID)+"#artifacts")
	return nil
}

type filesPage struct {
	page
	RunURL, RunTitle string
	RunNumber        int64
	Artifact         artifactRow
	Files            []fileRow
	Total            int
	Truncated        bool   // there are more than Total
	Problem          string // why there is no list
	Newer, Older     string
}

type fileRow struct {
	Path, URL, Kind, Size string
}

// artifactFiles serves GET /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}/files.
func (s *Site) artifactFiles(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, run, a, err := s.artifactOf(r, c, auth.DownloadRuns)
	if err != nil {
		return err
	}
	p := filesPage{page: s.page(r, c, a.Name), RunTitle: run.Title, RunNumber: run.Number}
	p.Repo = headOf(repo)
	p.RunURL = runPath(p.Repo, run.ID)
	p.Artifact = s.artifactRow(a, &runHead{URL: p.RunURL, Attempt: run.Attempt}, true)
	list, err := s.artifacts.Files(r.Context(), a)
	switch {
	case actions.KindOf(err) == actions.Invalid:
		p.Problem = httpjson.Message(err)
		return s.render(w, http.StatusOK, "files", p)
	case err != nil:
		return err
	}
	at := pageOf(r, "page", shownFiles)
	p.Total, p.Truncated = len(list.Files), list.Truncated
	p.Newer, p.Older = neighbours(at, p.Total, here(r, "page", ""))
	for _, f := range actions.Slice(at, list.Files) {
		p.Files = append(p.Files, fileRowOf(p.Artifact.Files, f))
	}
	return s.render(w, http.StatusOK, "files", p)
}

func fileRowOf(base string, f artifact.File) fileRow {
	row := fileRow{Path: f.Path, Size: bytesText(f.Size)}
	switch {
	case f.Type == artifact.Directory:
		row.Kind, row.Size = "directory", ""
	case f.Type == artifact.Symlink:
		row.Kind = "symbolic link"
	case f.Renamed:
		row.Kind = "has a name that cannot be a path"
	default:
		row.URL = base + "/" + (&url.URL{Path: f.Path}).EscapedPath()
	}
	return row
}

// artifactFile serves GET /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}/files/{path...}:
// one file, to be saved.
func (s *Site) artifactFile(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	_, _, a, err := s.artifactOf(r, c, auth.DownloadRuns)
	if err != nil {
		return err
	}
	content, f, err := s.artifacts.OpenFile(r.Context(), a, r.PathValue("path"))
	if err != nil {
		return err
	}
	defer content.Close()
	err = httpjson.SendFile(w, r, httpjson.File{Name: path.Base(f.Path), Size: f.Size, Content: content}, s.log)
	if err != nil {
		setHeaders(w.Header(), s.policy) // of a page again
	}
	return err
}
