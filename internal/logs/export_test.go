package logs

// LiveSize is how many bytes live lines take.
func (l *Logs) LiveSize() int {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return l.hub.size
}

// LiveJobs is how many jobs have an entry.
func (l *Logs) LiveJobs() int { return len(l.hub.ids()) }
