package web

import (
	"sync/atomic"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// maxStreams is how many streams of events may be open at once. Each holds a
// connection and some memory for as long as its page is open; without a limit,
// visitors of one public repository could use up the server's. Callers who have
// not signed in get at most half of them.
const maxStreams = 2048

var errCrowded = actions.Errorf(actions.Unavailable, "Too many pages are open live. This one can be loaded again.")

// A streamLimit counts the streams that are open, and limits them.
type streamLimit struct {
	open atomic.Int64
	max  int64
}

// enter counts a stream of c's until leave is called. Too many are [errCrowded].
func (s *streamLimit) enter(c *auth.Caller) (leave func(), err error) {
	most := s.max
	if c.Anonymous() {
		most /= 2
	}
	if s.open.Add(1) > most {
		s.open.Add(-1)
		return nil, errCrowded
	}
	return func() { s.open.Add(-1) }, nil
}
