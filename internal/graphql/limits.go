package graphql

import (
	"context"
	"errors"
	"sync/atomic"

	gqlerrors "github.com/graph-gophers/graphql-go/errors"
	"github.com/graph-gophers/graphql-go/introspection"
)

// Bounds of one request. What gh sends is far below all of them; its longest query
// asks for the ids of some hundred repositories. The answer has at most maxFields
// names and values, none of which is longer than maxName or than what the database
// holds in a field.
const (
	maxQuery        = 64 << 10  // bytes
	maxBody         = 1 << 20   // bytes, with the variables
	maxVariables    = 512 << 10 // bytes of their JSON: the text of a pull request, each character escaped; an error repeats one
	maxSelections   = 2000      // with fragments put in
	maxIntrospected = 400       // of them, where __schema or __type is asked for, whose lists repeat what they hold
	maxDepth        = 16        // of fields; introspection as clients do it has 13
	maxOverlaps     = 10_000    // pairs of fields that are compared
	maxFields       = 10_000    // of the answer, and entries of lists that are read for it
	parallel        = 4         // fields that are looked up at the same time
)

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

// spend counts fields of the answer, and is an error where there are too many.
func spend(ctx context.Context, fields int) error {
	c, ok := ctx.Value(countKey{}).(*count)
	if !ok || c.fields.Add(int64(fields)) <= maxFields {
		return nil
	}
	c.end(errTooManyFields)
	return errTooManyFields
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
	_ = spend(ctx, 1) // it ends ctx
	return ctx, func(*gqlerrors.QueryError) {}
}
