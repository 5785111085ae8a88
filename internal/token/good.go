package token

import (
	"crypto/sha256"
	"time"

	"github.com/understudy-ci/understudy/internal/recent"
)

const maxGood = 10_000 // tokens of a sort

// good are tokens of one sort that were checked before, by their hashes: jobs and
// runners call often, each time with the same one.
type good[T any] struct {
	said    *recent.Cache[[sha256.Size]byte, T]
	expires func(T) time.Time
}

func newGood[T any](expires func(T) time.Time) good[T] {
	return good[T]{recent.New[[sha256.Size]byte, T](maxGood, maxGood), expires}
}

// check reads a token, unless it is known to be good and has not expired.
func (g *good[T]) check(text string, now time.Time, read func(text string, now time.Time) (T, error)) (T, error) {
	if len(text) > maxToken {
		return read(text, now)
	}
	key := sha256.Sum256([]byte(text))
	if t, ok := g.said.Get(key); ok && now.Before(g.expires(t)) {
		return t, nil
	}
	t, err := read(text, now)
	if err == nil {
		g.said.Put(key, t, 1)
	}
	return t, err
}
