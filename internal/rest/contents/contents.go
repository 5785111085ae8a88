// Package contents is the page "Repository contents" of the reference: files, one
// at a time, and what is in directories.
package contents

import (
	"crypto/sha1" // it is how git names content
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/markdown"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Config is what the page needs. All fields are required.
type Config struct {
	Repositories *repository.Repositories
	Git          *gitrepo.Git
	Log          *slog.Logger
	Now          func() time.Time
	Push         func(*rest.Call) repository.PushFunc // what a push by the caller does
	// ArchiveURL signs a URL, good for five minutes and for whoever has it, of the files
	// of a commit.
	ArchiveURL func(base shape.Base, repo *actions.Repository, sha string, f gitrepo.Format) (string, error)
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	p := &page{c, markdown.New()}
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}
	var routes []rest.Route
	for _, path := range []string{"", "/{path...}"} {
		routes = append(routes, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/contents" + path, Handle: p.get, Docs: "rest/repos/contents#get-repository-content",
			Need: read, Streams: raw,
		})
	}
	for _, dir := range []string{"", "/{dir...}"} {
		routes = append(routes, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/readme" + dir, Handle: p.readme, Docs: "rest/repos/contents#get-a-repository-readme", Need: read, Streams: raw,
		})
	}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents"}
	routes = append(routes, rest.Route{
		Pattern: "PUT /repos/{owner}/{repo}/contents/{path...}", Handle: p.put, Docs: "rest/repos/contents#create-or-update-file-contents", Need: write,
	}, rest.Route{
		Pattern: "DELETE /repos/{owner}/{repo}/contents/{path...}", Handle: p.remove, Docs: "rest/repos/contents#delete-a-file", Need: write,
	})
	for _, ref := range []string{"", "/{ref...}"} {
		routes = append(routes, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/tarball" + ref, Handle: p.archive(gitrepo.TarGz), Docs: "rest/repos/contents#download-a-repository-archive-tar", Need: read,
		}, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/zipball" + ref, Handle: p.archive(gitrepo.Zip), Docs: "rest/repos/contents#download-a-repository-archive-zip", Need: read,
		})
	}
	return routes
}

type page struct {
	Config
	markdown *markdown.Renderer
}

// raw says whether a file is wanted as it is.
func raw(r *http.Request) bool { return rest.Accepts(r, "raw") }

const (
	maxContent = 1 << 20   // of a file in JSON
	maxRaw     = 100 << 20 // of a file as it is
)

type contentFileJSON struct {
	entryJSON
	Encoding string `json:"encoding"`
	Content  string `json:"content"`
}

// get serves GET /repos/{owner}/{repo}/contents/{path}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	ref, sha, err := p.commitOf(r)
	if err != nil {
		return err
	}
	return p.answer(w, r, sha, ref, strings.TrimSuffix(r.PathValue("path"), "/"))
}

// commitOf is the commit that a request is about, and what names it.
func (p *page) commitOf(r *http.Request) (ref, sha string, err error) {
	if ref = r.URL.Query().Get("ref"); ref == "" {
		ref = rest.CallOf(r).Repo.DefaultBranch
	}
	sha, err = rest.CommitOf(r, p.Repositories, ref)
	return ref, sha, notInvalid(err)
}

// answer answers with what is at a path of a commit, in the form that is asked for.
func (p *page) answer(w http.ResponseWriter, r *http.Request, sha, ref, name string) error {
	c := rest.CallOf(r)
	view := p.Git.View(c.Repo.ID)
	e, err := view.Entry(r.Context(), sha, name)
	if err != nil {
		return notInvalid(err)
	}
	switch {
	case e.IsDir() && raw(r):
		return rest.ErrNotFound
	case e.IsDir():
		return p.directory(w, r, sha, ref, name)
	case e.IsSubmodule():
		return p.submodule(w, r, sha, ref, name, e)
	case e.IsLink():
		to, err := view.Follow(r.Context(), sha, name)
		if err != nil {
			return err
		}
		if to == "" {
			return p.link(w, r, sha, ref, name, e)
		}
		name = to
	}
	if raw(r) {
		return p.send(w, r, sha, name)
	}
	data, err := view.ReadFile(r.Context(), sha, name, maxContent)
	if isTooLarge(err) && rest.Accepts(r, "object") {
		b, err := view.Blob(r.Context(), sha, name, maxRaw)
		if err != nil {
			return notInvalid(err)
		}
		return httpjson.Write(w, http.StatusOK, &contentFileJSON{entryJSON: newEntry(c, name, ref, gitrepo.Entry{SHA: b.SHA}, b.Size), Encoding: "none"})
	}
	if err != nil {
		return notInvalid(err)
	}
	if rest.Accepts(r, "html") {
		return p.writeHTML(w, name, data)
	}
	return httpjson.Write(w, http.StatusOK, contentFile(c, name, ref, data))
}

// send sends a file of a commit as it is, from git to the client.
func (p *page) send(w http.ResponseWriter, r *http.Request, sha, name string) error {
	view := p.Git.View(rest.CallOf(r).Repo.ID)
	b, err := view.Blob(r.Context(), sha, name, maxRaw)
	if err != nil {
		return notInvalid(err)
	}
	h := w.Header()
	etag := `W/"` + b.SHA + `"`
	h.Set("ETag", etag)
	if httpjson.Unchanged(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Fetch)
	if err != nil {
		return err
	}
	defer leave()
	h.Set("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
	h.Set("Content-Length", strconv.FormatInt(b.Size, 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if err := view.CopyBlob(r.Context(), b, w); err != nil {
		httpjson.BreakOff(r, p.Log, err)
	}
	return nil
}

func contentFile(c *rest.Call, name, ref string, data []byte) *contentFileJSON {
	return &contentFileJSON{
		entryJSON: newEntry(c, name, ref, gitrepo.Entry{SHA: blobSHA(data)}, int64(len(data))),
		Encoding:  "base64",
		Content:   wrapped(base64.StdEncoding.EncodeToString(data)),
	}
}

// blobSHA is the name that git gives to content.
func blobSHA(data []byte) string {
	h := sha1.New() // as above
	fmt.Fprintf(h, "blob %d\x00", len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// wrapped is text in lines of 60 characters.
func wrapped(text string) string {
	const width = 60
	var b strings.Builder
	b.Grow(len(text) + len(text)/width + 1)
	for len(text) > 0 {
		n := min(width, len(text))
		b.WriteString(text[:n])
		b.WriteByte('\n')
		text = text[n:]
	}
	return b.String()
}

// notInvalid makes NotFound of what can never be found. A file that is too
// large is Forbidden, as on GitHub.
func notInvalid(err error) error {
	if actions.KindOf(err) != actions.Invalid {
		return err
	}
	if isTooLarge(err) {
		return actions.Errorf(actions.Forbidden, "This API returns blobs up to 1 MB in size. Ask for the raw media type.")
	}
	return rest.ErrNotFound
}

func isTooLarge(err error) bool {
	return actions.KindOf(err) == actions.Invalid && strings.Contains(err.Error(), "bytes, more than")
}
