package runs

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A usageJSON is what GitHub would bill of one system. Nobody is billed here.
type usageJSON struct {
	TotalMS int          `json:"total_ms"`
	Jobs    int          `json:"jobs"`
	JobRuns []jobRunJSON `json:"job_runs"`
}

type jobRunJSON struct {
	JobID      int64 `json:"job_id"`
	DurationMS int   `json:"duration_ms"`
}

// timing serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/timing.
func (p *page) timing(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	jobs, err := p.store.StartedJobs(r.Context(), run.ID)
	if err != nil {
		return err
	}
	took, err := p.duration(r, run)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Billable map[string]*usageJSON `json:"billable"`
		Duration int64                 `json:"run_duration_ms"`
	}{usage(jobs), took.Milliseconds()})
}

// duration is how long the current attempt took, or has taken so far.
func (p *page) duration(r *http.Request, run *actions.Run) (time.Duration, error) {
	at, err := p.store.Attempt(r.Context(), run.ID, run.Attempt)
	if err != nil {
		return 0, err
	}
	end := at.CompletedAt
	if end.IsZero() {
		end = p.now()
	}
	return max(end.Sub(at.StartedAt), 0), nil
}

// usage sorts jobs by system.
func usage(jobs []store.StartedJob) map[string]*usageJSON {
	all := make(map[string]*usageJSON)
	for _, j := range jobs {
		system := actions.HostedSystem(j.Labels)
		if system == "" {
			continue
		}
		u := all[system]
		if u == nil {
			u = new(usageJSON)
			all[system] = u
		}
		u.Jobs++
		u.JobRuns = append(u.JobRuns, jobRunJSON{JobID: j.ID})
	}
	return all
}
