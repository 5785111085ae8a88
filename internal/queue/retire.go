package queue

// Retire gives a runner no further job, from when it returns: it may finish the one
// that it has, and what was reserved for it is free again. It lasts until
// [Queue.Readmit], or the end of this process.
func (q *Queue) Retire(runnerID int64) {
	q.mu.Lock()
	q.retired[runnerID] = true
	q.mu.Unlock()
	q.Release(runnerID)
}

// Readmit ends what [Queue.Retire] began.
func (q *Queue) Readmit(runnerID int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.retired, runnerID)
}

func (q *Queue) isRetired(runnerID int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.retired[runnerID]
}
