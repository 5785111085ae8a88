package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/fs"
)

const (
	probeTime  = 2 * time.Second        // that a probe may take; what hangs is away
	probeGood  = 500 * time.Millisecond // for which a probe is good: nobody makes the server write by asking
	bucketGood = 5 * time.Second        // the same of a bucket, where each probe is two requests that may cost money
)

// A health is whether something that the server needs can be written to, as last
// probed.
type health struct {
	name  string
	probe func(context.Context) error
	good  time.Duration // for which a probe is good
	now   func() time.Time

	mu      sync.Mutex
	running chan struct{} // closed when the probe under way has ended; nil without one
	began   time.Time     // that probe, or the last one
	ended   time.Time     // the last probe; zero before the first
	last    error         // its result
}

// watchHealth prepares the probes that /readyz makes.
func (s *Server) watchHealth(in storage) {
	good := probeGood
	if in.bucket {
		good = bucketGood
	}
	s.health = []*health{
		{name: "database", probe: s.store.Writable, good: probeGood, now: s.now},
		{name: "data directory", probe: func(context.Context) error { return fs.Writable(s.config.Data) }, good: probeGood, now: s.now},
		{name: "storage of blobs", probe: s.blobs.Writable, good: good, now: s.now},
	}
}

// serveHealth serves /healthz, that the process answers, and /readyz, that it can
// do its work: that the database, the data directory and the storage of blobs can be
// written to.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/readyz") {
		if err := s.ready(); err != nil {
			s.log.WarnContext(r.Context(), "not ready", "err", blob.Unavailable("nothing can be written", err))
			http.Error(w, "not ready: nothing can be written", http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the connection's error is nobody's to handle
}

// ready answers nil when all that the server needs can be written to.
func (s *Server) ready() error {
	errs := make([]error, len(s.health))
	var wg sync.WaitGroup
	for i, h := range s.health {
		wg.Go(func() { errs[i] = h.look() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// look probes, unless somebody has a moment ago or is about to. It waits no longer
// than a probe may take: one that ignores its context, as of a network disk that is
// gone, goes on alone, and there is no other meanwhile.
func (h *health) look() error {
	h.mu.Lock()
	if age := h.now().Sub(h.ended); h.running == nil && (age < 0 || age >= h.good) {
		h.running, h.began = make(chan struct{}), h.now()
		go h.run(h.running)
	}
	running, left := h.running, probeTime-h.now().Sub(h.began)
	h.mu.Unlock()
	if running != nil {
		hangs := time.NewTimer(left)
		defer hangs.Stop()
		select {
		case <-running:
		case <-hangs.C:
			return fmt.Errorf("%s: no answer in %v", h.name, probeTime)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

func (h *health) run(done chan<- struct{}) {
	defer close(done)
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	err := h.probe(ctx)
	if err != nil {
		err = fmt.Errorf("%s: %w", h.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.ended, h.running = err, h.now(), nil
}
