package runner

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	uploads    = 4       // at the same time
	maxSummary = 1 << 20 // the protocol's limit
)

// A sink delivers what a job shows: see [worker.Sink]. Every part of it works
// for itself; close waits for all but the live lines.
type sink struct {
	lease   *lease
	results string // base of the results service, "" when the server has none
	log     *slog.Logger
	spool   *spool
	steps   *stepUpdates
	feed    *feed
	turns   chan struct{} // one for each upload under way
	wg      sync.WaitGroup

	hopeless atomic.Bool // reports do not get through

	mu   sync.Mutex
	logs map[string]*stepLog
}

func newSink(l *lease, dir string) *sink {
	s := &sink{
		lease: l, results: l.msg.Variable(wire.VarResultsEndpoint), log: l.job.log(),
		spool: newSpool(l.gone, dir), turns: make(chan struct{}, uploads), logs: map[string]*stepLog{},
	}
	s.steps = newStepUpdates(s)
	s.feed = newFeed(l)
	if s.results != "" {
		s.wg.Go(s.steps.run)
		s.feed.start()
	}
	return s
}

// close delivers what is left. Nothing may come in any more.
func (s *sink) close() {
	s.feed.close()
	s.mu.Lock()
	logs := slices.Collect(maps.Values(s.logs))
	s.mu.Unlock()
	for _, l := range logs {
		l.end()
	}
	s.steps.close()
	s.wg.Wait()
}

// wait waits for the live lines, which need not be delivered before the end of the
// job is reported.
func (s *sink) wait() { s.feed.wait() }

// Step implements [worker.Sink].
func (s *sink) Step(u wire.StepUpdate) {
	if s.results != "" {
		s.steps.add(u)
	}
}

// Log implements [worker.Sink].
func (s *sink) Log(stepID string, text []byte) {
	if s.results != "" && len(text) > 0 {
		s.stepLog(stepID).append(text)
	}
}

// EndLog implements [worker.Sink].
func (s *sink) EndLog(stepID string) {
	s.mu.Lock()
	l := s.logs[stepID]
	s.mu.Unlock()
	if l != nil {
		l.end()
	}
}

func (s *sink) stepLog(stepID string) *stepLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logs[stepID]
	if l == nil {
		l = newStepLog(s, stepID)
		s.logs[stepID] = l
	}
	return l
}

// Summary implements [worker.Sink].
func (s *sink) Summary(stepID string, size int64, r io.Reader) error {
	if s.results == "" || size == 0 {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(r, maxSummary+1))
	switch {
	case err != nil:
		return fmt.Errorf("step summary: %w", err)
	case len(b) > maxSummary:
		return fmt.Errorf("step summary is larger than %d KiB", maxSummary>>10)
	}
	p := s.spool.store(b)
	s.wg.Go(func() {
		defer s.spool.release(p)
		s.turns <- struct{}{}
		defer func() { <-s.turns }()
		if err := s.uploadSummary(stepID, p); err != nil {
			s.log.Error("step summary was not delivered", "step", stepID, "err", err)
		}
	})
	return nil
}

// diagnostics sends a zip of what this process has logged about the job.
func (s *sink) diagnostics(b []byte) {
	if s.results == "" {
		return
	}
	p := s.spool.store(b)
	s.wg.Go(func() {
		defer s.spool.release(p)
		err := s.put(p, whole, func() (string, error) {
			var resp wire.DiagnosticsURLResponse
			err := s.call(wire.GetJobDiagnosticsURL, wire.BlobURLRequest{ResultsIDs: s.lease.ids}, &resp)
			return resp.DiagLogsURL, err
		})
		if err != nil {
			s.log.Error("diagnostics were not delivered", "err", err)
		}
	})
}

func (s *sink) uploadSummary(stepID string, p *piece) error {
	err := s.put(p, whole, func() (string, error) {
		var resp wire.SummaryURLResponse
		err := s.call(wire.GetStepSummaryURL, wire.BlobURLRequest{ResultsIDs: s.lease.ids, StepID: stepID}, &resp)
		return resp.SummaryURL, err
	})
	if err != nil {
		return err
	}
	return s.confirm(wire.CreateStepSummary, wire.SummaryMetadata{
		ResultsIDs: s.lease.ids, StepID: stepID, Size: wire.Int(p.size), UploadedAt: wire.At(s.lease.job.r.cfg.Now()),
	})
}

// call calls a method of the receiver.
func (s *sink) call(method string, in, out any) error {
	return s.repeat(method, func(ctx context.Context) error {
		return s.lease.post(ctx, s.results, wire.ReceiverPrefix+method, in, out)
	})
}

// confirm calls a method that answers OK.
func (s *sink) confirm(method string, in any) error {
	var ok wire.OKResponse
	if err := s.call(method, in, &ok); err != nil {
		return err
	}
	if !ok.OK {
		return fmt.Errorf("%s: the server did not accept it", method)
	}
	return nil
}

// repeat calls f until it succeeds or fails for good, while the lease lasts,
// and lets the spool know how the server does. When one call was repeated to no
// end, the others are not.
func (s *sink) repeat(what string, f func(context.Context) error) error {
	l := forReports
	if s.hopeless.Load() {
		l = forNothing
	}
	err := retry(s.lease.gone, s.log, what, l, func(ctx context.Context) error {
		err := f(ctx)
		s.spool.setAway(err != nil && transient(err))
		return err
	})
	if err != nil && transient(err) {
		s.hopeless.Store(true)
	}
	return err
}
