package results

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"syscall"

	"github.com/understudy-ci/understudy/internal/token"
)

// jobLogs serves GET and HEAD of the log of a job.
func (a *API) jobLogs(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	id, _, err := downloadOf(g)
	if err != nil {
		return err
	}
	job, err := a.Store.RepoJob(r.Context(), g.RepoID, id)
	if err != nil {
		return err
	}
	log, size, err := a.Logs.OpenJob(r.Context(), job)
	if err != nil {
		return err
	}
	harmless(w.Header(), "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method != http.MethodHead {
		_, err = io.Copy(w, log)
	}
	if e := log.Close(); err == nil {
		err = e
	}
	return a.broken(r, err)
}

// runLogs serves GET and HEAD of the logs of an attempt.
func (a *API) runLogs(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	id, attempt, err := downloadOf(g)
	if err != nil {
		return err
	}
	run, err := a.Store.RepoRun(r.Context(), g.RepoID, id)
	if err != nil {
		return err
	}
	archive, err := a.Logs.OpenArchive(r.Context(), run, attempt)
	if err != nil {
		return err
	}
	harmless(w.Header(), "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=logs_%d.zip", run.ID))
	if r.Method == http.MethodHead {
		return nil
	}
	return a.broken(r, archive.Write(r.Context(), w))
}

// harmless keeps a browser from taking what a job printed for a page.
func harmless(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
}

// broken ends an answer that cannot be completed, so that its reader does not
// take the half for the whole.
func (a *API) broken(r *http.Request, err error) error {
	if err == nil {
		return nil
	}
	if r.Context().Err() == nil && !hungUp(err) {
		a.Log.WarnContext(r.Context(), "answer not sent to its end", "route", r.URL.Path, "err", err)
	}
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break a connection off
}

// hungUp says whether err is the reader's: gone, or taking nothing any more.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded)
}
