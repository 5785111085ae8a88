package scheduler

import (
	"slices"
	"sync"
)

// maxTogether bounds the changes of one plan and one transaction.
const maxTogether = 64

// A turn is a change in the line of its run.
type turn struct {
	change change
	leads  bool          // guarded by lines.mu
	lead   chan struct{} // closed when it is the turn's caller who makes changes
	done   chan struct{} // closed when the change is made, or refused
	err    error         // why it was refused; read it after done, or as the one who leads
}

// lines are the changes that wait, by run. A run that is in it has one who leads,
// who has taken the first of them or is about to.
type lines struct {
	mu   sync.Mutex
	runs map[int64][]*turn
}

// enter puts a turn at the end of a line. If there is no line, it leads.
func (l *lines) enter(runID int64, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, led := l.runs[runID]
	if l.runs == nil {
		l.runs = make(map[int64][]*turn)
	}
	l.runs[runID] = append(line, t)
	if !led {
		t.leads = true
		close(t.lead)
	}
}

// leave takes a turn out of its line. False means that it is too late.
func (l *lines) leave(runID int64, t *turn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.runs[runID], t)
	if i < 0 || t.leads {
		return false
	}
	l.runs[runID] = slices.Delete(l.runs[runID], i, i+1)
	return true
}

// take takes the first turns out of a line, among them that of the one who leads.
func (l *lines) take(runID int64) []*turn {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.runs[runID]
	n := min(len(line), maxTogether)
	l.runs[runID] = slices.Clone(line[n:])
	return line[:n:n]
}

// next lets the first one in a line lead. An empty line ends.
func (l *lines) next(runID int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.runs[runID]
	if len(line) == 0 {
		delete(l.runs, runID)
		return
	}
	line[0].leads = true
	close(line[0].lead)
}
