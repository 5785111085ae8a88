// Package settings is what the enterprise, its organizations and their repositories
// set for themselves.
//
// Each setting is a [Key] with the type of its values and all of its rules; keys.go
// has them all. What [Get] answers for a repository is what the repository has set,
// else its organization, else the enterprise, else the operator of the server by a
// flag ([Key.Default]), else the standard of the key. Where a key has an order, what
// is set above is the most that counts below: [Set] refuses more, and what was set
// before the ceiling came down is cut to it when it is read, and is back when the
// ceiling goes.
//
// All is one table of the store. What was read is remembered until anything is
// set, here or on another server (store.SettingsTopic), so that [Get] costs
// no query. A change counts for what happens after it: what is kept already keeps
// the time that it was given.
package settings

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// Settings is safe for concurrent use.
type Settings struct {
	store    *store.Store
	defaults map[string]any
	known    *recent.Cache[Scope, found]
	vars     *recent.Cache[varsKey, *expr.Object]
}

// What is remembered.
const (
	maxScopes = 10_000
	maxSize   = 32 << 20 // bytes of their values
)

// found is what is set in a scope and above it, in JSON.
type found map[entry]string

// An entry is a key that is set in one scope.
type entry struct {
	scope actions.Scope
	key   string
}

func (f found) size() int {
	n := 100
	for _, value := range f {
		n += 100 + len(value)
	}
	return n
}

// New makes settings on a store. A key without a default here has its own standard.
func New(st *store.Store, defaults ...Default) *Settings {
	s := &Settings{
		store: st, defaults: make(map[string]any),
		known: recent.New[Scope, found](maxScopes, maxSize), vars: recent.New[varsKey, *expr.Object](maxScopes, maxVarsSize),
	}
	for _, d := range defaults {
		s.defaults[d.name] = d.value
	}
	return s
}

// Get returns the value of a key in a scope: what is set there, or above it, or the
// default.
func Get[T any](ctx context.Context, s *Settings, sc Scope, k Key[T]) (T, error) {
	is, _, err := look(ctx, s, sc, k)
	return is, err
}

// Most returns the greatest value that can be set for a key in a scope.
func Most[T any](ctx context.Context, s *Settings, sc Scope, k Key[T]) (T, error) {
	_, most, err := look(ctx, s, sc, k)
	return most, err
}

func look[T any](ctx context.Context, s *Settings, sc Scope, k Key[T]) (is, most T, err error) {
	all, err := s.find(ctx, sc)
	if err != nil {
		return is, most, err
	}
	return k.in(s, sc, all)
}

// find finds what is set in a scope and above it, mostly in memory.
func (s *Settings) find(ctx context.Context, sc Scope) (found, error) {
	revision := s.store.Revision(store.SettingsTopic())
	if all, ok := s.known.GetAt(sc, revision); ok {
		return all, nil
	}
	all, err := read(ctx, s.store, sc)
	if err == nil {
		s.known.PutAt(sc, all, all.size(), revision)
	}
	return all, err
}

// read finds what is set in a scope and above it, in the store or a transaction.
func read(ctx context.Context, q interface {
	Settings(ctx context.Context, ownerID, repoID int64) ([]store.Setting, error)
}, sc Scope,
) (found, error) {
	list, err := q.Settings(ctx, sc.owner, sc.repo)
	if err != nil {
		return nil, err
	}
	all := make(found, len(list))
	for _, set := range list {
		all[entry{set.Scope, set.Key}] = set.Value
	}
	return all, nil
}

// A Change is what [Set] or [Unset] wants of a scope.
type Change struct {
	key, audit string
	// value is the JSON to be saved, empty to unset the key.
	value func(s *Settings, sc Scope, all found) (string, error)
}

// Set gives a key a value. One that no scope may have, or not this one, is Invalid.
func Set[T any](k Key[T], v T) Change {
	return Change{k.name, k.audit, func(s *Settings, sc Scope, all found) (string, error) {
		_, most, err := k.in(s, sc, all)
		if err != nil {
			return "", err
		}
		return k.encode(v, most)
	}}
}

// Unset takes back what a scope has set: what is set above it counts again.
func Unset[T any](k Key[T]) Change {
	return Change{k.name, k.audit, func(*Settings, Scope, found) (string, error) { return "", nil }}
}

// Update changes what a scope has set: all of it or, with an error, nothing.
func (s *Settings) Update(ctx context.Context, sc Scope, changes ...Change) error {
	return s.store.Update(ctx, func(tx *store.Tx) error { return s.UpdateIn(ctx, tx, sc, changes...) })
}

// UpdateIn is [Settings.Update] within a transaction that changes more than settings.
func (s *Settings) UpdateIn(ctx context.Context, tx *store.Tx, sc Scope, changes ...Change) error {
	now := sc
	if sc.repo != 0 { // it may be gone, or public by now
		r, err := tx.Repository(ctx, sc.repo)
		if err != nil {
			return err
		}
		now = Repo(r)
	}
	all, err := read(ctx, tx, now)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := s.apply(ctx, tx, now, all, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) apply(ctx context.Context, tx *store.Tx, sc Scope, all found, c Change) error {
	value, err := c.value(s, sc, all)
	if err != nil {
		return err
	}
	return tx.SaveSetting(ctx, store.Setting{Scope: sc.own(), Key: c.key, Value: value, Action: c.audit})
}
