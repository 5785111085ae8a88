package runnerapi

import "time"

// SetTiming shortens how long a poll is held and a completion is waited for.
func (a *API) SetTiming(poll, completion time.Duration) {
	a.timing = timing{poll: poll, completion: completion}
}

// Polls is how many runners wait for a message.
func (a *API) Polls() int {
	a.polls.mu.Lock()
	defer a.polls.mu.Unlock()
	return len(a.polls.ends)
}

// Overdue is for how many runners a completion is waited.
func (a *API) Overdue() int {
	a.idle.mu.Lock()
	defer a.idle.mu.Unlock()
	return len(a.idle.timers)
}
