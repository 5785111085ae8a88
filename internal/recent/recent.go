// Package recent keeps what was used lately and is costly to make again. It is
// the one cache of the program.
//
// A [Cache] forgets what was not used for longest when there is too much of it. What
// never changes is put and got by its key alone. What can change is got for a
// revision, a number that is greater after each change, and only what was put for
// the same one is there: whoever makes a value asks for the revision first
// (store.Store.Revision), and so never keeps what was old already.
package recent

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A Cache is safe for concurrent use.
type Cache[K comparable, V any] struct {
	mostSize int

	mu   sync.Mutex
	lru  *simplelru.LRU[K, entry[V]]
	size int
}

type entry[V any] struct {
	value    V
	size     int
	revision uint64
}

// New makes a cache of at most so many values, whose sizes, in the unit that
// [Cache.Put] is told, add up to at most mostSize. One value is always kept.
func New[K comparable, V any](most, mostSize int) *Cache[K, V] {
	c := &Cache[K, V]{mostSize: mostSize}
	// It fails only where most is not positive.
	c.lru, _ = simplelru.NewLRU(max(most, 1), func(_ K, e entry[V]) { c.size -= e.size })
	return c
}

// Get returns the value of a key that never changes, if it is there.
func (c *Cache[K, V]) Get(k K) (V, bool) { return c.GetAt(k, 0) }

// GetAt returns the value of a key that was put for the revision, if it is there.
func (c *Cache[K, V]) GetAt(k K, revision uint64) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.lru.Get(k)
	if ok && e.revision == revision {
		return e.value, true
	}
	if ok && e.revision < revision {
		c.lru.Remove(k)
	}
	var none V
	return none, false
}

// FindAt returns the value of a key for a revision, which the caller asked for before;
// it is made where it is not there, and kept with the size 1. An error is not kept.
func (c *Cache[K, V]) FindAt(k K, revision uint64, made func() (V, error)) (V, error) {
	if v, ok := c.GetAt(k, revision); ok {
		return v, nil
	}
	v, err := made()
	if err == nil {
		c.PutAt(k, v, 1, revision)
	}
	return v, err
}

// Put keeps a value that never changes.
func (c *Cache[K, V]) Put(k K, v V, size int) { c.PutAt(k, v, size, 0) }

// PutAt keeps a value for a revision that was asked for before the value was
// made. It replaces what is older.
func (c *Cache[K, V]) PutAt(k K, v V, size int, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.lru.Peek(k); ok && e.revision > revision {
		return
	}
	c.lru.Remove(k)
	c.lru.Add(k, entry[V]{v, size, revision})
	c.size += size
	for c.size > c.mostSize && c.lru.Len() > 1 {
		c.lru.RemoveOldest()
	}
}

// Remove forgets a value.
func (c *Cache[K, V]) Remove(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(k)
}
