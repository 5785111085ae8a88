package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

// A run, its jobs and their steps, as far as the demo looks at them.
type run struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Number     int64  `json:"run_number"`
	Event      string `json:"event"`
	Branch     string `json:"head_branch"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	URL        string `json:"html_url"`
}

type job struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Runner     string `json:"runner_name"`
	Steps      []step `json:"steps"`

	period // not from the API, which has whole seconds only
}

type step struct {
	Number     int    `json:"number"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`

	period
}

// A period is when something began and ended; each is zero until it has.
type period struct {
	began, ended time.Time
}

// lasted is how long it took, or has taken at now.
func (s period) lasted(now time.Time) time.Duration {
	switch {
	case s.began.IsZero():
		return 0
	case s.ended.IsZero():
		return max(0, now.Sub(s.began))
	}
	return max(0, s.ended.Sub(s.began))
}

// findRun finds the run of a commit. There is exactly one, or will be.
func findRun(ctx context.Context, c *client.Client, repo, sha string) (*run, error) {
	var list struct {
		Runs []*run `json:"workflow_runs"`
	}
	err := c.Do(ctx, http.MethodGet, "/repos/"+repo+"/actions/runs?head_sha="+sha, nil, &list)
	if err != nil || len(list.Runs) == 0 {
		return nil, err
	}
	return list.Runs[0], nil
}

func getRun(ctx context.Context, c *client.Client, repo string, id int64) (*run, error) {
	r := new(run)
	return r, c.Do(ctx, http.MethodGet, fmt.Sprintf("/repos/%s/actions/runs/%d", repo, id), nil, r)
}

func jobsOf(ctx context.Context, c *client.Client, repo string, run int64) ([]job, error) {
	var list struct {
		Jobs []job `json:"jobs"`
	}
	err := c.Do(ctx, http.MethodGet, fmt.Sprintf("/repos/%s/actions/runs/%d/jobs?per_page=100", repo, run), nil, &list)
	return list.Jobs, err
}
