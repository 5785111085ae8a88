package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	clusterRunners = 12 // in all

	clusterLimit = 30 * time.Second       // for one server to see what another did
	clusterQuiet = 300 * time.Millisecond // before something is done: by then, who waits does wait
)

// servers measures three servers on one database: how much they do next to one,
// and how soon one sees what was done at another.
func servers(ctx context.Context, b *bench) ([]Row, error) {
	one, err := b.clusterJobsOf(ctx, 1)
	if err != nil {
		return nil, fmt.Errorf("one server: %w", err)
	}
	three, err := b.clusterJobsOf(ctx, 3)
	if err != nil {
		return nil, fmt.Errorf("three servers: %w", err)
	}
	between, err := b.betweenServers(ctx)
	if err != nil {
		return nil, err
	}
	return append(clusterRows(one, three), between...), nil
}

// A clusterWork is what simulated runners got done at several servers, and what it took of
// the machine.
type clusterWork struct {
	work
	busy, ours time.Duration // of all processors, and of the simulated runners
}

// cores is how many processors were busy.
func (w clusterWork) cores() float64 { return float64(w.busy) / float64(w.took) }

// shares says where the processors' time for a job went.
func (w clusterWork) shares() string {
	n := time.Duration(max(w.done, 1))
	return fmt.Sprintf("servers %s, simulated runners %s, PostgreSQL and all else %s",
		millis(w.processor/n), millis(w.ours/n), millis((w.busy-w.processor-w.ours)/n))
}

func clusterRows(one, three clusterWork) []Row {
	const goal = 2
	ratio := three.rate() / one.rate()
	what := "no-op jobs a second of %s on a PostgreSQL, simulated runners: %d"
	return []Row{
		{
			What: fmt.Sprintf(what, "one server", clusterRunners), Figure: fmt.Sprintf("%.0f/s", one.rate()),
			Reference: fmt.Sprintf("%.1f of %d cores were busy; their time for a job: %s", one.cores(), runtime.NumCPU(), one.shares()),
			Values:    []Value{speed("no-op jobs of one server on PostgreSQL", one.rate(), "/s")},
		},
		{
			What: fmt.Sprintf(what, "three servers", clusterRunners), Figure: fmt.Sprintf("%.0f/s, %.1f× one server", three.rate(), ratio),
			Goal: fmt.Sprintf("≥ %d× one server", goal), Met: ratio >= goal,
			Reference: fmt.Sprintf("%.1f of %d cores were busy; their time for a job: %s; offered twice: %d. All cores for one server's jobs would be %.1f×",
				three.cores(), runtime.NumCPU(), three.shares(), three.missed, float64(runtime.NumCPU())/one.cores()),
			Values: []Value{speed("no-op jobs of three servers on PostgreSQL", three.rate(), "/s")},
		},
	}
}

