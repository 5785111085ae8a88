package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// latencyWorkflow prints the time as the first thing that its step does. The
// clock is the shell's own, in microseconds.
const latencyWorkflow = `on: push
jobs:
  first:
    runs-on: ubuntu-latest
    steps:
      - run: echo "first command at $EPOCHREALTIME"
`

// latency pushes, and compares the time at which git push has ended with
// those in the log of the job: both are this machine's wall clock.
func latency(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 2)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "latency", false, map[string]string{"ci.yml": latencyWorkflow})
	if err != nil {
		return nil, err
	}
	var acquired, started, command, pushes []time.Duration
	for i := range b.latencyPushes + 1 {
		began, pushed, m, err := r.pushed(ctx, i)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			continue // the programs come from the disk
		}
		pushes = append(pushes, pushed.Sub(began))
		acquired = append(acquired, m.acquired.Sub(pushed))
		started = append(started, m.started.Sub(pushed))
		command = append(command, m.command.Sub(pushed))
	}
	const goal = 50 * time.Millisecond
	mid := median(started)
	return []Row{{
		What:   fmt.Sprintf("push returned → first step running, median of %d pushes", b.latencyPushes),
		Figure: millis(mid), Goal: "≤ 50 ms", Met: mid <= goal,
		Reference: fmt.Sprintf("90th percentile %s; runner has the job after %s, the script's first command has run after %s; git push itself takes %s",
			millis(percentile(started, 90)), millis(median(acquired)), millis(median(command)), millis(median(pushes))),
		Peers:  "80–1900 ms from dispatch, by polling",
		Values: []Value{cost("push returned → first step running", mid), cost("git push", median(pushes))},
	}}, nil
}

// pushed makes and pushes a commit, whose number is i. It returns when the push began and
// when it had returned, and the times of the job that it made.
func (r *repo) pushed(ctx context.Context, i int) (began, returned time.Time, m jobTimes, err error) {
	sha, err := r.commit(ctx, fmt.Sprintf("push %d", i))
	if err != nil {
		return began, returned, m, err
	}
	began = r.b.Now()
	if err := r.push(ctx); err != nil {
		return began, returned, m, err
	}
	returned = r.b.Now()
	m, err = r.firstStep(ctx, sha)
	return began, returned, m, err
}

// jobTimes are points in the life of a job, as its log has them.
type jobTimes struct {
	acquired time.Time // the first line of all
	started  time.Time // of the first step of the workflow
	command  time.Time // as the script saw it
}

// firstStep waits for the run of a commit to end and reads its job's log.
func (r *repo) firstStep(ctx context.Context, sha string) (m jobTimes, err error) {
	v, err := r.run(ctx, sha)
	if err != nil {
		return m, err
	}
	if err := r.conclude(ctx, v.ID, 20*time.Millisecond, time.Minute); err != nil {
		return m, err
	}
	jobs, err := r.jobs(ctx, v.ID)
	if err != nil || len(jobs) == 0 {
		return m, errors.Join(err, fmt.Errorf("run %d has %d jobs", v.ID, len(jobs)))
	}
	log, err := r.api.Read(ctx, r.path("/actions/jobs/%d/logs", jobs[0].ID))
	if err != nil {
		return m, err
	}
	return parseJobTimes(string(log))
}

var printed = regexp.MustCompile(`first command at (\d+)[.,](\d{6})$`)

func parseJobTimes(log string) (m jobTimes, err error) {
	for line := range strings.Lines(strings.TrimPrefix(log, "\ufeff")) {
		stamp, text, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			continue
		}
		if m.acquired.IsZero() {
			m.acquired = at
		}
		if m.started.IsZero() && strings.HasPrefix(text, "##[group]Run ") {
			m.started = at
		}
		if p := printed.FindStringSubmatch(text); p != nil {
			micros, err := strconv.ParseInt(p[1]+p[2], 10, 64)
			if err != nil {
				return m, err
			}
			m.command = time.UnixMicro(micros)
		}
	}
	if m.started.IsZero() || m.command.IsZero() {
		err = fmt.Errorf("the log does not say when the step began:\n%.2000s", log)
	}
	return m, err
}
