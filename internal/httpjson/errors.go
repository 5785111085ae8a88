package httpjson

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

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

// A FieldError says what is wrong with one field of a request, in GitHub's codes.
type FieldError struct {
	Resource string `json:"resource"`
	Code     string `json:"code"` // missing, missing_field, invalid, already_exists, unprocessable, custom
	Field    string `json:"field"`
	Message  string `json:"message,omitempty"` // for custom
}

type fieldErrors struct {
	error
	fields []FieldError
}

func (e *fieldErrors) Unwrap() error { return e.error }

// Invalid is an error of that kind whose answer has an errors array, if there
// are fields.
func Invalid(message string, fields ...FieldError) error {
	err := actions.Errorf(actions.Invalid, "%s", message)
	if len(fields) == 0 {
		return err
	}
	return &fieldErrors{err, fields}
}

// Missing is the error for a field that a request must have.
func Missing(resource, field string) error {
	return Invalid("Validation Failed", FieldError{Resource: resource, Code: "missing_field", Field: field})
}

// Custom is the error for one field, in the words of whoever knows the rule.
func Custom(resource, field string, err error) error {
	return Invalid("Validation Failed", FieldError{Resource: resource, Code: "custom", Field: field, Message: Message(err)})
}

// maxText is how long a name or description may be, in characters.
const maxText = 350

// CheckText says whether a field is a text that can be shown in one line.
func CheckText(resource, field, text string) error {
	if utf8.RuneCountInString(text) > maxText {
		return Custom(resource, field, actions.Errorf(actions.Invalid, "%s is too long (maximum is %d characters)", field, maxText))
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return Custom(resource, field, actions.Errorf(actions.Invalid, "%s control characters are not allowed", field))
	}
	return nil
}

// A Problem is the body of an error of GitHub's REST API.
type Problem struct {
	Message          string       `json:"message"`
	Errors           []FieldError `json:"errors,omitempty"`
	DocumentationURL string       `json:"documentation_url"`
	Status           string       `json:"status"`
}

// Message is what a caller may read of err: the text of whoever knew the rule,
// without what the way up added for the log. Of what is not found it says only
// that, and of an internal error nothing.
func Message(err error) string {
	kind := actions.KindOf(err)
	if kind == actions.Internal {
		return "Server Error"
	}
	if kind == actions.NotFound {
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
	if f, ok := errors.AsType[*fieldErrors](err); ok {
		p.Errors = f.fields
	}
	return status, p
}

// WriteError answers err as GitHub's REST API does.
func WriteError(w http.ResponseWriter, err error, documentation string) error {
	status, p := ProblemOf(err, documentation)
	return Write(w, status, p)
}
