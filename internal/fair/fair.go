// Package fair shares a number of places between many who want them, so that none
// of them keeps the others out.
//
// Who wants a place names a key: an account, an address, a repository, and how many
// places the key may hold at the same time. When one becomes free it goes to the key
// that holds the fewest, and among those to who has waited longest.
package fair

import (
	"container/list"
	"context"
	"sync"
)

// Places are safe for concurrent use.
type Places[K comparable] struct {
	all int

	mu    sync.Mutex
	taken int
	held  map[K]int        // by key, less those with none
	lines map[K]*list.List // of waiters, in the order in which they came, less those that are empty
	came  uint64           // waiters, ever
}

type waiter struct {
	number uint64 // of them all
	most   int
	enter  chan struct{} // closed when it has a place
}

// New makes all places.
func New[K comparable](all int) *Places[K] {
	return &Places[K]{all: all, held: make(map[K]int), lines: make(map[K]*list.List)}
}

// TryEnter takes a place for key k, which may hold most, if there is one now. The
// caller calls leave once in the end.
func (p *Places[K]) TryEnter(k K, most int) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.room(k, most) {
		return nil, false
	}
	p.take(k)
	return func() { p.leave(k) }, true
}

// Enter takes a place for key k, which may hold most, and waits until there is one.
// The caller calls leave once in the end. The error is that of ctx.
func (p *Places[K]) Enter(ctx context.Context, k K, most int) (leave func(), err error) {
	p.mu.Lock()
	if p.room(k, most) { // then nobody waits who could have it
		p.take(k)
		p.mu.Unlock()
		return func() { p.leave(k) }, nil
	}
	w := p.wait(k, most)
	p.mu.Unlock()
	select {
	case <-w.Value.(*waiter).enter:
		return func() { p.leave(k) }, nil
	case <-ctx.Done():
		if !p.giveUp(k, w) {
			p.leave(k)
		}
		return nil, ctx.Err()
	}
}

// Held is how many places key k has now, and how many are taken in all.
func (p *Places[K]) Held(k K) (own, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[k], p.taken
}

// Waiting is how many wait for a place for key k.
func (p *Places[K]) Waiting(k K) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if line := p.lines[k]; line != nil {
		return line.Len()
	}
	return 0
}

func (p *Places[K]) room(k K, most int) bool { return p.taken < p.all && p.held[k] < most }

func (p *Places[K]) take(k K) {
	p.taken++
	p.held[k]++
}

func (p *Places[K]) wait(k K, most int) *list.Element {
	line := p.lines[k]
	if line == nil {
		line = list.New()
		p.lines[k] = line
	}
	p.came++
	return line.PushBack(&waiter{p.came, most, make(chan struct{})})
}

// giveUp takes w out of the line of k. False means that it has a place already.
func (p *Places[K]) giveUp(k K, w *list.Element) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.Value.(*waiter).enter:
		return false
	default:
		p.remove(k, w)
		return true
	}
}

func (p *Places[K]) remove(k K, w *list.Element) {
	line := p.lines[k]
	if line.Remove(w); line.Len() == 0 {
		delete(p.lines, k)
	}
}

func (p *Places[K]) leave(k K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.held[k]--; p.held[k] == 0 {
		delete(p.held, k)
	}
	for p.taken < p.all {
		k, w := p.next()
		if w == nil {
			return
		}
		p.remove(k, w)
		p.take(k)
		close(w.Value.(*waiter).enter)
	}
}

// next is who gets a place that is free; nil for nobody. It looks at each key that
// waits, and for one that holds its share at each of its waiters.
func (p *Places[K]) next() (k K, next *list.Element) {
	for key, line := range p.lines {
		if next != nil && p.held[key] > p.held[k] {
			continue
		}
		w := line.Front()
		for w != nil && !p.room(key, w.Value.(*waiter).most) {
			w = w.Next()
		}
		if w != nil && (next == nil || p.held[key] < p.held[k] || w.Value.(*waiter).number < next.Value.(*waiter).number) {
			k, next = key, w
		}
	}
	return k, next
}
