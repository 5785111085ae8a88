package githttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/limit"
)

// infoRefs serves GET /{owner}/{repo}/info/refs, with which every clone, fetch
// and push begins.
func (s *Server) infoRefs(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Query().Get("service")
	service := gitrepo.Service(strings.TrimPrefix(name, "git-"))
	allow := s.allow
	if name == "git-receive-pack" {
		allow = s.allowPush
	}
	a, err := allow(r)
	switch {
	case err != nil:
		return err
	case name == "":
		return errDumb
	case name != "git-upload-pack" && name != "git-receive-pack":
		return errNoService
	}
	version := gitrepo.Protocol(r.Header.Get("Git-Protocol"))
	var body bytes.Buffer
	if version < 2 || service == gitrepo.ReceivePack {
		title := "# service=" + name + "\n"
		fmt.Fprintf(&body, "%04x%s0000", len(title)+4, title)
	}
	if body.Len() > 0 { // else it is known, and no process makes it
		leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Fetch)
		if err != nil {
			return err
		}
		defer leave()
	}
	if err := s.git.Advertise(r.Context(), a.RepoID, service, version, &body); err != nil {
		return err
	}
	begin(w, "application/x-"+name+"-advertisement")
	_, err = w.Write(body.Bytes())
	return err
}

// uploadPack serves POST /{owner}/{repo}/git-upload-pack: one round of a clone
// or fetch.
func (s *Server) uploadPack(w http.ResponseWriter, r *http.Request) error {
	a, err := s.allow(r)
	if err != nil {
		return err
	}
	body, err := requestBody(r, "git-upload-pack")
	if err != nil {
		return err
	}
	visit := limit.Of(r.Context())
	request, err := s.git.ReadFetch(&timely{body, s.now, s.now().Add(requestTime), visit})
	if err != nil {
		return err
	}
	leave, err := visit.Enter(r.Context(), limit.Fetch)
	if err != nil {
		return err
	}
	defer leave()
	begin(w, "application/x-git-upload-pack-result")
	return s.git.UploadPack(r.Context(), a.RepoID, gitrepo.Protocol(r.Header.Get("Git-Protocol")), request, a.Known, w)
}

// requestTime is how long the request of a fetch may take to arrive.
const requestTime = 2 * time.Minute

// A timely reader ends with an error when it has taken too long, or its client has
// too much in memory.
type timely struct {
	io.Reader
	now   func() time.Time
	until time.Time
	visit *limit.Visit
}

// Read implements [io.Reader].
func (t *timely) Read(p []byte) (int, error) {
	if t.now().After(t.until) {
		return 0, actions.Errorf(actions.Malformed, "it has not arrived after %s", requestTime)
	}
	n, err := t.Reader.Read(p)
	if e := t.visit.Hold(n); err == nil {
		err = e
	}
	return n, err
}

// receivePack serves POST /{owner}/{repo}/git-receive-pack: a push.
func (s *Server) receivePack(w http.ResponseWriter, r *http.Request) error {
	a, err := s.allowPush(r)
	if err != nil {
		return err
	}
	body, err := requestBody(r, "git-receive-pack")
	if err != nil {
		return err
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	var done func(context.Context, []actions.RefUpdate) error
	begin(w, "application/x-git-receive-pack-result")
	return s.git.Receive(r.Context(), a.RepoID, gitrepo.ReceiveOptions{
		Version: gitrepo.Protocol(r.Header.Get("Git-Protocol")),
		Check: func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (err error) {
			if !a.Workflows {
				if err := view.RefuseWorkflows(ctx, updates, a.App); err != nil {
					return err
				}
			}
			done, err = a.Push(ctx, updates, view)
			return err
		},
		Done: func(ctx context.Context, applied []actions.RefUpdate) error {
			return done(ctx, applied)
		},
	}, body, w)
}

// begin sets the headers of an answer, which no cache may keep.
func begin(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "Fri, 01 Jan 1980 00:00:00 GMT")
}

// requestBody is what the client sends, unpacked. Its size is bounded where it
// is read: by gitrepo for a fetch, by git for a push. The type of content is
// one that a page of another site cannot make a browser send.
func requestBody(r *http.Request, service string) (io.Reader, error) {
	if r.Header.Get("Content-Type") != "application/x-"+service+"-request" {
		return nil, errMediaType
	}
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, actions.Errorf(actions.Malformed, "request cannot be read: %w", err)
		}
		return z, nil
	default:
		return nil, errMediaType
	}
}

// notFound serves every other path.
func (s *Server) notFound(http.ResponseWriter, *http.Request) error { return errNoPath }
