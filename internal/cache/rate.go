package cache

import (
	"slices"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Wait is a refusal that says when to come again.
type Wait struct {
	error // TooMany
	After time.Duration
}

// Unwrap returns the refusal itself.
func (w *Wait) Unwrap() error { return w.error }

// window is the time in which uploads are counted.
const window = time.Minute

// A rate counts the uploads of each uploader in the last minute. It is lost with
// the process, which costs nothing.
type rate struct {
	most int

	mu    sync.Mutex
	began map[uploader][]time.Time // oldest first
}

// An uploader is the branches and tags of a repository, or its pull requests: what
// those upload leaves the others their rate.
type uploader struct {
	repo  int64
	pulls bool
}

func uploaderOf(c *actions.Cache) uploader { return uploader{c.RepoID, c.OfPull()} }

// take counts an upload that begins, or says when there is room for one.
func (r *rate) take(by uploader, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began == nil {
		r.began = make(map[uploader][]time.Time)
	}
	times := r.began[by]
	old := 0
	for old < len(times) && now.Sub(times[old]) >= window {
		old++
	}
	times = times[old:]
	if len(times) >= r.most {
		return &Wait{
			actions.Errorf(actions.TooMany, "more than %d caches were uploaded to the repository within a minute", r.most),
			window - now.Sub(times[0]),
		}
	}
	r.began[by] = append(times, now)
	return nil
}

// giveBack takes back what take counted for an upload that was refused.
func (r *rate) giveBack(by uploader, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	times := r.began[by]
	if i := slices.IndexFunc(times, at.Equal); i >= 0 {
		r.began[by] = slices.Delete(times, i, i+1)
	}
}

// sweep forgets who uploads nothing.
func (r *rate) sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for by, times := range r.began {
		if len(times) == 0 || now.Sub(times[len(times)-1]) >= window {
			delete(r.began, by)
		}
	}
}
