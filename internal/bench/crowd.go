package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	otherLabel  = "other"               // of the runners that no job is for
	crowdAtOnce = 16                    // runners that register at the same time
	crowdPause  = 40 * time.Millisecond // between questions, so that they are few beside the jobs
	crowdGoal   = 300 * time.Millisecond
	crowdRatio  = 1.1 // of the server's time for a job with 10 runners
)

// crowd lets half of many waiting runners work off many jobs, and asks for a list and
// for a run meanwhile.
func crowd(ctx context.Context, b *bench) ([]Row, error) {
	alone, err := b.jobsOf(ctx, workload{10, jobsInRun})
	if err != nil {
		return nil, fmt.Errorf("10 runners: %w", err)
	}
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "crowd", false, map[string]string{"many.yml": jobsWorkflow(jobsInRun)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	list, err := s.gather(ctx, b.crowd)
	if err != nil {
		return nil, err
	}
	busy, idle := list[:b.crowd/2], list[b.crowd/2:]
	for _, w := range idle {
		go func() { _ = w.work(func(bool) {}) }() // until its connection is closed
		defer w.c.close()
	}
	if err := r.dispatchMany(ctx, "many.yml", b.crowdJobs/jobsInRun); err != nil {
		return nil, err
	}
	before, err := s.processor()
	if err != nil {
		return nil, err
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	var lists, gets []time.Duration
	watching := make(chan error, 1)
	go func() { watching <- r.watch(watch, &lists, &gets) }()
	got, err := b.work(ctx, busy, int64(b.crowdJobs), b.crowdTime)
	if err != nil {
		return nil, err
	}
	stop()
	if err := <-watching; err != nil {
		return nil, err
	}
	after, err := s.processor()
	got.processor = after - before
	return crowdRows(b, got, alone, lists, gets), err
}

func crowdRows(b *bench, got, alone work, lists, gets []time.Duration) []Row {
	listed, read := percentile(lists, 99), percentile(gets, 99)
	ratio := float64(got.each()) / float64(max(alone.each(), 1))
	with := fmt.Sprintf("%d waiting runners, of which %d work off %d jobs", b.crowd, b.crowd/2, b.crowdJobs)
	return []Row{
		{
			What:   with + ": list 30 runs, 99th percentile",
			Figure: millis(listed), Goal: "≤ 300 ms", Met: listed <= crowdGoal,
			Reference: fmt.Sprintf("median %s, longest %s, of %d; %.0f jobs/s, %d of %d done", millis(median(lists)), millis(percentile(lists, 100)), len(lists), got.rate(), got.done, got.waiting),
		},
		{
			What:   with + ": get one run, 99th percentile",
			Figure: millis(read), Goal: "≤ 300 ms", Met: read <= crowdGoal,
			Reference: fmt.Sprintf("median %s, longest %s, of %d", millis(median(gets)), millis(percentile(gets, 100)), len(gets)),
		},
		{
			What:   with + ": the server's processor time for a job, of one with 10 runners",
			Figure: fmt.Sprintf("%.2f×", ratio), Goal: fmt.Sprintf("≤ %.1f×", crowdRatio), Met: ratio <= crowdRatio,
			Reference: fmt.Sprintf("%s and %s; what asks for lists and runs included; offered twice: %d", millis(got.each()), millis(alone.each()), got.missed),
		},
	}
}

// gather starts n simulated runners. Jobs are for the first half of them.
func (s *server) gather(ctx context.Context, n int) ([]*simulated, error) {
	w, err := s.newSimulator(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*simulated, n)
	group, _ := errgroup.WithContext(ctx) // connections end with ctx, not with the group
	group.SetLimit(crowdAtOnce)
	for i := range list {
		label := simulatedLabel
		if i >= n/2 {
			label = otherLabel
		}
		group.Go(func() (err error) {
			list[i], err = w.startFor(ctx, fmt.Sprintf("simulated-%d", i+1), label)
			return err
		})
	}
	return list, group.Wait()
}

// watch lists runs, and gets the newest of them, in turns until ctx is done.
func (r *repo) watch(ctx context.Context, lists, gets *[]time.Duration) error {
	c, err := dial(context.WithoutCancel(ctx), strings.TrimSuffix(r.api.URL(), "/api/v3"))
	if err != nil {
		return err
	}
	defer c.close()
	var newest struct {
		Runs []struct{ ID int64 } `json:"workflow_runs"`
	}
	if err := r.api.Do(ctx, http.MethodGet, r.path("/actions/runs?per_page=1"), nil, &newest); err != nil {
		return err
	}
	if len(newest.Runs) == 0 {
		return fmt.Errorf("%s has no runs", r.name)
	}
	auth := "Bearer " + r.api.Token()
	for {
		for _, ask := range []struct {
			path string
			took *[]time.Duration
		}{
			{r.path("/actions/runs?per_page=30"), lists},
			{r.path("/actions/runs/%d", newest.Runs[0].ID), gets},
		} {
			began := r.b.Now()
			if _, err := c.expect(http.MethodGet, "/api/v3"+ask.path, auth, nil); err != nil {
				return err
			}
			*ask.took = append(*ask.took, r.b.since(began))
			if pause(ctx, crowdPause) != nil {
				return nil
			}
		}
	}
}
