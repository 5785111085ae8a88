package db

import (
	"context"

	"github.com/understudy-ci/understudy/internal/fair"
)

// A Share is a part of the callers that get as many of the connections as each other
// part, however many they are. Within one, who comes first is first. Callers without a
// share, such as the server's own work, have one together.
type Share string

type shareKey struct{}

// WithShare says which share the statements count for that are run with the context.
func WithShare(ctx context.Context, s Share) context.Context {
	return context.WithValue(ctx, shareKey{}, s)
}

// connections are what the statements of all shares run on, at most so many at a time.
// Without them [database/sql] gives a free connection to any of those who wait: with
// hundreds of them some wait long.
type connections struct {
	all    int
	places *fair.Places[Share]
}

func newConnections(all int) connections { return connections{all, fair.New[Share](all)} }

// take waits for a connection to be free. The caller calls leave once it needs none.
func (c connections) take(ctx context.Context) (leave func(), err error) {
	s, _ := ctx.Value(shareKey{}).(Share)
	return c.places.Enter(ctx, s, c.all)
}
