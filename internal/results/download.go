package results

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
)

// jobLogs serves GET and HEAD of the log of a job.
func (a *API) jobLogs(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	id, _, err := downloadOf(g)
	if err != nil {
		return err
	}
	job, err := a.Store.RepoJob(r.Context(), g.RepoID, id)
	if err == nil {
		err = isOf(g, job.GUID, job.CreatedAt)
	}
	if err != nil {
		return err
	}
	log, size, err := a.Logs.OpenJob(r.Context(), job)
	if err != nil {
		return err
	}
	httpjson.Harmless(w.Header(), "text/plain; charset=utf-8")
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
	of, err := a.Store.Attempt(r.Context(), run.ID, attempt)
	if err == nil {
		err = isOf(g, of.PlanID, of.StartedAt)
	}
	if err != nil {
		return err
	}
	archive, err := a.Logs.OpenArchive(r.Context(), run, attempt)
	if err != nil {
		return err
	}
	httpjson.Harmless(w.Header(), "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=logs_%d.zip", run.ID))
	if r.Method == http.MethodHead {
		return nil
	}
	return a.broken(r, archive.Write(r.Context(), w))
}

// broken ends an answer that err has kept from being complete, if it has.
func (a *API) broken(r *http.Request, err error) error {
	if err != nil {
		httpjson.BreakOff(r, a.Log, err)
	}
	return nil
}
