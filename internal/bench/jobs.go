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
	jobsInRun = 20
	jobsMost  = 250 // a run with about as many jobs as a matrix may have

	jobsGoal      = 300  // a second
	jobsRatio     = 0.65 // of the server's time that a job cost an older program
	jobsMostRatio = 1.3  // of a job's cost in a short run
)

// jobs measures several workloads, each on a server of its own.
func jobs(ctx context.Context, b *bench) ([]Row, error) {
	var rows []Row
	done := map[workload]work{}
	for _, size := range []workload{{1, jobsInRun}, {10, jobsInRun}, {10, jobsMost}, {50, jobsInRun}} {
		got, err := b.jobsOf(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("%d runners: %w", size.runners, err)
		}
		done[size] = got
		rows = append(rows, jobsRow(size, got, done))
	}
	return append(rows, longRunRow(done)), nil
}

// A workload is how many runners work on runs of how many jobs.
type workload struct{ runners, inRun int }

func jobsRow(size workload, got work, done map[workload]work) Row {
	with := fmt.Sprintf("simulated runners: %d, jobs in a run: %d", size.runners, size.inRun)
	row := Row{
		What:   "no-op jobs a second through the whole protocol, " + with,
		Figure: fmt.Sprintf("%.0f/s", got.rate()),
		Reference: fmt.Sprintf("%d of %d waiting jobs done, 9 requests each; the server's processor time for a job: %s; offered twice: %d",
			got.done, got.waiting, millis(got.each()), got.missed),
	}
	each := cost("server time of a no-op job, "+with, got.each())
	switch size {
	case workload{1, jobsInRun}:
		row.Peers = "8–11/s"
	case workload{10, jobsInRun}:
		row.Peers, row.Goal, row.Met = "7–13/s", fmt.Sprintf("≥ %d/s", jobsGoal), got.rate() >= jobsGoal
		each.Ratio = jobsRatio
	case workload{50, jobsInRun}:
		// Two figures of the same thing differ by a few percent.
		row.Peers, row.Goal, row.Met = "2–14/s", "not less than with 10", got.rate() >= 0.95*done[workload{10, jobsInRun}].rate()
	}
	row.Values = []Value{speed("no-op jobs, "+with, got.rate(), "/s"), each}
	return row
}

// longRunRow says what a job costs in a long run, next to one in a short run.
func longRunRow(done map[workload]work) Row {
	long, short := done[workload{10, jobsMost}].each(), done[workload{10, jobsInRun}].each()
	ratio := float64(long) / float64(max(short, 1))
	what := fmt.Sprintf("the server's processor time for a job of a run of %d, of one of a run of %d", jobsMost, jobsInRun)
	return Row{
		What: what, Figure: fmt.Sprintf("%.2f×", ratio), Goal: fmt.Sprintf("≤ %.1f×", jobsMostRatio), Met: ratio <= jobsMostRatio,
		Reference: fmt.Sprintf("%s and %s, 10 simulated runners", millis(long), millis(short)),
		Values:    []Value{{What: what, N: ratio, Unit: "×", Limit: jobsMostRatio}},
	}
}

// work is what simulated runners got done.
type work struct {
	waiting, done, missed int64 // missed are offers of jobs that another runner had by then
	took                  time.Duration
	processor             time.Duration // of the server
}

// rate is how many jobs a second were done.
func (w work) rate() float64 { return rate(w.done, w.took) }

// each is the server's processor time for a job.
func (w work) each() time.Duration { return w.processor / time.Duration(max(w.done, 1)) }

// jobsOf lets so many runners work on runs of so many jobs.
func (b *bench) jobsOf(ctx context.Context, size workload) (got work, err error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return got, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "jobs", false, map[string]string{"many.yml": jobsWorkflow(size.inRun)})
	if err != nil {
		return got, err
	}
	waiting := b.jobs
	if size.runners == 1 {
		waiting = b.jobsAlone
	}
	if err := r.dispatchMany(ctx, "many.yml", waiting/size.inRun); err != nil {
		return got, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.newSimulator(ctx)
	if err != nil {
		return got, err
	}
	list := make([]*simulated, size.runners)
	for i := range list {
		if list[i], err = w.start(ctx, fmt.Sprintf("simulated-%d", i+1)); err != nil {
			return got, err
		}
		defer list[i].c.close()
	}
	before, err := s.processor()
	if err != nil {
		return got, err
	}
	if got, err = b.work(ctx, list, int64(waiting), b.jobsTime); err != nil {
		return got, err
	}
	after, err := s.processor()
	got.processor = after - before
	return got, err
}

// work lets runners work until all jobs are done, or for as long as they may.
func (b *bench) work(ctx context.Context, list []*simulated, total int64, most time.Duration) (_ work, err error) {
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
	limit := time.NewTimer(most)
	defer limit.Stop()
	select {
	case <-all:
	case <-limit.C:
	case err = <-failed:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	got := work{waiting: total, done: done.Load(), missed: missed.Load(), took: b.since(began)}
	for _, r := range list {
		r.c.close() // ends its work
	}
	wg.Wait()
	return got, err
}
