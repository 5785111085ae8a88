package runners

import (
	"sync"
	"time"
)

const sayAgain = time.Minute

// A saying is something that the log is told once a minute, though it happens more often.
// The zero value was never told. It is safe for concurrent use.
type saying struct {
	mu    sync.Mutex
	at    time.Time // when the log was last told
	since int       // how often it has happened since then
}

// again says whether the log is to be told that it has happened, and how often it has
// since the last time.
func (s *saying) again(now time.Time) (times int, tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since++
	if now.Sub(s.at) < sayAgain {
		return 0, false
	}
	times, s.since, s.at = s.since, 0, now
	return times, true
}
