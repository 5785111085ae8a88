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

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Config is what the page needs. All fields are required.
type Config struct {
	Repositories *repository.Repositories
	Git          *gitrepo.Git
	Log          *slog.Logger
	// ArchiveURL signs a URL, good for five minutes and for whoever has it, of the files
	// of a commit.
	ArchiveURL func(base shape.Base, repo *actions.Repository, sha string, f gitrepo.Format) (string, error)
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	p := &page{c}
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}
	var routes []rest.Route
	for _, path := range []string{"", "/{path...}"} {
		routes = append(routes, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/contents" + path, Handle: p.get, Docs: "rest/repos/contents#get-repository-content",
			Need: read, Streams: raw,
		})
	}
	for _, ref := range []string{"", "/{ref...}"} {
		routes = append(routes, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/tarball" + ref, Handle: p.archive(gitrepo.TarGz), Docs: "rest/repos/contents#download-a-repository-archive-tar", Need: read,
		}, rest.Route{
			Pattern: "GET /repos/{owner}/{repo}/zipball" + ref, Handle: p.archive(gitrepo.Zip), Docs: "rest/repos/contents#download-a-repository-archive-zip", Need: read,
		})
	}
	return routes
}

type page struct{ Config }

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
	c := rest.CallOf(r)
	ref := r.URL.Query().Get("ref")
	if ref == "" {
		ref = c.Repo.DefaultBranch
	}
	sha, err := rest.CommitOf(r, p.Repositories, ref)
	if err != nil {
		return notInvalid(err)
	}
	name := strings.TrimSuffix(r.PathValue("path"), "/")
	if raw(r) {
		return p.send(w, r, sha, name)
	}
	data, err := p.Git.ReadFile(r.Context(), c.Repo.ID, sha, name, maxContent)
	if actions.KindOf(err) == actions.NotFound {
		return p.directory(w, r, sha, ref, name)
	} else if err != nil {
		return notInvalid(err)
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
	if strings.Contains(err.Error(), "bytes, more than") {
		return actions.Errorf(actions.Forbidden, "This API returns blobs up to 1 MB in size. Ask for the raw media type.")
	}
	return rest.ErrNotFound
}
