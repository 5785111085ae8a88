package rest

import (
	"crypto/sha1" // it is how git names content
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

const (
	maxContent = 1 << 20   // of a file in JSON
	maxRaw     = 100 << 20 // of a file as it is
)

type contentLinks struct {
	Self string `json:"self"`
	Git  string `json:"git"`
	HTML string `json:"html"`
}

type contentFileJSON struct {
	Type        string       `json:"type"`
	Encoding    string       `json:"encoding"`
	Size        int          `json:"size"`
	Name        string       `json:"name"`
	Path        string       `json:"path"`
	Content     string       `json:"content"`
	SHA         string       `json:"sha"`
	URL         string       `json:"url"`
	GitURL      string       `json:"git_url"`
	HTMLURL     string       `json:"html_url"`
	DownloadURL *string      `json:"download_url"`
	Links       contentLinks `json:"_links"`
}

// getContents serves GET /repos/{owner}/{repo}/contents/{path} for files.
func (a *API) getContents(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r)
	ref := r.URL.Query().Get("ref")
	if ref == "" {
		ref = c.repo.DefaultBranch
	}
	sha, err := a.Git.Resolve(r.Context(), c.repo.ID, ref)
	if err != nil {
		return notInvalid(err)
	}
	raw := accepts(r, "raw")
	limit := int64(maxContent)
	if raw {
		limit = maxRaw
	}
	name := strings.TrimSuffix(r.PathValue("path"), "/")
	data, err := a.Git.ReadFile(r.Context(), c.repo.ID, sha, name, limit)
	if err != nil {
		return notInvalid(err)
	}
	if raw {
		w.Header().Set("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
		_, err := w.Write(data)
		return err
	}
	return httpjson.Write(w, http.StatusOK, c.contentFile(name, ref, data))
}

func (c *call) contentFile(name, ref string, data []byte) *contentFileJSON {
	where := (&url.URL{Path: name}).EscapedPath()
	repo := c.base.API + "/repos/" + c.repo.FullName()
	self := repo + "/contents/" + where + "?ref=" + url.QueryEscape(ref)
	html := c.base.HTML + "/" + c.repo.FullName() + "/blob/" + (&url.URL{Path: ref}).EscapedPath() + "/" + where
	blob := blobSHA(data)
	return &contentFileJSON{
		Type:     "file",
		Encoding: "base64",
		Size:     len(data),
		Name:     path.Base(name),
		Path:     name,
		Content:  wrapped(base64.StdEncoding.EncodeToString(data)),
		SHA:      blob,
		URL:      self,
		GitURL:   repo + "/git/blobs/" + blob,
		HTMLURL:  html,
		Links:    contentLinks{Self: self, Git: repo + "/git/blobs/" + blob, HTML: html},
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

// accepts says whether the request asks for one of GitHub's own media types,
// such as raw or sha.
func accepts(r *http.Request, kind string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		media = strings.TrimSuffix(media, "+json")
		if media == "application/vnd.github."+kind || media == "application/vnd.github.v3."+kind {
			return true
		}
	}
	return false
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
	return errNotFound
}
