package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	dispatchConns = 8
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
	var reference string
	var syncs float64
	if b.references {
		if syncs, err = b.syncs(ctx); err != nil {
			return nil, err
		}
	}
	before, err := s.processor()
	if err != nil {
		return nil, err
	}
	began := b.Now()
	if err := r.dispatchMany(ctx, "one.yml", b.dispatches); err != nil {
		return nil, err
	}
	took := b.since(began)
	after, err := s.processor()
	if err != nil {
		return nil, err
	}
	perSecond := rate(int64(b.dispatches), took)
	if b.references {
		reference = fmt.Sprintf("the disk does %.0f fsync/s of 4 KiB: %.1f dispatches a sync", syncs, perSecond/syncs)
	}
	const goal = 300
	return []Row{{
		What:   fmt.Sprintf("dispatches accepted a second, durable, %d connections", dispatchConns),
		Figure: fmt.Sprintf("%.0f/s", perSecond), Goal: fmt.Sprintf("≥ %d/s", goal), Met: perSecond >= goal,
		Reference: reference,
		Peers:     "20–26",
		Values: []Value{
			speed("dispatches", perSecond, "/s"),
			cost("server time of a dispatch", (after-before)/time.Duration(b.dispatches)),
		},
	}}, nil
}

// dispatchMany dispatches a workflow n times, over a few connections.
func (r *repo) dispatchMany(ctx context.Context, file string, n int) error {
	conns, closeAll, err := dialMany(ctx, strings.TrimSuffix(r.api.URL(), "/api/v3"), dispatchConns)
	if err != nil {
		return err
	}
	defer closeAll()
	body := []byte(`{"ref":"main"}`)
	target, auth := "/api/v3"+r.dispatchPath(file), "Bearer "+r.api.Token()
	return inTurns(conns, n, func(c *conn, _ int) error {
		_, err := c.expect(http.MethodPost, target, auth, body)
		return err
	})
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
