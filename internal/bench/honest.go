package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A wait is how long honest callers waited for something.
type wait struct {
	what  string
	times []time.Duration
}

// An honest crowd has jobs in flight, and pushes, lists, follows a log and works.
type honest struct {
	s       *server
	pushes  *repo
	quick   *repo
	print   *repo
	work    *simulated // takes quick jobs
	running *repo
	run     int64 // of the jobs in flight
}

// honest makes repositories and runners, and brings jobs into flight.
func (s *server) honest(ctx context.Context) (h *honest, err error) {
	h = &honest{s: s}
	for _, x := range []struct {
		to        **repo
		name, yml string
	}{
		{&h.pushes, "pushes", latencyWorkflow},
		{&h.quick, "quick", strings.ReplaceAll(jobsWorkflow(1), simulatedLabel, quickLabel)},
		{&h.print, "print", followWorkflow(int(s.b.attackTime/(10*time.Millisecond)) * 2)},
		{&h.running, "running", jobsWorkflow(victimsJobs)},
	} {
		if *x.to, err = s.repository(ctx, x.name, true, map[string]string{"ci.yml": x.yml}); err != nil {
			return nil, err
		}
	}
	if err := h.pushes.git(ctx, "config", "http.extraHeader", "X-Forwarded-For: "+honestFrom); err != nil {
		return nil, err
	}
	w, err := s.newSimulator(ctx)
	if err != nil {
		return nil, err
	}
	if h.work, err = w.startFor(ctx, "quick", quickLabel); err != nil {
		return nil, err
	}
	if h.run, err = h.running.dispatch(ctx, "ci.yml"); err != nil {
		return nil, err
	}
	group, _ := errgroup.WithContext(ctx) // connections end with ctx, not with the group
	group.SetLimit(crowdAtOnce)
	for i := range victimsJobs {
		group.Go(func() error {
			r, err := w.start(ctx, fmt.Sprintf("held-%d", i))
			if err != nil {
				return err
			}
			_, err = r.take()
			return err
		})
	}
	return h, group.Wait()
}

// measure lets all of them act at the same time.
func (h *honest) measure(ctx context.Context) ([]wait, error) {
	waits := []wait{{what: "push returned → first step running"}, {what: "list 30 runs"}, {what: "a line of a log at its follower"}, {what: "a runner takes a job"}}
	ctx, stop := context.WithTimeout(ctx, h.s.b.attackTime)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for i, f := range []func(context.Context, func(time.Duration)) error{h.push, h.list, h.follow, h.take} {
		group.Go(func() error {
			err := f(ctx, func(d time.Duration) { waits[i].times = append(waits[i].times, d) })
			if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				return nil // it was cut off
			}
			if err != nil {
				return fmt.Errorf("%s: %w", waits[i].what, err)
			}
			return nil
		})
	}
	err := group.Wait()
	for _, w := range waits {
		if err == nil && len(w.times) < 5 {
			err = fmt.Errorf("%s: only %d were measured", w.what, len(w.times))
		}
	}
	return waits, err
}

func (h *honest) push(ctx context.Context, add func(time.Duration)) error {
	for i := 0; ; i++ {
		sha, err := h.pushes.commit(ctx, fmt.Sprintf("push %d", i))
		if err != nil {
			return err
		}
		if err := h.pushes.push(ctx); err != nil {
			return err
		}
		pushed := h.s.b.Now()
		m, err := h.pushes.firstStep(ctx, sha)
		if err != nil {
			return err
		}
		add(m.started.Sub(pushed))
	}
}

func (h *honest) list(ctx context.Context, add func(time.Duration)) error {
	c, err := dial(ctx, h.s.url)
	if err != nil {
		return err
	}
	defer c.close()
	c.from = honestFrom
	path, auth := "/api/v3"+h.pushes.path("/actions/runs?per_page=30"), "Bearer "+h.pushes.api.Token()
	for {
		began := h.s.b.Now()
		if _, err := c.expect(http.MethodGet, path, auth, nil); err != nil {
			return err
		}
		add(h.s.b.since(began))
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func (h *honest) follow(ctx context.Context, add func(time.Duration)) error {
	id, err := h.print.dispatch(ctx, "ci.yml")
	if err != nil {
		return err
	}
	jobs, err := h.print.jobs(ctx, id)
	if err != nil || len(jobs) != 1 {
		return errors.Join(err, fmt.Errorf("run %d has %d jobs", id, len(jobs)))
	}
	return h.print.eachDelay(ctx, id, jobs[0].ID, add)
}

// take measures how long acquirejob takes.
func (h *honest) take(ctx context.Context, add func(time.Duration)) error {
	for {
		if _, err := h.quick.dispatch(ctx, "ci.yml"); err != nil {
			return err
		}
		offer, err := h.work.poll()
		for err == nil && offer == nil {
			offer, err = h.work.poll()
		}
		if err != nil {
			return err
		}
		began := h.s.b.Now()
		j, err := h.work.acquire(offer)
		if err != nil {
			return err
		}
		if j == nil {
			return errors.New("the job was another runner's")
		}
		add(h.s.b.since(began))
		if err := h.work.execute(j); err != nil {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// check says whether the jobs in flight still are, and every push has its run.
func (h *honest) check(ctx context.Context) error {
	jobs, err := h.running.jobs(ctx, h.run)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Status != "in_progress" {
			return fmt.Errorf("job %d, which was in flight, is %s %s", j.ID, j.Status, j.Conclusion)
		}
	}
	if len(jobs) != victimsJobs {
		return fmt.Errorf("%d of %d jobs are left", len(jobs), victimsJobs)
	}
	out, err := h.pushes.command(ctx, "rev-list", "--count", "origin/main").Output() // those that were answered
	if err != nil {
		return err
	}
	want, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return err
	}
	var list struct {
		Count int `json:"total_count"`
	}
	err = until(ctx, "runs of all pushes", 50*time.Millisecond, time.Minute, func() (bool, error) {
		err := h.pushes.api.Do(ctx, http.MethodGet, h.pushes.path("/actions/runs?per_page=1"), nil, &list)
		return list.Count >= want, err // the last push may have been cut off
	})
	if err != nil {
		return fmt.Errorf("%d of %d pushes have a run: %w", list.Count, want, err)
	}
	return nil
}
