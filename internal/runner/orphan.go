package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// ErrOrphaned says that the server of a runner has not answered for
// [Config.OrphanAfter], or that the runner's directory is gone.
var ErrOrphaned = errors.New("this runner belongs to no server any more")

// orphanPatience is how long a runner that may be an orphan goes on with a job, and
// tries to report it, while its server is away.
const orphanPatience = 24 * time.Hour

// A silence is how long the server has not answered as one should.
type silence struct {
	now func() time.Time

	mu    sync.Mutex
	since time.Time // of the first call that failed; zero after one that did not
}

// note notes how a call went.
func (s *silence) note(ok bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ok:
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = s.now()
	}
}

// length is zero while the server answers.
func (s *silence) length() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return 0
	}
	return s.now().Sub(s.since)
}

// orphaned is an error for a listener without a job whose server is gone for good, as
// far as anybody can tell. Its tries to reach the server ask it.
func (l *listener) orphaned() error {
	if l.job != nil && !l.over() {
		return nil
	}
	if _, err := os.Stat(l.cfg.Root); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: its directory %s is gone", ErrOrphaned, l.cfg.Root)
	}
	if d := l.http.silence.length(); l.cfg.OrphanAfter > 0 && d >= l.cfg.OrphanAfter {
		return fmt.Errorf("%w: the server has not answered for %v", ErrOrphaned, d.Round(time.Second))
	}
	return nil
}
