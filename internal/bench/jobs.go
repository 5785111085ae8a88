package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// jobsWorkflow is dispatched, with as many jobs as a matrix may have.
var jobsWorkflow = fmt.Sprintf(`on: workflow_dispatch
jobs:
  many:
    runs-on: simulated
    strategy:
      matrix:
        n: %s
    steps:
      - run: "true"
`, matrixOf(jobsInRun))

const (
	jobsInRun = 250
	jobsTime  = 12 * time.Second // at most, for one crew
)

// jobs measures crews of several sizes, each on a server of its own.
func jobs(ctx context.Context, b *bench) ([]Row, error) {
	const goal = 300
	var rows []Row
	var ten float64
	for _, size := range []struct {
		runners, runs int
		peers         string
	}{{1, 4, "8–11"}, {10, 12, "7–13"}, {50, 12, "2–14"}} {
		perSecond, err := b.jobsOf(ctx, size.runners, size.runs)
		if err != nil {
			return nil, fmt.Errorf("%d runners: %w", size.runners, err)
		}
		row := Row{
			What:      fmt.Sprintf("no-op jobs a second through the whole protocol, %d simulated runners", size.runners),
			Figure:    fmt.Sprintf("%.0f/s", perSecond),
			Reference: fmt.Sprintf("%d jobs waiting at the start; 9 requests a job", size.runs*jobsInRun),
			Peers:     size.peers,
		}
		switch size.runners {
		case 10:
			ten = perSecond
			row.Goal, row.Met = fmt.Sprintf("≥ %d/s", goal), perSecond >= goal
		case 50:
			// Two figures of the same thing differ by a few percent.
			row.Goal, row.Met = "not less than with 10", perSecond >= 0.95*ten
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// jobsOf is how many jobs a second so many runners get done.
func (b *bench) jobsOf(ctx context.Context, runners, runs int) (perSecond float64, err error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "jobs", false, map[string]string{"many.yml": jobsWorkflow})
	if err != nil {
		return 0, err
	}
	for range runs {
		if err := r.api.do(ctx, http.MethodPost, r.dispatchPath("many.yml"), object{"ref": "main"}, nil); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.newCrew(ctx, "simulated")
	if err != nil {
		return 0, err
	}
	list := make([]*simulated, runners)
	for i := range list {
		if list[i], err = w.hire(ctx, fmt.Sprintf("simulated-%d", i+1)); err != nil {
			return 0, err
		}
		defer list[i].c.close()
	}
	return b.work(ctx, list, int64(runs*jobsInRun))
}

// work lets runners work until all jobs are done, or for jobsTime.
func (b *bench) work(ctx context.Context, list []*simulated, total int64) (perSecond float64, err error) {
	var done atomic.Int64
	all := make(chan struct{})
	failed := make(chan error, len(list))
	began := b.Now()
	var wg sync.WaitGroup
	for _, r := range list {
		wg.Go(func() {
			failed <- r.work(func() {
				if done.Add(1) == total {
					close(all)
				}
			})
		})
	}
	limit := time.NewTimer(jobsTime)
	defer limit.Stop()
	select {
	case <-all:
	case <-limit.C:
	case err = <-failed:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	n, took := done.Load(), b.since(began)
	for _, r := range list {
		r.c.close() // ends its work
	}
	wg.Wait()
	return rate(n, took), err
}
