// Package fair shares a number of places between many who want them, so that none
// of them keeps the others out.
//
// Who wants a place names a key: an account, an address, a repository, and how many
// places the key may hold at the same time. When one becomes free it goes to the key
// that holds the fewest, and among those to who has waited longest.
package fair

import (
	"context"
	"slices"
	"sync"
)

// Places are safe for concurrent use.
type Places[K comparable] struct {
	all int

	mu    sync.Mutex
	taken int
	held  map[K]int    // by key, less those with none
	line  []*waiter[K] // in the order in which they came
}

type waiter[K comparable] struct {
	key   K
	most  int
	enter chan struct{} // closed when it has a place
}

// New makes all places.
func New[K comparable](all int) *Places[K] {
	return &Places[K]{all: all, held: make(map[K]int)}
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
	w := &waiter[K]{k, most, make(chan struct{})}
	p.line = append(p.line, w)
	p.mu.Unlock()
	select {
	case <-w.enter:
		return func() { p.leave(k) }, nil
	case <-ctx.Done():
		if !p.giveUp(w) {
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

func (p *Places[K]) room(k K, most int) bool { return p.taken < p.all && p.held[k] < most }

func (p *Places[K]) take(k K) {
	p.taken++
	p.held[k]++
}

// giveUp takes w out of the line. False means that it has a place already.
func (p *Places[K]) giveUp(w *waiter[K]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.line, w)
	if i >= 0 {
		p.line = slices.Delete(p.line, i, i+1)
	}
	return i >= 0
}

func (p *Places[K]) leave(k K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.held[k]--; p.held[k] == 0 {
		delete(p.held, k)
	}
	for {
		next := -1
		for i, w := range p.line {
			if p.room(w.key, w.most) && (next < 0 || p.held[w.key] < p.held[p.line[next].key]) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		w := p.line[next]
		p.line = slices.Delete(p.line, next, next+1)
		p.take(w.key)
		close(w.enter)
	}
}
