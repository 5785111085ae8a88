package runner

import (
	"context"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// away makes the server one that was killed, and ends the poll that it holds.
func (s *server) away() {
	s.failing(func(w http.ResponseWriter, _ *http.Request) bool {
		hangUp(w)
		return true
	})
	s.http.CloseClientConnections()
}

func TestARunnerWhoseServerDoesNotComeBackEnds(t *testing.T) {
	s := newServer(t)
	l := listen(t, configure(t, s, nil), succeed, func(r *Runner) { r.cfg.OrphanAfter = 200 * time.Millisecond })
	s.eventually("it polls", func() bool { return s.online() > 0 })
	s.away()
	if err := l.end(t); !errors.Is(err, ErrOrphaned) {
		t.Errorf("it ended with %v", err)
	}
}

func TestARunnerWhoseDirectoryIsGoneEndsWithItsServer(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	l := listen(t, root, succeed, nil)
	s.eventually("it polls", func() bool { return s.online() > 0 })
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	s.away()
	if err := l.end(t); !errors.Is(err, ErrOrphaned) {
		t.Errorf("it ended with %v", err)
	}
}

// The job is finished and reported although the server is away for longer than a
// runner without one would wait.
func TestAnOrphanFinishesItsJobAndReportsIt(t *testing.T) {
	s := newServer(t)
	const orphanAfter = 100 * time.Millisecond
	var polls int // without a job
	l := listen(t, configure(t, s, nil), func(_ context.Context, j *worker.Job) *worker.Result {
		s.eventually("", func() bool { polls = s.online(); return true })
		s.away()
		select {
		case <-j.Signals:
			t.Error("the job was cancelled")
		case <-time.After(4 * orphanAfter):
		}
		time.AfterFunc(4*orphanAfter, func() { s.failing(nil) })
		return &worker.Result{Conclusion: wire.Succeeded}
	}, func(r *Runner) { r.cfg.OrphanAfter = orphanAfter })
	s.offer("request-1")
	if got := s.result(); got.Conclusion != wire.Succeeded {
		t.Errorf("reported %s", got.Conclusion)
	}
	s.eventually("it polls again", func() bool { return s.online() > polls }) // and has heard that its report was taken
	s.away()
	if err := l.end(t); !errors.Is(err, ErrOrphaned) {
		t.Errorf("it ended with %v", err)
	}
}
