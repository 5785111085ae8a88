package web

import (
	"sync/atomic"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// How many streams of events may be open at once. Each holds a connection and
// some memory for as long as its page is open; without a bound, visitors of one
// public repository could take all that the server has. The last half is for those
// who have signed in.
const maxStreams = 2048

var errCrowded = actions.Errorf(actions.Unavailable, "Too many pages are open live. This one can be loaded again.")

// seats counts the streams that are open.
type seats struct {
	taken atomic.Int64
	all   int64 // limit
}

// take takes a seat for a stream of c's, who gives it back with leave.
func (s *seats) take(c *auth.Caller) (leave func(), err error) {
	most := s.all
	if c.Anonymous() {
		most /= 2
	}
	if s.taken.Add(1) > most {
		s.taken.Add(-1)
		return nil, errCrowded
	}
	return func() { s.taken.Add(-1) }, nil
}
