// Package event says what GitHub's events are. It is pure: no I/O and no clock.
//
// One table (file table.go) has a row for each event that a workflow may name
// below `on`. Package workflow checks files by it.
package event

import (
	"slices"
	"strings"
)

// KindOf returns the kind of the event with a name, and false when there is none.
func KindOf(name string) (Kind, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(k Kind, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return Kind{}, false
	}
	return table[i], true
}

// HasTypes says whether the event has activity types.
func (k Kind) HasTypes() bool { return k.AnyType || len(k.Types) > 0 }

// HasType says whether an activity type is one of the event's.
func (k Kind) HasType(name string) bool { return k.AnyType || slices.Contains(k.Types, name) }

// DefaultTypes are the activity types that count when a workflow names none; with
// none here, all count.
func (k Kind) DefaultTypes() []string {
	if k.Defaults != nil {
		return k.Defaults
	}
	return k.Types
}

// Kinds are all rows of the table.
func Kinds() []Kind { return slices.Clone(table) }
