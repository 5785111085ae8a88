package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An object is a body in JSON.
type object map[string]any

// A run is what measurements read of a workflow run.
type run struct {
	ID         int64
	Status     string
	Conclusion string
	HeadSHA    string `json:"head_sha"`
}

// A job is what measurements read of a job.
type job struct {
	ID         int64
	Status     string
	Conclusion string
}

// run waits for the run of a commit to exist.
func (r *repo) run(ctx context.Context, sha string) (found run, err error) {
	var list struct {
		Runs []run `json:"workflow_runs"`
	}
	err = until(ctx, "run of "+sha, 10*time.Millisecond, time.Minute, func() (bool, error) {
		if err := r.api.Do(ctx, http.MethodGet, r.path("/actions/runs?per_page=10"), nil, &list); err != nil {
			return false, err
		}
		i := slices.IndexFunc(list.Runs, func(v run) bool { return v.HeadSHA == sha })
		if i >= 0 {
			found = list.Runs[i]
		}
		return i >= 0, nil
	})
	return found, err
}

// conclude waits for a run to succeed, looking every so often.
func (r *repo) conclude(ctx context.Context, id int64, every, limit time.Duration) error {
	var v run
	return until(ctx, fmt.Sprintf("conclusion of run %d", id), every, limit, func() (bool, error) {
		if err := r.api.Do(ctx, http.MethodGet, r.path("/actions/runs/%d", id), nil, &v); err != nil {
			return false, err
		}
		if v.Status == "completed" && v.Conclusion != "success" {
			return false, fmt.Errorf("run %d: %s", id, v.Conclusion)
		}
		return v.Status == "completed", nil
	})
}

// jobs are those of a run, up to 100.
func (r *repo) jobs(ctx context.Context, id int64) ([]job, error) {
	var list struct{ Jobs []job }
	err := r.api.Do(ctx, http.MethodGet, r.path("/actions/runs/%d/jobs?per_page=100", id), nil, &list)
	return list.Jobs, err
}

// path is one below the repository.
func (r *repo) path(format string, args ...any) string {
	return "/repos/" + r.owner + "/" + r.name + fmt.Sprintf(format, args...)
}

// dispatchPath is where a workflow is dispatched.
func (r *repo) dispatchPath(file string) string {
	return r.path("/actions/workflows/%s/dispatches", file)
}

// matrixOf is a list of n numbers for a workflow file.
func matrixOf(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, i+1)
	}
	return "[" + b.String() + "]"
}
