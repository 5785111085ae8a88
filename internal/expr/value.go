package expr

import (
	"iter"
	"slices"
)

// A Value is what an expression gives: nil, bool, float64, string, *[Array] or
// *[Object]. No other type may stand in one; [Of] converts Go values.
type Value = any

// An Array is a sequence of values. Two arrays are equal only when they are
// the same array.
type Array struct {
	Items []Value
}

// An Object is a mapping that keeps the order in which its keys were first
// set. Keys match without case unless it was made by [NewCaseSensitiveObject].
// Two objects are equal only when they are the same object. Goroutines may
// share an object that nobody changes. A nil Object is empty; it cannot be set.
type Object struct {
	caseSensitive bool
	entries       []entry
	index         map[string]int // folded key → position; nil while there are few
}

type entry struct {
	key   string
	value Value
}

// indexFrom is the number of entries from which a look-up uses an index.
const indexFrom = 9

// NewObject returns an empty object whose keys match without case.
func NewObject() *Object { return &Object{} }

// NewCaseSensitiveObject returns an empty object whose keys must match
// exactly, as the env context does on Linux and macOS (EXP-9).
func NewCaseSensitiveObject() *Object { return &Object{caseSensitive: true} }

// CaseSensitive says whether keys must match exactly.
func (o *Object) CaseSensitive() bool { return o.caseSensitive }

// Set gives key the value v and returns o. A key that is there already keeps
// its position and its spelling.
func (o *Object) Set(key string, v Value) *Object {
	if i := o.find(key); i >= 0 {
		o.entries[i].value = v
		return o
	}
	o.entries = append(o.entries, entry{key, v})
	switch n := len(o.entries); {
	case o.index != nil:
		o.index[o.fold(key)] = n - 1
	case n >= indexFrom:
		o.reindex()
	}
	return o
}

// Get returns the value of key, and whether there is one.
func (o *Object) Get(key string) (Value, bool) {
	if i := o.find(key); i >= 0 {
		return o.entries[i].value, true
	}
	return nil, false
}

// Delete removes key, in time linear to the number of keys.
func (o *Object) Delete(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.entries = slices.Delete(o.entries, i, i+1)
	o.index = nil
	if len(o.entries) >= indexFrom {
		o.reindex()
	}
}

// find returns the position of key, or -1.
func (o *Object) find(key string) int {
	if o == nil {
		return -1
	}
	if o.index != nil {
		if i, ok := o.index[o.fold(key)]; ok {
			return i
		}
		return -1
	}
	for i, e := range o.entries {
		if e.key == key || !o.caseSensitive && equalFold(e.key, key) {
			return i
		}
	}
	return -1
}

func (o *Object) reindex() {
	o.index = make(map[string]int, len(o.entries))
	for i, e := range o.entries {
		o.index[o.fold(e.key)] = i
	}
}

func (o *Object) fold(key string) string {
	if o.caseSensitive {
		return key
	}
	return foldCase(key)
}

// Len returns the number of keys.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.entries)
}

// All yields keys and values in the order in which the keys were first set.
func (o *Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if o == nil {
			return
		}
		for _, e := range o.entries {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}
