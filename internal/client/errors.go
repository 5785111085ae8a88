package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Error is an answer that is not the one hoped for.
type Error struct {
	Request string // "GET /repos/octo/hello"
	Status  int
	Message string          // GitHub's; empty if it is not the API that answers
	Details json.RawMessage // what GitHub calls errors; empty for none
	Type    string          // of the answer's content
	After   time.Duration   // how long the server asks to wait
}

// Error says what was asked and what came.
func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("%s: %d (%s), which is no answer of the REST API", e.Request, e.Status, e.Type)
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %d %s %s", e.Request, e.Status, e.Message, e.Details))
}

// StatusOf is the status of an answer that is an [Error], 0 for any other.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// Refused makes an error of an answer, with what its body says.
func Refused(res *http.Response) *Error {
	e := newError(res)
	var problem struct {
		Message string          `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	if err == nil && json.Unmarshal(text, &problem) == nil {
		e.Message, e.Details = problem.Message, problem.Errors
	}
	return e
}

// newError makes an error of an answer that is not one of the API.
func newError(res *http.Response) *Error {
	return &Error{
		Request: res.Request.Method + " " + res.Request.URL.Path, // a query may have a signature
		Status:  res.StatusCode, Type: res.Header.Get("Content-Type"), After: retryAfter(res.Header),
	}
}

// retryAfter is what the header of that name asks for, within reason.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

// Unreachable is the error of a server that gave no answer.
type Unreachable struct {
	Server string // as the user named it, or a host
	Err    error  // without the URL
}

// Error names the server.
func (e *Unreachable) Error() string { return e.Server + ": " + e.Err.Error() }

// Unwrap is what happened.
func (e *Unreachable) Unwrap() error { return e.Err }
