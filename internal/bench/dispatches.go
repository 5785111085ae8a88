package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	dispatchConns = 8
	dispatchTime  = 5 * time.Second
	syncTime      = 2 * time.Second
	syncBytes     = 4096
)

const dispatchWorkflow = `on: workflow_dispatch
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
`

// dispatches sends dispatches one after the other on each of a few connections.
// There are no runners.
func dispatches(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "dispatches", false, map[string]string{"one.yml": dispatchWorkflow})
	if err != nil {
		return nil, err
	}
	syncs, err := b.syncs(ctx)
	if err != nil {
		return nil, err
	}
	perSecond, err := r.dispatchFor(ctx, dispatchTime)
	if err != nil {
		return nil, err
	}
	const goal = 300
	return []Row{{
		What:   fmt.Sprintf("dispatches accepted a second, durable, %d connections", dispatchConns),
		Figure: fmt.Sprintf("%.0f/s", perSecond), Goal: fmt.Sprintf("≥ %d/s", goal), Met: perSecond >= goal,
		Reference: fmt.Sprintf("the disk does %.0f fsync/s of 4 KiB: %.1f dispatches a sync", syncs, perSecond/syncs),
		Peers:     "20–26",
	}}, nil
}

// dispatchFor dispatches for a while and returns how many were accepted a second.
func (r *repo) dispatchFor(ctx context.Context, d time.Duration) (float64, error) {
	body := []byte(`{"ref":"main"}`)
	target, auth := "/api/v3"+r.dispatchPath("one.yml"), "Bearer "+r.api.token
	counts := make([]int64, dispatchConns)
	began := r.b.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i := range dispatchConns {
		group.Go(func() error {
			c, err := dial(ctx, r.api.base[:len(r.api.base)-len("/api/v3")])
			if err != nil {
				return err
			}
			defer c.close()
			for r.b.since(began) < d {
				if _, err := c.expect(http.MethodPost, target, auth, body); err != nil {
					return err
				}
				counts[i]++
			}
			return nil
		})
	}
	err := group.Wait()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return rate(sum, r.b.since(began)), err
}

// syncs is how many times a second a small write reaches the disk of the data
// directories.
func (b *bench) syncs(ctx context.Context) (float64, error) {
	f, err := os.CreateTemp(b.dir, "sync-")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	block := make([]byte, syncBytes)
	began := b.Now()
	var n int64
	for ; b.since(began) < syncTime; n++ {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
	return rate(n, b.since(began)), nil
}
