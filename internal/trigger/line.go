package trigger

import (
	"context"
	"sync"
)

// lines let one caller at a time do something with a repository.
type lines struct {
	mu    sync.Mutex
	repos map[int64]*line // with somebody in it
}

type line struct {
	held chan struct{} // room for one
	in   int           // callers who hold it or wait
}

// enter waits until nobody else works on the repository.
func (l *lines) enter(ctx context.Context, repoID int64) (leave func(), err error) {
	l.mu.Lock()
	if l.repos == nil {
		l.repos = make(map[int64]*line)
	}
	at := l.repos[repoID]
	if at == nil {
		at = &line{held: make(chan struct{}, 1)}
		l.repos[repoID] = at
	}
	at.in++
	l.mu.Unlock()
	out := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if at.in--; at.in == 0 {
			delete(l.repos, repoID)
		}
	}
	select {
	case at.held <- struct{}{}:
		return func() { <-at.held; out() }, nil
	case <-ctx.Done():
		out()
		return nil, ctx.Err()
	}
}
