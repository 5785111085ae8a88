package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	probeTime = 2 * time.Second        // that a look may take; a database that hangs is away
	probeGood = 500 * time.Millisecond // for which a look is good: nobody makes the server write by asking
)

// A health is whether the server can do its work, as last looked at.
type health struct {
	mu   sync.Mutex
	at   time.Time
	last error
}

// serveHealth serves /healthz, that the process answers, and /readyz, that it can
// do its work: that the database and the data directory can be written to.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/readyz") {
		if err := s.health.look(s.now, s.probe); err != nil {
			s.log.WarnContext(r.Context(), "not ready", "err", err)
			http.Error(w, "not ready: nothing can be written", http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the connection's error is nobody's to handle
}

// look asks probe, unless somebody has a moment ago. Others wait for its answer.
func (h *health) look(now func() time.Time, probe func(context.Context) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if age := now().Sub(h.at); age < 0 || age >= probeGood {
		ctx, cancel := context.WithTimeout(context.Background(), probeTime)
		defer cancel()
		h.last = probe(ctx)
		h.at = now()
	}
	return h.last
}

// probe writes to the database and to the data directory.
func (s *Server) probe(ctx context.Context) error {
	return errors.Join(s.store.Writable(ctx), writable(s.config.Data))
}

// writable says whether a file in a directory can have content.
func writable(dir string) error {
	const page = 4096 // the least that a file system gives
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	_, err = f.Write(make([]byte, page))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
