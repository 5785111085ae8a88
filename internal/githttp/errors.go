package githttp

import (
	"errors"
	"io"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
)

// What GitHub says to git. Git prints these lines to the user.
var (
	errNoRepository    = actions.Errorf(actions.NotFound, "Repository not found.")
	errBadCredentials  = actions.Errorf(actions.Unauthorized, "Invalid username or token. Password authentication is not supported for Git operations.")
	errNoAnonymousPush = actions.Errorf(actions.Unauthorized, "No anonymous write access.")
	errNoPush          = actions.Errorf(actions.Forbidden, "Write access to repository not granted.")
	errArchived        = actions.Errorf(actions.Forbidden, "This repository was archived so it is read-only.")
	errDumb            = actions.Errorf(actions.Forbidden, "Please upgrade your git client.\nGit over dumb HTTP is not supported.")
	errNoService       = actions.Errorf(actions.Forbidden, "Service not supported.")
	errNoPath          = actions.Errorf(actions.NotFound, "Not Found")
)

// errMediaType is the one error whose status no kind has.
var errMediaType = errors.New("unsupported media type")

// writeError turns an error into an answer; nothing else does.
func (s *Server) writeError(w *writer, r *http.Request, err error) {
	kind := actions.KindOf(err)
	text, status := err.Error(), httpjson.StatusOf(kind)
	anonymous := r.Header.Get("Authorization") == ""
	switch {
	case errors.Is(err, errMediaType):
		text, status = "Unsupported Media Type", http.StatusUnsupportedMediaType
	case r.Context().Err() != nil:
		return // nobody listens
	case errors.Is(err, errNoPath):
	case kind == actions.NotFound && anonymous:
		text, status = errNoRepository.Error(), http.StatusUnauthorized
	case kind == actions.NotFound:
		text = errNoRepository.Error()
	case kind == actions.Unauthorized && !anonymous:
		text = errBadCredentials.Error()
	case kind == actions.Internal:
		text = "Server Error"
		s.log.ErrorContext(r.Context(), "git request failed", "route", r.Pattern, "err", err)
	}
	if w.wrote {
		return // git at the other end sees that the answer is cut off
	}
	h := w.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="GitHub"`)
	}
	if e, ok := errors.AsType[*limit.Error](err); ok {
		h.Set("Retry-After", e.RetryAfter())
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// A writer remembers whether the answer has begun, and sends each piece of it
// at once: git shows progress while it waits.
type writer struct {
	http.ResponseWriter
	wrote bool
}

func (w *writer) Write(p []byte) (int, error) {
	w.wrote = true
	n, err := w.ResponseWriter.Write(p)
	if err == nil {
		err = http.NewResponseController(w.ResponseWriter).Flush()
	}
	return n, err
}
