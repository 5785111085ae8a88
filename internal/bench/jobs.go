package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// jobsWorkflow has n jobs for simulated runners.
func jobsWorkflow(n int) string {
	return fmt.Sprintf(`on: workflow_dispatch
jobs:
  many:
    runs-on: simulated
    strategy:
      matrix:
        n: %s
    steps:
      - run: "true"
`, matrixOf(n))
}

const (
	jobsWaiting = 3000 // at the start
	jobsInRun   = 20
	jobsMost    = 250             // a run with about as many jobs as a matrix may have
	jobsTime    = 9 * time.Second // at most, for one crew
)

// jobs measures crews of several sizes, each on a server of its own.
func jobs(ctx context.Context, b *bench) ([]Row, error) {
	const goal = 300
	var rows []Row
	var ten float64
	for _, size := range []struct {
		runners, inRun int
		peers          string
	}{{1, jobsInRun, "8–11/s"}, {10, jobsInRun, "7–13/s"}, {50, jobsInRun, "2–14/s"}, {10, jobsMost, ""}} {
		got, err := b.jobsOf(ctx, size.runners, size.inRun)
		if err != nil {
			return nil, fmt.Errorf("%d runners: %w", size.runners, err)
		}
		perSecond := rate(got.done, got.took)
		row := Row{
			What:   fmt.Sprintf("no-op jobs a second through the whole protocol, simulated runners: %d, jobs in a run: %d", size.runners, size.inRun),
			Figure: fmt.Sprintf("%.0f/s", perSecond),
			Reference: fmt.Sprintf("%d of %d waiting jobs done, 9 requests each; the server's processor time for a job: %s; offered twice: %d",
				got.done, jobsWaiting, millis(got.processor/time.Duration(max(got.done, 1))), got.missed),
			Peers: size.peers,
		}
		switch {
		case size.inRun != jobsInRun:
		case size.runners == 10:
			ten = perSecond
			row.Goal, row.Met = fmt.Sprintf("≥ %d/s", goal), perSecond >= goal
		case size.runners == 50:
			// Two figures of the same thing differ by a few percent.
			row.Goal, row.Met = "not less than with 10", perSecond >= 0.95*ten
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// work is what a crew got done.
type work struct {
	done, missed int64 // missed are offers of jobs that another runner had by then
	took         time.Duration
	processor    time.Duration // of the server
}

// jobsOf lets so many runners work on runs of so many jobs.
func (b *bench) jobsOf(ctx context.Context, runners, inRun int) (got work, err error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return got, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "jobs", false, map[string]string{"many.yml": jobsWorkflow(inRun)})
	if err != nil {
		return got, err
	}
	if err := r.dispatchMany(ctx, "many.yml", jobsWaiting/inRun); err != nil {
		return got, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.newCrew(ctx, "simulated")
	if err != nil {
		return got, err
	}
	list := make([]*simulated, runners)
	for i := range list {
		if list[i], err = w.hire(ctx, fmt.Sprintf("simulated-%d", i+1)); err != nil {
			return got, err
		}
		defer list[i].c.close()
	}
	before, err := processorTime(s.cmd.Process.Pid)
	if err != nil {
		return got, err
	}
	if got, err = b.work(ctx, list, jobsWaiting); err != nil {
		return got, err
	}
	after, err := processorTime(s.cmd.Process.Pid)
	got.processor = after - before
	return got, err
}

// work lets runners work until all jobs are done, or for jobsTime.
func (b *bench) work(ctx context.Context, list []*simulated, total int64) (_ work, err error) {
	var done, missed atomic.Int64
	all := make(chan struct{})
	failed := make(chan error, len(list))
	began := b.Now()
	var wg sync.WaitGroup
	for _, r := range list {
		wg.Go(func() {
			failed <- r.work(func(ours bool) {
				if !ours {
					missed.Add(1)
				} else if done.Add(1) == total {
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
	got := work{done: done.Load(), missed: missed.Load(), took: b.since(began)}
	for _, r := range list {
		r.c.close() // ends its work
	}
	wg.Wait()
	return got, err
}
