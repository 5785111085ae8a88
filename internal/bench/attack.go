package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	attackMemory = 400 * mb
	attackTimes  = 3 // of what honest callers wait beside busy loops
	attackKills  = 3
	startGoal    = time.Second
	victimsJobs  = 100 // in flight
	proxy        = "127.0.0.1"
	honestFrom   = "198.51.100.7"
	quickLabel   = "quick"
	nobodysLabel = "nobody" // no runner has it
)

// attack measures what honest callers wait while two accounts do all at once that was
// found to cost everybody something, and then, on another server, while busy loops take
// as much of the processors as those attackers did.
func attack(ctx context.Context, b *bench) ([]Row, error) {
	under, err := b.besiege(ctx)
	if err != nil {
		return nil, fmt.Errorf("under attack: %w", err)
	}
	beside, err := b.besideLoops(ctx, under.processors)
	if err != nil {
		return nil, fmt.Errorf("beside busy loops: %w", err)
	}
	var rows []Row
	for i, w := range under.waits {
		other := beside.waits[i]
		got, want := percentile(w.times, 99), percentile(other.times, 99)
		ratio := float64(got) / float64(max(want, 1))
		rows = append(rows, Row{
			What:   "under attack by two accounts: " + w.what + ", 99th percentile",
			Figure: millis(got), Goal: fmt.Sprintf("≤ %d× beside busy loops", attackTimes), Met: ratio <= attackTimes,
			Reference: fmt.Sprintf("%.1f×: %s beside loops that take the %.2f processors of the attackers; medians %s and %s, of %d and %d",
				ratio, millis(want), under.processors, millis(median(w.times)), millis(median(other.times)), len(w.times), len(other.times)),
		})
	}
	return append(rows, Row{
		What:   "memory of the server at its peak meanwhile",
		Figure: megabytes(under.peak), Goal: "< 400 MB", Met: under.peak < attackMemory,
		Reference: fmt.Sprintf("beside loops: %s; %d jobs in flight, none lost, nothing honest refused", megabytes(beside.peak), victimsJobs),
	}, Row{
		What:   fmt.Sprintf("killed in the middle of it: start to the first 200, longest of %d", attackKills),
		Figure: millis(percentile(under.starts, 100)), Goal: "≤ 1 s", Met: percentile(under.starts, 100) <= startGoal,
	}), nil
}

// A siege is what honest callers saw.
type siege struct {
	waits      []wait
	peak       int64 // memory of the server, in bytes
	processors float64
	starts     []time.Duration // after kills
}

// besiege measures under attack.
func (b *bench) besiege(ctx context.Context) (got siege, err error) {
	s, h, err := b.victim(ctx)
	if err != nil {
		return got, err
	}
	defer s.stop()
	a := &Assault{URL: s.url, Env: b.Env}
	for i, name := range []string{"mallory", "mallet"} {
		x, err := s.attacker(ctx, name, fmt.Sprintf("203.0.113.%d", i+1))
		if err != nil {
			return got, fmt.Errorf("%s: %w", name, err)
		}
		a.Attackers = append(a.Attackers, x)
	}
	var starts []time.Duration
	got, err = h.beside(ctx, Task{Assault: a}, func(ctx context.Context) (err error) {
		starts, err = s.killed(ctx)
		return err
	})
	if err != nil {
		return got, err
	}
	got.starts = starts
	return got, h.check(ctx)
}

// besideLoops measures beside loops that use so many processors.
func (b *bench) besideLoops(ctx context.Context, processors float64) (got siege, err error) {
	s, h, err := b.victim(ctx)
	if err != nil {
		return got, err
	}
	defer s.stop()
	if got, err = h.beside(ctx, Task{Spin: processors}, func(context.Context) error { return nil }); err != nil {
		return got, err
	}
	return got, h.check(ctx)
}

// victim starts a server with honest callers. It believes what a proxy says, so that
// callers have addresses: those of this machine have no limits.
func (b *bench) victim(ctx context.Context) (_ *server, _ *honest, err error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, nil, err
	}
	s, err := b.start(ctx, data, 2, "--trusted-proxy", proxy)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if err := s.signUp(ctx); err != nil {
		return nil, nil, err
	}
	if err := s.awaitRunners(ctx); err != nil {
		return nil, nil, err
	}
	h, err := s.honest(ctx)
	return s, h, err
}

