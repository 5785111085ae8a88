package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// The files inside of an artifact are served one by one, so that nobody needs the
// archive to see one of them. GitHub has no such operations.

type artifactFileJSON struct {
	Path        string  `json:"path"`
	Type        string  `json:"type"` // file, directory or symlink
	SizeInBytes int64   `json:"size_in_bytes"`
	URL         *string `json:"url"` // null for what cannot be read
}

// listArtifactFiles serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/files.
func (a *API) listArtifactFiles(w http.ResponseWriter, r *http.Request) error {
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	list, err := a.Artifacts.Files(r.Context(), &art.Artifact)
	if err != nil {
		return err
	}
	l := listingOf(r)
	answer := struct {
		Total     int                 `json:"total_count"`
		Truncated bool                `json:"truncated"` // there are more than the list has
		Files     []*artifactFileJSON `json:"files"`
	}{len(list.Files), list.Truncated, []*artifactFileJSON{}}
	base := callOf(r).artifactURL(art.ID) + "/files/"
	for _, f := range slice(list.Files, l.page) {
		v := &artifactFileJSON{Path: f.Path, Type: string(f.Type), SizeInBytes: f.Size}
		if f.Type == artifact.Regular && !f.Renamed {
			u := base + (&url.URL{Path: f.Path}).EscapedPath()
			v.URL = &u
		}
		answer.Files = append(answer.Files, v)
	}
	l.link(w, r, len(list.Files))
	return httpjson.Write(w, http.StatusOK, answer)
}

// getArtifactFile serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/files/{path...}:
// one file, as it streams out of the archive. Whatever it is, no browser shows it
// as a page of this site.
func (a *API) getArtifactFile(w http.ResponseWriter, r *http.Request) error {
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	content, f, err := a.Artifacts.OpenFile(r.Context(), &art.Artifact, r.PathValue("path"))
	if err != nil {
		return err
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", httpjson.SafeType(f.Path))
	h.Set("Content-Disposition", httpjson.Attachment(path.Base(f.Path)))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	sent, err := send(&patient{w, http.NewResponseController(w), a.Now}, content)
	switch {
	case err != nil && sent == 0:
		h.Del("Content-Disposition")
		return fmt.Errorf("artifact %d: %w", art.ID, err)
	case err != nil && r.Context().Err() == nil:
		a.Log.WarnContext(r.Context(), "file of artifact not sent to its end", "artifact", art.ID, "err", err)
	}
	if err != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break a connection off: the half is not the whole
	}
	return nil
}

// send copies content to w, and returns how many bytes it has sent. What came last
// is sent when all has proved to be right: the reader of a damaged file misses its
// end, and knows.
func send(w io.Writer, content io.Reader) (sent int64, err error) {
	const size = 64 << 10
	now, last := make([]byte, size), make([]byte, 0, size)
	flush := func() error {
		n, err := w.Write(last)
		sent += int64(n)
		return err
	}
	for {
		n, err := content.Read(now)
		if n > 0 {
			if len(last) > 0 {
				if err := flush(); err != nil {
					return sent, err
				}
			}
			now, last = last[:size], now[:n]
		}
		if errors.Is(err, io.EOF) {
			return sent, flush()
		}
		if err != nil {
			return sent, err
		}
	}
}

// fileIdle is how long a client may take nothing of a file.
const fileIdle = 2 * time.Minute

// A patient writer waits for a slow client, as long as that takes anything.
type patient struct {
	w   io.Writer
	rc  *http.ResponseController
	now func() time.Time
}

// Write implements [io.Writer].
func (p *patient) Write(b []byte) (int, error) {
	_ = p.rc.SetWriteDeadline(p.now().Add(fileIdle)) // a connection without deadlines has none to set
	n, err := p.w.Write(b)
	_ = p.rc.SetWriteDeadline(time.Time{})
	return n, err
}
