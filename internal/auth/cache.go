package auth

import (
	"sync"
	"time"
)

const (
	remembered = time.Second // how late another server's change is seen
	maxEntries = 10_000      // of each cache
)

// A cache remembers values for a moment. What was read before clear is not
// remembered after it. Its zero value is empty.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]entry[V]
	clears  uint64
}

type entry[V any] struct {
	value V
	until time.Time
}

func (c *cache[K, V]) get(k K, now time.Time) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	if !ok || !now.Before(e.until) {
		var zero V
		return zero, false
	}
	return e.value, true
}

// generation is what put wants to know of the time before the value was read.
func (c *cache[K, V]) generation() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clears
}

func (c *cache[K, V]) put(k K, v V, now time.Time, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clears != generation {
		return
	}
	if c.entries == nil || len(c.entries) >= maxEntries {
		c.entries = make(map[K]entry[V])
	}
	c.entries[k] = entry[V]{v, now.Add(remembered)}
}

func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = nil
	c.clears++
}
