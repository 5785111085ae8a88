package logs

import "github.com/understudy-ci/understudy/internal/store"

// LiveSize is how many bytes live lines take.
func (l *Logs) LiveSize() int {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return l.hub.size
}

// LiveJobs is how many jobs have an entry.
func (l *Logs) LiveJobs() int { return len(l.hub.ids()) }

// Watched is how many jobs are followed at other servers.
func (l *Logs) Watched() int {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return len(l.hub.watched)
}

// Inbox receives what another server sends to this one.
func (l *Logs) Inbox() *store.Inbox { return l.store.Receive(store.LinesTopic(0)) }

// HeldElsewhere says whether another server has said that it has the connection of the
// job's runner.
func (l *Logs) HeldElsewhere(jobID int64) bool {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	j := l.hub.jobs[jobID]
	return j != nil && !j.elsewhere.IsZero()
}
