package graphql

import (
	"errors"
	"regexp"
	"strings"

	gqlerrors "github.com/graph-gophers/graphql-go/errors"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// A problem is an error as GitHub writes it.
type problem struct {
	Message    string               `json:"message"`
	Type       string               `json:"type,omitempty"`
	Path       []any                `json:"path,omitempty"`
	Locations  []gqlerrors.Location `json:"locations,omitempty"`
	Extensions map[string]any       `json:"extensions,omitempty"`
}

const (
	maxProblems = 10  // that one answer tells, and places of one
	maxMessage  = 500 // characters of one
)

// problems are the errors of a query, the first of them. The error is one that
// is ours to fix.
func problems(list []*gqlerrors.QueryError) ([]problem, error) {
	var out []problem
	for _, e := range list {
		if len(out) == maxProblems {
			break
		}
		if len(out) > 0 && strings.Contains(e.Message, "%!q(<nil>)") {
			continue // it only follows from a type that is not known, which has an error of its own
		}
		p := problem{Message: e.Message, Path: e.Path, Locations: e.Locations[:min(len(e.Locations), maxProblems)], Extensions: e.Extensions}
		switch {
		case e.ResolverError != nil:
			kind := actions.KindOf(e.ResolverError)
			if kind == actions.Internal {
				return nil, e.ResolverError
			}
			p.Message, p.Type = httpjson.Message(e.ResolverError), typeOf(kind)
			if named, ok := errors.AsType[*notResolved](e.ResolverError); ok {
				p.Message = named.text
			}
		case errors.Is(e, gqlerrors.ErrSyntax):
		default:
			p.undefined()
		}
		p.Message = actions.Clip(p.Message, maxMessage)
		out = append(out, p)
	}
	return out, nil
}

// A notResolved is the NotFound of an object that the query names itself.
type notResolved struct{ text string }

// Error implements error.
func (e *notResolved) Error() string { return e.text }

func typeOf(k actions.Kind) string {
	switch k {
	case actions.NotFound:
		return "NOT_FOUND"
	case actions.Forbidden, actions.Unauthorized:
		return "FORBIDDEN"
	default:
		return "UNPROCESSABLE"
	}
}

var unknownField = regexp.MustCompile(`^Cannot query field "(\w+)" on type "(\w+)"`)

// undefined says in GitHub's words that a field does not exist, if that is it.
func (p *problem) undefined() {
	m := unknownField.FindStringSubmatch(p.Message)
	if m == nil {
		return
	}
	p.Message = "Field '" + m[1] + "' doesn't exist on type '" + m[2] + "'"
	p.Extensions = map[string]any{"code": "undefinedField", "typeName": m[2], "fieldName": m[1]}
}
