// Package recent keeps the newest of what is costly to make again.
//
// A [Cache] holds values that never change, by key, and forgets the oldest when
// there are too many or they are too large together.
package recent

import "sync"

// A Cache is safe for concurrent use.
type Cache[K comparable, V any] struct {
	most, mostSize int

	mu    sync.Mutex
	known map[K]entry[V]
	order []K // oldest first
	size  int
}

type entry[V any] struct {
	value V
	size  int
}

// New makes a cache of at most so many values, whose sizes, in the unit that
// [Cache.Put] is told, add up to at most mostSize. One value is always kept.
func New[K comparable, V any](most, mostSize int) *Cache[K, V] {
	return &Cache[K, V]{most: most, mostSize: mostSize, known: make(map[K]entry[V])}
}

// Get returns the value of a key, if it is there.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[k]
	return e.value, ok
}

// Put keeps a value. The first one of a key stays: values never change.
func (c *Cache[K, V]) Put(k K, v V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[k]; ok {
		return
	}
	c.known[k] = entry[V]{v, size}
	c.order = append(c.order, k)
	c.size += size
	for len(c.order) > c.most || c.size > c.mostSize && len(c.order) > 1 {
		oldest := c.order[0]
		c.size -= c.known[oldest].size
		delete(c.known, oldest)
		c.order = c.order[1:]
	}
}
