package bench

import (
	"context"
	"fmt"
	"os"
	"time"
)

// footprint is what the program costs when it does nothing.
func footprint(ctx context.Context, b *bench) ([]Row, error) {
	cold, err := b.coldStart(ctx)
	if err != nil {
		return nil, err
	}
	idle, err := b.idle(ctx)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(b.Binary)
	if err != nil {
		return nil, err
	}
	const goalSize = 40 * mb
	return append(append(idle, Row{
		What: "size of the program", Figure: megabytes(info.Size()), Goal: "≤ 40 MB", Met: info.Size() <= goalSize, Peers: "112 MB",
		Values: []Value{held("size of the program", info.Size())},
	}), cold...), nil
}

// idle reads the server's memory after its start, and again after a run.
func (b *bench) idle(ctx context.Context) ([]Row, error) {
	s, err := b.serve(ctx, 2)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := pause(ctx, b.idleTime); err != nil {
		return nil, err
	}
	started, err := memory(s.cmd.Process.Pid, resident)
	if err != nil {
		return nil, err
	}
	var runner int64
	for _, pid := range s.runnerPIDs() {
		if runner, err = memory(pid, resident); err != nil {
			return nil, err
		}
	}
	r, err := s.repository(ctx, "idle", false, map[string]string{"ci.yml": matrixWorkflow(matrixJobs)})
	if err != nil {
		return nil, err
	}
	sha, err := r.commit(ctx, "again")
	if err != nil {
		return nil, err
	}
	if err := r.push(ctx); err != nil {
		return nil, err
	}
	v, err := r.run(ctx, sha)
	if err != nil {
		return nil, err
	}
	if err := r.conclude(ctx, v.ID, 50*time.Millisecond, time.Minute); err != nil {
		return nil, err
	}
	if err := pause(ctx, b.idleTime); err != nil {
		return nil, err
	}
	later, err := memory(s.cmd.Process.Pid, resident)
	const goal = 40 * mb
	return []Row{
		{
			What: "idle memory of the server, after its start", Figure: megabytes(started), Goal: "≤ 40 MB", Met: started <= goal,
			Reference: "each bundled runner: " + megabytes(runner), Peers: "173 MB",
			Values: []Value{held("idle memory of the server", started), held("idle memory of a bundled runner", runner)},
		},
		{
			What: fmt.Sprintf("idle memory of the server, after runs of %d jobs", matrixJobs), Figure: megabytes(later),
			Values: []Value{held("idle memory of the server, after runs", later)},
		},
	}, err
}

// coldStart starts the program with its defaults, on a new data directory and
// on one that is there.
func (b *bench) coldStart(ctx context.Context) ([]Row, error) {
	var fresh, again []time.Duration
	for range b.startTries {
		data, err := os.MkdirTemp(b.dir, "data-")
		if err != nil {
			return nil, err
		}
		for _, list := range []*[]time.Duration{&fresh, &again} {
			s, err := b.start(ctx, data, 2)
			if err != nil {
				return nil, err
			}
			*list = append(*list, s.ready)
			// A runner that is still registering would not see its end in time.
			if err := pause(ctx, time.Second); err != nil {
				s.stop()
				return nil, err
			}
			s.halt()
		}
		if err := os.RemoveAll(data); err != nil {
			return nil, err
		}
	}
	const goal = 100 * time.Millisecond
	first, later := median(fresh), median(again)
	return []Row{
		{
			What:   fmt.Sprintf("cold start to the first 200, new data directory, median of %d", b.startTries),
			Figure: millis(first), Goal: "≤ 100 ms", Met: first <= goal, Peers: "500 ms",
			Values: []Value{cost("cold start, new data directory", first)},
		},
		{
			What:   "cold start to the first 200, data directory of an earlier start",
			Figure: millis(later), Goal: "≤ 100 ms", Met: later <= goal,
			Values: []Value{cost("cold start, data directory of an earlier start", later)},
		},
	}, nil
}