// clusterJobsOf lets runners, evenly at n servers, do jobs that wait.
func (b *bench) clusterJobsOf(ctx context.Context, n int) (got clusterWork, err error) {
	c, err := b.serveMany(ctx, n)
	if err != nil {
		return got, err
	}
	defer c.stop()
	r, err := c.servers[0].repository(ctx, "jobs", false, map[string]string{"many.yml": jobsWorkflow(jobsInRun)})
	if err != nil {
		return got, err
	}
	if err := r.dispatchMany(ctx, "many.yml", b.clusterJobs/jobsInRun); err != nil {
		return got, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var list []*simulated
	for i, s := range c.servers {
		w, err := s.newSimulator(ctx)
		if err != nil {
			return got, err
		}
		for k := range clusterRunners / n {
			runner, err := w.start(ctx, fmt.Sprintf("simulated-%d-%d", i+1, k+1))
			if err != nil {
				return got, err
			}
			defer runner.c.close()
			list = append(list, runner)
		}
	}
	return b.clusterWork(ctx, c, list)
}

// clusterWork is work with an account of the machine.
func (b *bench) clusterWork(ctx context.Context, c *cluster, list []*simulated) (got clusterWork, err error) {
	account := func() (servers, ours, busy time.Duration, err error) {
		servers, err = c.processor()
		ours, err2 := processorTime(os.Getpid())
		busy, err3 := busyTime()
		return servers, ours, busy, errors.Join(err, err2, err3)
	}
	servers, ours, busy, err := account()
	if err != nil {
		return got, err
	}
	if got.work, err = b.work(ctx, list, int64(b.clusterJobs/jobsInRun*jobsInRun), b.jobsTime); err != nil {
		return got, err
	}
	serversAfter, oursAfter, busyAfter, err := account()
	got.processor, got.ours, got.busy = serversAfter-servers, oursAfter-ours, busyAfter-busy
	return got, err
}

// busyTime is how long the machine's processors have been busy since its start,
// together.
func busyTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line) // cpu, user, nice, system, idle, iowait, irq, softirq, …
	if len(f) < 8 || f[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var sum int64
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// betweenServers measures how soon servers see what was done at another: a run
// is dispatched at the first, its runner is at the second, its page at the third.
func (b *bench) betweenServers(ctx context.Context) ([]Row, error) {
	c, err := b.serveMany(ctx, 3)
	if err != nil {
		return nil, err
	}
	defer c.stop()
	first, second, third := c.servers[0], c.servers[1], c.servers[2]
	r, err := first.repository(ctx, "between", true, map[string]string{"many.yml": jobsWorkflow(1)})
	if err != nil {
		return nil, err
	}
	w, err := second.newSimulator(ctx)
	if err != nil {
		return nil, err
	}
	runner, err := w.start(ctx, "simulated")
	if err != nil {
		return nil, err
	}
	defer runner.c.close()
	var started, shown []time.Duration
	for range b.clusterTries {
		d, err := b.queuedToStarted(ctx, r, runner)
		if err != nil {
			return nil, fmt.Errorf("from queued to started: %w", err)
		}
		started = append(started, d)
		if d, err = b.startedToShown(ctx, r, third, runner); err != nil {
			return nil, fmt.Errorf("from started to shown: %w", err)
		}
		shown = append(shown, d)
	}
	gone, err := b.permissionGone(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("a permission: %w", err)
	}
	return betweenRows(started, shown, gone), nil
}

func betweenRows(started, shown, gone []time.Duration) []Row {
	row := func(what, goal, name string, limit time.Duration, took []time.Duration) Row {
		mid := median(took)
		return Row{
			What:   fmt.Sprintf("three servers on one PostgreSQL: %s, median of %d", what, len(took)),
			Figure: millis(mid), Goal: goal, Met: mid <= limit,
			Reference: "longest " + millis(percentile(took, 100)),
			Values:    []Value{cost("three servers: "+name, mid)},
		}
	}
	return []Row{
		row("dispatch sent to one → job acquired by a runner that waits at another", "≤ 100 ms", "dispatched to acquired", 100*time.Millisecond, started),
		row("job acquired at one → its page, open at another, shows it", "≤ 1 s", "acquired to shown", time.Second, shown),
		row("permission taken away at one → refused at the other two", "≤ 1 s", "permission gone", time.Second, gone),
	}
}

// queuedToStarted is how long it takes from a dispatch until a runner that waits
// elsewhere has the job.
func (b *bench) queuedToStarted(ctx context.Context, r *repo, runner *simulated) (took time.Duration, err error) {
	var j *simulatedJob
	var acquired time.Time
	var group errgroup.Group
	group.Go(func() (err error) {
		j, err = runner.take()
		acquired = b.Now()
		return err
	})
	if err := pause(ctx, clusterQuiet); err != nil {
		return 0, err
	}
	sent := b.Now()
	if _, err := r.dispatch(ctx, "many.yml"); err != nil {
		return 0, err
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return acquired.Sub(sent), runner.execute(j)
}

// startedToShown is how long it takes from when a runner has a job until the
// stream of its page, open at another server, says so.
func (b *bench) startedToShown(ctx context.Context, r *repo, at *server, runner *simulated) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, clusterLimit, fmt.Errorf("it was not shown within %s", clusterLimit))
	defer cancel()
	run, err := r.dispatch(ctx, "many.yml")
	if err != nil {
		return 0, err
	}
	jobs, err := r.jobs(ctx, run)
	if err != nil || len(jobs) != 1 {
		return 0, errors.Join(err, fmt.Errorf("run %d has %d jobs", run, len(jobs)))
	}
	open, shown := make(chan struct{}), time.Time{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return r.in(at).stream(ctx, run, jobs[0].ID, func(event string, data []byte) (bool, error) {
			switch {
			case event == "head" && strings.Contains(string(data), "queued"):
				close(open)
			case event == "head":
				shown = b.Now()
				return false, nil
			}
			return true, nil
		})
	})
	var acquired time.Time
	var j *simulatedJob
	group.Go(func() error {
		select {
		case <-open:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := pause(ctx, clusterQuiet); err != nil {
			return err
		}
		if j, err = runner.take(); err != nil {
			return err
		}
		acquired = b.Now()
		return nil
	})
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return max(shown.Sub(acquired), 0), runner.execute(j)
}

