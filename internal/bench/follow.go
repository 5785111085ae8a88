package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const followLimit = time.Minute

// followWorkflow prints the time 100 times a second. It waits by a read that
// nothing comes for: a sleep of its own process would take longer than that.
func followWorkflow(lines int) string {
	return fmt.Sprintf(`on: workflow_dispatch
jobs:
  print:
    runs-on: ubuntu-latest
    steps:
      - shell: bash
        run: |
          exec 9<> <(:)
          for i in {1..%d}; do
            echo "printed at $EPOCHREALTIME"
            read -r -t 0.0099 -u 9 || true
          done
`, lines)
}

// follow reads the stream of a job's page and compares the time in each line
// with the time at which it came. The repository is public: pages know no tokens.
func follow(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 2)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "follow", true, map[string]string{"print.yml": followWorkflow(b.followLines)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, followLimit, fmt.Errorf("the job was not followed within %s", followLimit))
	defer cancel()
	id, err := r.dispatch(ctx, "print.yml")
	if err != nil {
		return nil, err
	}
	jobs, err := r.jobs(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(jobs) != 1 {
		return nil, fmt.Errorf("run %d has %d jobs", id, len(jobs))
	}
	delays, err := r.followJob(ctx, id, jobs[0].ID)
	if err != nil {
		return nil, err
	}
	if len(delays) < b.followLines/2 {
		return nil, fmt.Errorf("only %d of %d lines came", len(delays), b.followLines)
	}
	const goal = 200 * time.Millisecond
	mid := median(delays)
	return []Row{{
		What:   "one job printing 100 lines a second: delay from print to a follower of its page, median",
		Figure: millis(mid), Goal: "< 200 ms", Met: mid < goal,
		Reference: fmt.Sprintf("95th percentile %s, longest %s; %d of %d lines", millis(percentile(delays, 95)), millis(percentile(delays, 100)), len(delays), b.followLines),
		Values:    []Value{cost("delay from print to a follower", mid)},
	}}, nil
}

var printedAt = regexp.MustCompile(`printed at (\d+)[.,](\d{6})$`)

// followJob returns the delay of each line that came while it followed.
func (r *repo) followJob(ctx context.Context, runID, jobID int64) (delays []time.Duration, err error) {
	err = r.eachDelay(ctx, runID, jobID, func(d time.Duration) { delays = append(delays, d) })
	return delays, err
}

// eachDelay follows a job and tells the delay of each line that comes.
func (r *repo) eachDelay(ctx context.Context, runID, jobID int64, add func(time.Duration)) error {
	return r.stream(ctx, runID, jobID, func(event string, data []byte) (more bool, err error) {
		now := r.b.Now()
		if event != "lines" {
			return event != "end", nil
		}
		lines, err := linesOf(data)
		for _, text := range lines {
			if p := printedAt.FindStringSubmatch(text); p != nil {
				micros, err := strconv.ParseInt(p[1]+p[2], 10, 64)
				if err != nil {
					return false, err
				}
				add(now.Sub(time.UnixMicro(micros)))
			}
		}
		return true, err
	})
}

// stream reads the stream of a job's page until f has enough.
func (r *repo) stream(ctx context.Context, runID, jobID int64, f func(event string, data []byte) (more bool, err error)) error {
	resp, err := r.api.Visit(ctx, fmt.Sprintf("%s/actions/runs/%d/job/%d/live", r.url, runID, jobID), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("stream of job %d: %s", jobID, resp.Status)
	}
	return events(resp.Body, f)
}

// events reads a stream of server-sent events until f has enough.
func events(r io.Reader, f func(event string, data []byte) (more bool, err error)) error {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 16<<20)
	event := ""
	for scan.Scan() {
		switch name, value, _ := strings.Cut(scan.Text(), ": "); name {
		case "event":
			event = value
		case "data":
			if more, err := f(event, []byte(value)); !more || err != nil {
				return err
			}
		}
	}
	return scan.Err()
}

// linesOf are the texts of a "lines" event.
func linesOf(data []byte) ([]string, error) {
	var event struct {
		Lines []struct {
			Pieces [][2]string `json:"p"` // class, text
		}
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return nil, fmt.Errorf("lines: %w", err)
	}
	out := make([]string, len(event.Lines))
	for i, line := range event.Lines {
		for _, p := range line.Pieces {
			out[i] += p[1]
		}
	}
	return out, nil
}
