package results

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/token"
)

const maxDiagnostics = 64 << 20 // bytes, read and thrown away

// upload serves PUT of a signed URL (§8.3): of all that there is, or of a piece
// to append with comp=appendblock. A first PUT without a body makes an append
// blob on Azure; here the part comes into being with its text.
func (a *API) upload(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	p, err := placeOf(g)
	if err != nil {
		return err
	}
	appends, err := appending(r.URL.RawQuery)
	if err != nil {
		return err
	}
	job, err := a.Store.RepoJob(r.Context(), g.RepoID, p.job)
	if err != nil {
		return err
	}
	if err := a.accepts(job); err != nil {
		return err
	}
	limit := a.limit(p.purpose)
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // and the body is not read
		return errTooLarge
	}
	if err := a.take(r.Context(), job, p, appends, body{http.MaxBytesReader(w, r.Body, limit)}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("ETag", `"0x`+strconv.FormatInt(p.part, 16)+`"`)
	h.Set("Last-Modified", a.Now().UTC().Format(http.TimeFormat))
	h.Set("X-Ms-Request-Server-Encrypted", "false")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// A body is what a client sends. That it breaks off is not for us to fix.
type body struct{ io.Reader }

// Read implements [io.Reader].
func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = actions.Errorf(actions.Malformed, "the body is not complete: %w", err)
	}
	return n, err
}

// appending tells whether the query asks to append. Clients add comp to the
// signed query; storage clients know other values, which logs do not.
func appending(rawQuery string) (bool, error) {
	query, err := url.ParseQuery(rawQuery)
	comp := query["comp"]
	switch {
	case err == nil && len(comp) == 0:
		return false, nil
	case err == nil && len(comp) == 1 && comp[0] == "appendblock":
		return true, nil
	}
	return false, errQuery
}

func (a *API) limit(purpose string) int64 {
	switch purpose {
	case summaryPurpose:
		return a.Logs.Limits().Summary
	case diagnosticsPurpose:
		return maxDiagnostics
	}
	return a.Logs.Limits().Part
}

func (a *API) take(ctx context.Context, job *actions.Job, p place, appends bool, body io.Reader) error {
	switch {
	case p.purpose == diagnosticsPurpose:
		_, err := io.Copy(io.Discard, body)
		return err
	case p.purpose == summaryPurpose:
		return a.Logs.PutSummary(ctx, job, p.step, body)
	case appends:
		return a.Logs.AppendPart(ctx, job, p.step, p.part, body)
	}
	return a.Logs.PutPart(ctx, job, p.step, p.part, body)
}
