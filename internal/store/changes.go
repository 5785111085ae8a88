package store

import "sync"

// A watch tells readers in this process what commits changed: pages and live
// lists wake up, and caches of rendered answers know that they are old. It holds
// nothing that a restart would miss.
type watch struct {
	mu          sync.Mutex
	generations map[int64]uint64                     // by repository
	runs        map[int64]map[chan struct{}]struct{} // by run
}

// Changed announces, after the commit, that the transaction changed something
// that readers of the repository see; of the run, too, unless runID is 0. The
// methods that write runs, jobs, steps and workflows call it themselves.
func (tx *Tx) Changed(repoID, runID int64) {
	tx.After(func() { tx.watch.changed(repoID, runID) })
}

func (w *watch) changed(repoID, runID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.generations[repoID]++
	for ch := range w.runs[runID] {
		select {
		case ch <- struct{}{}:
		default: // woken already
		}
	}
}

// Generation counts the commits that changed what readers of a repository see.
// An answer made at one generation is good until the next. ok is false where
// other servers may write, too, and the count would not know.
func (s *Store) Generation(repoID int64) (n uint64, ok bool) {
	if !s.db.Exclusive() {
		return 0, false
	}
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	return s.watch.generations[repoID], true
}

// Watch wakes its channel after each change of a run, its jobs or its steps,
// until stop is called. Several changes may come as one. With other servers on
// the same database, changes made there are not seen: ask again from time to time.
func (s *Store) Watch(runID int64) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w := s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.runs[runID] == nil {
		w.runs[runID] = make(map[chan struct{}]struct{})
	}
	w.runs[runID][ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.runs[runID], ch)
		if len(w.runs[runID]) == 0 {
			delete(w.runs, runID)
		}
	}
}

func newWatch() *watch {
	return &watch{generations: make(map[int64]uint64), runs: make(map[int64]map[chan struct{}]struct{})}
}
