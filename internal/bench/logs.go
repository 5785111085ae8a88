package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	logJobs  = 10
	logLimit = 2 * time.Minute
)

// logWorkflow prints lines of 100 bytes as fast as a pipe takes them.
func logWorkflow(bytes int) string {
	return fmt.Sprintf(`on: workflow_dispatch
jobs:
  print:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        n: %s
    steps:
      - run: yes 'Compiling one of very many small packages of a large program, which all say so, each in a line..' | head -c %d
`, matrixOf(logJobs), bytes)
}

// ingestion runs jobs that print at full speed on two bundled runners.
func ingestion(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 2)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "logs", false, map[string]string{"print.yml": logWorkflow(b.logBytes)})
	if err != nil {
		return nil, err
	}
	before, err := s.processor()
	if err != nil {
		return nil, err
	}
	began := b.Now()
	id, err := r.dispatch(ctx, "print.yml")
	if err != nil {
		return nil, err
	}
	if err := r.conclude(ctx, id, 50*time.Millisecond, logLimit); err != nil {
		return nil, err
	}
	took := b.since(began)
	after, err := s.processor()
	if err != nil {
		return nil, err
	}
	peak, err := memory(s.cmd.Process.Pid, peakResident)
	if err != nil {
		return nil, err
	}
	var runners int64
	for _, pid := range s.runnerPIDs() {
		n, err := memory(pid, peakResident)
		if err != nil {
			return nil, err
		}
		runners = max(runners, n)
	}
	const goalRate, goalMemory = 100.0, 150 * mb
	perSecond := rate(logJobs*int64(b.logBytes), took) / mb
	return []Row{
		{
			What:   fmt.Sprintf("log ingestion: %d jobs that each print %s at full speed, 2 bundled runners", logJobs, megabytes(int64(b.logBytes))),
			Figure: fmt.Sprintf("%.0f MB/s in all", perSecond), Goal: fmt.Sprintf("≥ %.0f MB/s", goalRate), Met: perSecond >= goalRate,
			Reference: millis(took) + " from dispatch to conclusion", Peers: "1–9 MB/s",
			Values: []Value{
				speed("log ingestion", perSecond, "MB/s"),
				cost("server time of 100 MB of logs", time.Duration(float64(after-before)*100*mb/float64(logJobs*b.logBytes))),
			},
		},
		{
			What:   "memory of the server at its peak meanwhile",
			Figure: megabytes(peak), Goal: "< 150 MB", Met: peak < goalMemory,
			Reference: "a runner's: " + megabytes(runners),
			Values:    []Value{held("memory of the server under logs", peak)},
		},
	}, nil
}

// dispatch dispatches a workflow and returns its run.
func (r *repo) dispatch(ctx context.Context, file string) (id int64, err error) {
	var made struct {
		ID int64 `json:"workflow_run_id"`
	}
	body := object{"ref": "main", "return_run_details": true}
	err = r.api.Do(ctx, http.MethodPost, r.dispatchPath(file), body, &made)
	return made.ID, err
}