// permissionGone is how long it takes until no server lets somebody see a
// repository, from when the first has answered that they may not.
func (b *bench) permissionGone(ctx context.Context, c *cluster) (took []time.Duration, err error) {
	const guest = "hubot"
	first := c.servers[0]
	r, err := first.repository(ctx, "private", false, map[string]string{"many.yml": jobsWorkflow(1)})
	if err != nil {
		return nil, err
	}
	visitor, err := first.account(ctx, guest)
	if err != nil {
		return nil, err
	}
	path := r.path("/collaborators/%s", guest)
	for range b.clusterTries {
		if err := r.api.Do(ctx, http.MethodPut, path, object{"permission": "push"}, nil); err != nil {
			return nil, err
		}
		d, err := b.refused(ctx, c.servers[1:], r, visitor.Token(), func() error {
			return r.api.Do(ctx, http.MethodDelete, path, nil, nil)
		})
		if err != nil {
			return nil, err
		}
		took = append(took, d)
	}
	return took, nil
}

// refused asks servers for a repository all the time, calls revoke when all of
// them show it, and returns how long after that the last one did so.
func (b *bench) refused(ctx context.Context, at []*server, r *repo, token string, revoke func() error) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, clusterLimit, fmt.Errorf("it was not refused within %s", clusterLimit))
	defer cancel()
	seen, ended := make(chan struct{}, len(at)), make([]time.Time, len(at))
	group, ctx := errgroup.WithContext(ctx)
	for i, s := range at {
		group.Go(func() error {
			c, err := dial(ctx, s.url)
			if err != nil {
				return err
			}
			defer c.close()
			for shown := false; ; {
				status, _, err := c.do(http.MethodGet, "/api/v3"+r.path(""), "Bearer "+token, nil)
				switch {
				case err != nil:
					return errors.Join(context.Cause(ctx), err)
				case status == http.StatusOK && !shown:
					shown = true
					seen <- struct{}{}
				case status != http.StatusOK && shown:
					ended[i] = b.Now()
					return nil
				}
				if err := pause(ctx, 2*time.Millisecond); err != nil {
					return err
				}
			}
		})
	}
	var revoked time.Time
	group.Go(func() error {
		for range at {
			select {
			case <-seen:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		err := revoke()
		revoked = b.Now()
		return err
	})
	if err := group.Wait(); err != nil {
		return 0, err
	}
	for _, at := range ended {
		took = max(took, at.Sub(revoked))
	}
	return took, nil
}
