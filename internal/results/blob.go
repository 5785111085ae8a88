package results

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
)

// azureVersion is the version of Azure's interface that answers name.
const azureVersion = "2023-11-03"

// blob serves signed URLs: PUT of what a job shows and keeps, GET and HEAD of it, and the
// question of a browser whether a page may do that.
func (a *API) blob(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Ms-Request-Id", uuid.NewString())
	h.Set("X-Ms-Version", azureVersion)
	h.Set("Cache-Control", "no-store")
	method, preflight := asked(r)
	g, err := a.Keys.VerifyURL(method, httpjson.Base(r).Host(), r.URL.EscapedPath(), r.URL.RawQuery, a.Now())
	switch {
	case err != nil:
	case preflight:
		allowPages(h, r, method)
		w.WriteHeader(http.StatusNoContent)
	default:
		allowPages(h, r, method)
		err = a.granted(w, r, g)
	}
	if err == nil || r.Context().Err() != nil {
		return
	}
	code, status := codeOf(err)
	if status >= http.StatusInternalServerError {
		a.note(r.Context(), r.URL.Path, err)
	}
	writeAzureError(w, r, code, status, httpjson.Message(err))
}

// note logs an error that is ours to fix, or the operator's: the client of a full
// disk is not told which.
func (a *API) note(ctx context.Context, route string, err error) {
	switch actions.KindOf(err) {
	case actions.Internal:
		a.Log.ErrorContext(ctx, "request failed", "route", route, "err", err)
	case actions.Unavailable:
		a.Log.WarnContext(ctx, "request put off", "route", route, "err", err)
	default:
	}
}

// granted serves a request whose URL is good. The signature covers path and
// purpose, so one says as much as the other.
func (a *API) granted(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	switch g.Purpose {
	case logPurpose, summaryPurpose, diagnosticsPurpose:
		return a.upload(w, r, g)
	case jobLogsPurpose:
		return a.jobLogs(w, r, g)
	case runLogsPurpose:
		return a.runLogs(w, r, g)
	case artifactUploadPurpose:
		return a.putArtifact(w, r, g)
	case artifactDownloadPurpose:
		return a.getArtifact(w, r, g)
	case cacheUploadPurpose:
		return a.putCache(w, r, g)
	case cacheDownloadPurpose:
		return a.getCache(w, r, g)
	case assetDownloadPurpose:
		return a.getAsset(w, r, g)
	}
	return errObject
}

// An azureError is an error with a code of Azure's of its own.
type azureError struct {
	error
	code   string
	status int
}

func (e *azureError) Unwrap() error { return e.error }

var (
	errCopy     = &azureError{actions.Errorf(actions.Malformed, "blobs are not copied from elsewhere: send the bytes"), "UnsupportedHeader", http.StatusBadRequest}
	errQuery    = &azureError{actions.Errorf(actions.Malformed, "the query is not one that this blob knows"), "InvalidQueryParameterValue", http.StatusBadRequest}
	errTooLarge = &azureError{actions.Errorf(actions.Invalid, "the body is too large"), "RequestBodyTooLarge", http.StatusRequestEntityTooLarge}
)

// codeOf is Azure's code and status for an error.
func codeOf(err error) (code string, status int) {
	if e, ok := errors.AsType[*azureError](err); ok {
		return e.code, e.status
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge.code, errTooLarge.status
	}
	switch kind := actions.KindOf(err); kind {
	case actions.Forbidden, actions.Unauthorized:
		return "AuthenticationFailed", http.StatusForbidden
	case actions.Malformed:
		return "InvalidInput", http.StatusBadRequest
	case actions.Invalid:
		return errTooLarge.code, errTooLarge.status
	case actions.NotFound, actions.Gone:
		return "BlobNotFound", httpjson.StatusOf(kind)
	case actions.Conflict, actions.NotAllowed:
		return "OperationNotAllowedOnTheJob", http.StatusConflict
	case actions.TooMany:
		return "BlockCountExceedsLimit", http.StatusConflict
	case actions.Unavailable:
		return "ServerBusy", http.StatusServiceUnavailable
	case actions.Internal:
	}
	return "InternalError", http.StatusInternalServerError
}

func writeAzureError(w http.ResponseWriter, r *http.Request, code string, status int, message string) {
	body := struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
		Message string   `xml:"Message"`
	}{Code: code, Message: message}
	text, e := xml.Marshal(body)
	if e != nil {
		text = nil
	}
	text = append([]byte(xml.Header), text...)
	h := w.Header()
	h.Set("X-Ms-Error-Code", code)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // the connection's error is nobody's to handle
	}
}
