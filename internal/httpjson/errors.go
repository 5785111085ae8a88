package httpjson

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// StatusOf is the status of an answer to an error of kind k.
func StatusOf(k actions.Kind) int {
	switch k {
	case actions.Malformed:
		return http.StatusBadRequest
	case actions.Unauthorized:
		return http.StatusUnauthorized
	case actions.Forbidden:
		return http.StatusForbidden
	case actions.NotAllowed:
		return http.StatusMethodNotAllowed
	case actions.NotFound:
		return http.StatusNotFound
	case actions.Conflict:
		return http.StatusConflict
	case actions.Gone:
		return http.StatusGone
	case actions.Invalid:
		return http.StatusUnprocessableEntity
	case actions.TooMany:
		return http.StatusTooManyRequests
	case actions.Unavailable:
		return http.StatusServiceUnavailable
	case actions.Internal:
	}
	return http.StatusInternalServerError
}

// A Problem is the body of an error of GitHub's REST API.
type Problem struct {
	Message          string         `json:"message"`
	Errors           []FieldProblem `json:"errors,omitempty"` // of an [actions.FieldError]
	DocumentationURL string         `json:"documentation_url"`
	Status           string         `json:"status"`
}

// A FieldProblem says what is wrong with one field of a request.
type FieldProblem struct {
	Resource string            `json:"resource"`
	Code     actions.FieldCode `json:"code"`
	Field    string            `json:"field"`
	Message  string            `json:"message,omitempty"` // for [actions.CustomField], and without a code
}

// MarshalJSON writes the message alone where the problem is with no field.
func (p FieldProblem) MarshalJSON() ([]byte, error) {
	if p.Code == "" {
		return json.Marshal(p.Message)
	}
	type whole FieldProblem
	return json.Marshal(whole(p))
}

// Message is what a caller may read of err: the text of whoever knew the rule,
// without what the way up added for the log. Of what is not found it says only
// that, unless it is an [actions.Absence], and of an internal error nothing.
func Message(err error) string {
	kind := actions.KindOf(err)
	if kind == actions.Internal {
		return "Server Error"
	}
	if kind == actions.NotFound {
		if a, ok := errors.AsType[actions.Absence](err); ok {
			return a.Error()
		}
		return "Not Found"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil || actions.KindOf(inner) != kind {
			return err.Error()
		}
		err = inner
	}
}

// ProblemOf is the status and the body for err.
func ProblemOf(err error, documentation string) (int, Problem) {
	status := StatusOf(actions.KindOf(err))
	p := Problem{Message: Message(err), DocumentationURL: documentation, Status: strconv.Itoa(status)}
	if f, ok := errors.AsType[*actions.FieldError](err); ok {
		wrong := FieldProblem{Resource: f.Resource, Code: f.Code, Field: f.Field}
		if f.Code == actions.CustomField || f.Code == "" {
			wrong.Message = p.Message
		}
		p.Message, p.Errors = cmp.Or(f.Summary, "Validation Failed"), []FieldProblem{wrong}
	}
	return status, p
}

// WriteError answers err as GitHub's REST API does.
func WriteError(w http.ResponseWriter, err error, documentation string) error {
	status, p := ProblemOf(err, documentation)
	return Write(w, status, p)
}
