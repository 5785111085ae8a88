package bench

import (
	"context"
	"fmt"
	"time"
)

const matrixJobs = 20

// matrixWorkflow has n jobs that do nothing.
func matrixWorkflow(n int) string {
	return fmt.Sprintf(`on: push
jobs:
  many:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        n: %s
    steps:
      - run: "true"
`, matrixOf(n))
}

// matrix pushes and waits for the end of the run.
func matrix(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 2)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "matrix", false, map[string]string{"ci.yml": matrixWorkflow(matrixJobs)})
	if err != nil {
		return nil, err
	}
	var whole, afterPush []time.Duration
	for i := range b.matrixTries {
		sha, err := r.commit(ctx, fmt.Sprintf("push %d", i))
		if err != nil {
			return nil, err
		}
		began := b.Now()
		if err := r.push(ctx); err != nil {
			return nil, err
		}
		pushed := b.Now()
		v, err := r.run(ctx, sha)
		if err != nil {
			return nil, err
		}
		if err := r.conclude(ctx, v.ID, 10*time.Millisecond, time.Minute); err != nil {
			return nil, err
		}
		whole, afterPush = append(whole, b.since(began)), append(afterPush, b.since(pushed))
	}
	mid := median(whole)
	return []Row{{
		What:   fmt.Sprintf("matrix of %d jobs of `run: true`, 2 bundled runners, push to conclusion, median of %d", matrixJobs, b.matrixTries),
		Figure: millis(mid), Goal: "≤ 1 s", Met: mid <= time.Second,
		Reference: fmt.Sprintf("%s of it after push returned", millis(median(afterPush))),
		Peers:     "act, which has no server: 0.43 s",
		Values:    []Value{cost(fmt.Sprintf("matrix of %d jobs, push to conclusion", matrixJobs), mid)},
	}}, nil
}
