package graphql

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	gqlerrors "github.com/graph-gophers/graphql-go/errors"
	"github.com/graph-gophers/graphql-go/introspection"
)

// Bounds of one request. The answer has at most maxFields names and values, none
// of which is longer than maxName or than what the database holds in a field.
const (
	maxQuery      = 64 << 10     // bytes
	maxBody       = 2 * maxQuery // bytes, with the variables
	maxName       = 256          // characters of a name; GitHub's own have less than 100
	maxNesting    = 64           // of brackets, before anything is parsed
	maxDepth      = 16           // of fields; introspection as clients do it has 13
	maxSelections = 5000         // with fragments put in
	maxOverlaps   = 20_000       // pairs of fields that are compared
	maxFields     = 20_000       // of the answer
	parallel      = 4            // fields that are looked up at the same time
)

// refuse says why a query is not even parsed, or nothing. Text in quotes counts
// as if it were not: nobody needs it so long or nested.
func refuse(query string) string {
	if len(query) > maxQuery {
		return fmt.Sprintf("The query is larger than %d bytes", maxQuery)
	}
	nesting, name := 0, 0
	for _, c := range []byte(query) {
		switch {
		case c == '_', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			if name++; name > maxName {
				return fmt.Sprintf("The query has a name of more than %d characters", maxName)
			}
			continue
		case c == '{', c == '[', c == '(':
			nesting++
		case c == '}', c == ']', c == ')':
			nesting--
		}
		if name = 0; nesting > maxNesting {
			return fmt.Sprintf("The query is nested deeper than %d", maxNesting)
		}
	}
	return ""
}

// errTooManyFields is why a request's context ended.
var errTooManyFields = errors.New("the answer has too many fields")

type countKey struct{}

// A count is how many fields a request has answered, and what ends it.
type count struct {
	fields atomic.Int64
	end    context.CancelCauseFunc
}

// counted is a context in which the fields of the answer are counted, and that
// ends when there are too many.
func counted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	return context.WithValue(ctx, countKey{}, &count{end: end}), func() { end(nil) }
}

func exceeded(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTooManyFields) }

// A counter is told by the library of each field, those of introspection
// included, before it is looked up.
type counter struct{}

// TraceQuery implements the library's tracer.
func (counter) TraceQuery(ctx context.Context, _, _ string, _ map[string]any, _ map[string]*introspection.Type) (context.Context, func([]*gqlerrors.QueryError)) {
	return ctx, func([]*gqlerrors.QueryError) {}
}

// TraceField implements the library's tracer.
func (counter) TraceField(ctx context.Context, _, _, _ string, _ bool, _ map[string]any) (context.Context, func(*gqlerrors.QueryError)) {
	if c, ok := ctx.Value(countKey{}).(*count); ok && c.fields.Add(1) > maxFields {
		c.end(errTooManyFields)
	}
	return ctx, func(*gqlerrors.QueryError) {}
}
