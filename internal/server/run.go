package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 3 * time.Minute
	maxHeader     = 64 << 10

	maxHTTP2Streams = 100 // of a connection

	lastWords = 10 * time.Second // after the drain time: runners say that their jobs failed
	lastCalls = 5 * time.Second  // after the runners: requests under way are answered
)

// Ready is told the addresses that answer, once they do.
type Ready func(urls []string)

// Run serves until ctx ends, and then drains: bundled runners take no more jobs
// and finish or fail theirs, polls and live logs end, requests are answered.
// Other runners come back when there is a server again. It returns nil after an
// orderly end.
func (s *Server) Run(ctx context.Context, ready Ready) error {
	plan, err := s.planBundle(ctx)
	if err != nil {
		return fmt.Errorf("bundled runners: %w", err)
	}
	if err := s.openRunnerDir(ctx, plan.count > 0); err != nil {
		return err
	}
	listeners, err := s.listen(ctx, plan.count > 0)
	if err != nil {
		return err
	}
	if err := s.takeUp(ctx); err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	hs := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ConnContext: withConn, ConnState: s.conns.state,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxHTTP2Streams},
	}
	loops, loopCtx := errgroup.WithContext(context.WithoutCancel(ctx))
	loopCtx, stopLoops := context.WithCancel(loopCtx)
	defer stopLoops()
	loops.Go(func() error { return s.store.Listen(loopCtx) })
	loops.Go(func() error { return s.liveOn(loopCtx) })
	loops.Go(func() error { return s.repositories.Run(loopCtx) })
	loops.Go(func() error { return s.queue.Run(loopCtx) })
	loops.Go(func() error { return s.runners.Run(loopCtx) })
	loops.Go(func() error { return s.scheduler.Run(loopCtx) })
	loops.Go(func() error { return s.trigger.Run(loopCtx, s.base()) })
	loops.Go(func() error { return s.pulls.Run(loopCtx) })
	loops.Go(func() error { return s.trigger.RunSchedules(loopCtx, s.base()) })
	loops.Go(func() error { return s.logs.Run(loopCtx) })
	loops.Go(func() error { return s.objects.Run(loopCtx) })
	loops.Go(func() error { return s.artifacts.Run(loopCtx) })
	loops.Go(func() error { return s.caches.Run(loopCtx) })
	loops.Go(func() error { return s.sweep(loopCtx) })
	loops.Go(func() error { return s.endLost(loopCtx) })
	urls := make([]string, len(listeners))
	for i, l := range listeners {
		urls[i] = l.url
		loops.Go(func() error {
			if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("%s: %w", l.url, err)
			}
			return nil
		})
	}
	bundled := s.startBundledRunners(loopCtx, plan)
	s.bundled.Store(bundled)
	if plan.refusal != "" && plan.asked {
		s.log.WarnContext(ctx, "no bundled runners", "reason", plan.refusal)
	}
	s.log.InfoContext(ctx, "listening", "urls", urls)
	ready(urls)
	select {
	case <-ctx.Done():
		s.log.InfoContext(ctx, "stopping", "drain", s.config.Drain)
	case <-loopCtx.Done():
	}
	s.stop(ctx, hs, bundled)
	stopLoops()
	return loops.Wait()
}

// takeUp takes up what an earlier process left, before anything comes in.
func (s *Server) takeUp(ctx context.Context) error {
	if err := s.repositories.Recover(ctx); err != nil {
		return err
	}
	if err := s.outages.Back(); err != nil {
		s.log.WarnContext(ctx, "not written down that this server is there", "err", err)
	}
	if err := s.logs.Recall(ctx); err != nil {
		s.log.WarnContext(ctx, "live lines of an earlier process not read", "err", err)
	}
	return nil
}

// liveOn writes down that the server is there, while it takes calls.
func (s *Server) liveOn(ctx context.Context) error {
	ctx, cancel := s.untilDrain(ctx)
	defer cancel()
	return s.outages.Run(ctx)
}

// stop drains the server. The runners come first: they need it to report.
func (s *Server) stop(ctx context.Context, hs *http.Server, bundled *bundledRunners) {
	ctx = context.WithoutCancel(ctx)
	stopCtx, cancel := context.WithTimeout(ctx, s.config.Drain+lastWords)
	defer cancel()
	bundled.stop(stopCtx)
	s.drain() // polls and live logs end
	ctx, cancel = context.WithTimeout(ctx, lastCalls)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil {
		s.log.WarnContext(ctx, "requests were cut off", "err", err)
		_ = hs.Close() // all that is left are connections to drop
	}
}

// Bundled says which bundled runners there are, for the operator. It is known when
// the server is ready.
func (s *Server) Bundled() string {
	if b := s.bundled.Load(); b != nil {
		return b.String()
	}
	return ""
}

// untilDrain is ctx that also ends when the server stops.
func (s *Server) untilDrain(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.draining, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// sweep removes what is of no use any more: tokens, and that runners were deleted.
func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := s.store.DeleteExpiredTokens(ctx, s.now()); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "expired tokens not removed", "err", err)
		}
		if err := s.store.ForgetDeletedRunners(ctx, s.now()); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "deleted runners not forgotten", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
