package runners

// Polls is how many runners wait for a message.
func (s *Runners) Polls() int {
	s.polls.mu.Lock()
	defer s.polls.mu.Unlock()
	return len(s.polls.held)
}

// Overdue is for how many runners a completion is waited.
func (s *Runners) Overdue() int {
	s.idle.mu.Lock()
	defer s.idle.mu.Unlock()
	return len(s.idle.timers)
}
