package settings

import (
	"encoding/json"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Key is a setting whose values are of type T, with its rules. The keys that
// there are stand in keys.go; nobody else can make one.
type Key[T any] struct {
	name     string // in the store, never to be changed
	audit    string // in the audit log when it is set, behind the name of the scope; as GitHub calls it
	standard T      // where nobody says anything

	// For keys whose values have an order: the greatest value that a scope can have
	// on a server with such a default, and a value as far as the greatest allows.
	most  func(sc Scope, standard T) T
	bound func(v, most T) T

	// check says why a value cannot be set where most is the greatest; nil for any can.
	check func(v, most T) error
}

// Standard is what the key is on a server whose operator says nothing.
func (k Key[T]) Standard() T { return k.standard }

// A Default is what the operator of the server says of a key.
type Default struct {
	name  string
	value any
}

// Default says what a key is where no scope says anything. It is no ceiling: scopes
// may set more.
func (k Key[T]) Default(v T) Default { return Default{k.name, v} }

// in returns what the key is in a scope, and the most that it can be set to there.
func (k Key[T]) in(s *Settings, sc Scope, all found) (is, most T, err error) {
	is = k.standard
	if v, ok := s.defaults[k.name].(T); ok {
		is = v
	}
	if k.most != nil {
		most = k.most(sc, is)
	}
	is = k.cut(is, most)
	for _, up := range sc.above() {
		v, ok, err := k.decode(up, all)
		if err != nil {
			return is, most, err
		}
		if ok {
			is = k.cut(v, most)
			most = is
		}
	}
	v, ok, err := k.decode(sc.own(), all)
	if ok {
		is = k.cut(v, most)
	}
	return is, most, err
}

func (k Key[T]) cut(v, most T) T {
	if k.bound == nil {
		return v
	}
	return k.bound(v, most)
}

func (k Key[T]) decode(sc actions.Scope, all found) (v T, ok bool, err error) {
	text, ok := all[entry{sc, k.name}]
	if !ok {
		return v, false, nil
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, false, fmt.Errorf("setting %s of %+v: %w", k.name, sc, err)
	}
	return v, true, nil
}

func (k Key[T]) encode(v, most T) (string, error) {
	if k.check != nil {
		if err := k.check(v, most); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// number makes a key for numbers from least to most. refuse is the error for others.
func number[T int | int64](name, audit string, standard, least T, most func(sc Scope, standard T) T, refuse func(v, most T) error) Key[T] {
	return Key[T]{
		name: name, audit: audit, standard: standard, most: most,
		bound: func(v, most T) T { return min(v, most) },
		check: func(v, most T) error {
			if v < least || v > most {
				return refuse(v, most)
			}
			return nil
		},
	}
}