// killed kills the server a few times and says how long each start took.
func (s *server) killed(ctx context.Context) (took []time.Duration, err error) {
	for range attackKills {
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
		if err := s.cmd.Process.Kill(); err != nil {
			return nil, err
		}
		<-s.ended
		if err := s.again(ctx); err != nil {
			return nil, err
		}
		took = append(took, s.ready)
	}
	return took, nil
}

// attacker makes an account with all that its attacks need.
func (s *server) attacker(ctx context.Context, name, from string) (x Attacker, err error) {
	api, err := s.account(ctx, name)
	if err != nil {
		return x, err
	}
	r, err := s.repositoryOf(ctx, name, api, "attack", true, map[string]string{"bomb.yml": bombWorkflow})
	if err != nil {
		return x, err
	}
	x = Attacker{From: from, Token: api.Token(), Owner: name, Repo: r.name, Clone: r.dir}
	sha, err := r.head(ctx)
	if err != nil {
		return x, err
	}
	v, err := r.run(ctx, sha)
	if err != nil {
		return x, err
	}
	if err := r.conclude(ctx, v.ID, 50*time.Millisecond, time.Minute); err != nil {
		return x, err
	}
	x.Page = fmt.Sprintf("/%s/%s/actions/runs/%d", name, r.name, v.ID)
	if err := r.arm(ctx); err != nil {
		return x, err
	}
	w, err := s.newSimulator(ctx)
	if err != nil {
		return x, err
	}
	runner, err := w.startFor(ctx, name, nobodysLabel+"-"+name)
	if err != nil {
		return x, err
	}
	defer runner.c.close()
	x.Runner = strings.TrimPrefix(runner.auth, "Bearer ")
	x.Poll = strings.TrimPrefix(runner.broker, s.url) + "message?sessionId=00000000-0000-0000-0000-000000000000&status=Online"
	return x, nil
}

// bombWorkflow writes a summary that is a table of very many columns and rows.
const bombWorkflow = `on: push
jobs:
  bomb:
    runs-on: ubuntu-latest
    steps:
      - shell: bash
        run: |
          for i in {1..20000}; do printf '|a'; done >row
          { cat row; echo; sed 's/a/-/g' row; echo; for i in {1..100000}; do echo '|'; done; } >>"$GITHUB_STEP_SUMMARY"
`

// arm puts a large file beside the workflow and replaces it by one of very many jobs.
func (r *repo) arm(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(r.dir, "large"), make([]byte, attackFile), 0o600); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("on: push\njobs:\n")
	for i := range attackJobs {
		fmt.Fprintf(&text, "  j%d:\n    runs-on: %s\n    strategy:\n      matrix:\n        n: %s\n    steps:\n      - run: \"true\"\n", i, nobodysLabel, matrixOf(attackMatrix))
	}
	dir := filepath.Join(r.dir, ".github", "workflows")
	if err := errors.Join(os.Remove(filepath.Join(dir, "bomb.yml")), os.WriteFile(filepath.Join(dir, "many.yml"), []byte(text.String()), 0o600)); err != nil {
		return err
	}
	if _, err := r.commit(ctx, "many jobs [skip ci]"); err != nil {
		return err
	}
	return r.push(ctx)
}

// beside measures what honest callers wait while a process does its task, and lets f
// do something before that ends.
func (h *honest) beside(ctx context.Context, t Task, f func(context.Context) error) (got siege, err error) {
	c, err := h.s.b.begin(ctx, t)
	if err != nil {
		return got, err
	}
	defer c.end()
	if err := pause(ctx, time.Second); err != nil { // until it is at work
		return got, err
	}
	if err := c.mark(); err != nil {
		return got, err
	}
	if got.waits, err = h.measure(ctx); err != nil {
		return got, err
	}
	if got.processors, err = c.processors(); err != nil {
		return got, err
	}
	if got.peak, err = memory(h.s.cmd.Process.Pid, peakResident); err != nil {
		return got, err
	}
	return got, f(ctx)
}
