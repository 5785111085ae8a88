package gitrepo

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/fair"
)

// A pool keeps idle object readers for the repositories used last. In use are
// at most as many as busy has places, half of them for one repository; who comes
// later waits.
type pool struct {
	busy *fair.Places[int64]
	runs *fair.Places[int64] // of processes that answer one question
	each int                 // of one repository
	max  int
	keep time.Duration

	mu     sync.Mutex
	idle   []*idleReader // oldest first; few, so a slice will do
	closed bool
}

type idleReader struct {
	*catFile
	expire *time.Timer
}

func newPool(l Limits) *pool {
	return &pool{busy: fair.New[int64](l.Readers), runs: fair.New[int64](l.Readers), each: (l.Readers + 1) / 2, max: l.IdleReaders, keep: l.Idle}
}

// enter waits until a repository may have one more reader. leave ends what enter
// began.
func (p *pool) enter(ctx context.Context, id int64) (leave func(), err error) {
	return p.busy.Enter(ctx, id, p.each)
}

// enter waits until the repository of a view may have one more process that answers
// a question. What a push asks waits for nobody: it has its repository's lock.
func (g *Git) enter(ctx context.Context, v *View) (leave func(), err error) {
	if v.quarantine != "" {
		return func() {}, nil
	}
	return g.pool.runs.Enter(ctx, v.id, g.pool.each)
}

// take returns an idle reader of the repository, nil if there is none.
func (p *pool) take(id int64) *catFile {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range slices.Backward(p.idle) {
		if r.id == id {
			p.idle = slices.Delete(p.idle, i, i+1)
			r.expire.Stop()
			return r.catFile
		}
	}
	return nil
}

// put keeps a reader for later and ends the oldest if there are too many.
func (p *pool) put(c *catFile) {
	p.mu.Lock()
	if c.broken || p.closed {
		p.mu.Unlock()
		c.close()
		return
	}
	r := &idleReader{catFile: c}
	r.expire = time.AfterFunc(p.keep, func() { p.end(func(x *idleReader) bool { return x == r }) })
	p.idle = append(p.idle, r)
	var oldest *idleReader
	if len(p.idle) > p.max {
		oldest = p.idle[0]
		p.idle = slices.Delete(p.idle, 0, 1)
		oldest.expire.Stop()
	}
	p.mu.Unlock()
	if oldest != nil {
		oldest.close()
	}
}

// drop ends the idle readers of a repository.
func (p *pool) drop(id int64) { p.end(func(r *idleReader) bool { return r.id == id }) }

// close ends all idle readers, and the busy ones when they come back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end(func(*idleReader) bool { return true })
}

func (p *pool) end(which func(*idleReader) bool) {
	var ended []*idleReader
	p.mu.Lock()
	p.idle = slices.DeleteFunc(p.idle, func(r *idleReader) bool {
		if !which(r) {
			return false
		}
		ended = append(ended, r)
		return true
	})
	p.mu.Unlock()
	for _, r := range ended {
		r.expire.Stop()
		r.close()
	}
}
