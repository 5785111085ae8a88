package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A CheckRun is a job as its commit shows it.
type CheckRun struct {
	Job         *actions.Job
	HeadSHA     string
	Annotations int
}

// A CheckFilter narrows a list of check runs. Zero fields do not.
type CheckFilter struct {
	RepoID   int64
	JobID    int64
	RunID    int64  // also the check suite's
	HeadSHA  string // full
	Name     string
	Status   actions.Status
	Attempts bool // of all attempts, not only the current one
}

func (f *CheckFilter) where() (string, []any) {
	conds := []string{"j.repo_id = $1", "r.repo_id = $1"}
	args := []any{f.RepoID}
	add := func(column string, arg any) {
		args = append(args, arg)
		conds = append(conds, column+" = $"+strconv.Itoa(len(args)))
	}
	if f.JobID != 0 {
		add("j.id", f.JobID)
	}
	if f.RunID != 0 {
		add("j.run_id", f.RunID)
	}
	if f.HeadSHA != "" {
		add("r.head_sha", f.HeadSHA)
	}
	if f.Name != "" {
		add("j.name", f.Name)
	}
	if f.Status != "" {
		add("j.status", f.Status)
	}
	if !f.Attempts && f.JobID == 0 {
		conds = append(conds, "j.attempt = r.attempt")
	}
	return strings.Join(conds, " and "), args
}

const checkTables = ` from jobs j join runs r on r.id = j.run_id where `

// CheckRuns lists a page of check runs, newest first, and how many there are.
// What a workflow file that cannot be read was told is among them.
func (q queries) CheckRuns(ctx context.Context, f CheckFilter, p Page) ([]*CheckRun, int, error) {
	where, args := f.where()
	n, err := db.One(ctx, q.ex, db.Value[int64], `select count(*)`+checkTables+where, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("check runs of repository %d: %w", f.RepoID, err)
	}
	scan := func(row db.Row) (*CheckRun, error) {
		c := &CheckRun{Job: new(actions.Job)}
		return c, row.Scan(append(jobFields(c.Job), &c.HeadSHA, &c.Annotations)...)
	}
	at := len(args)
	args = append(args, p.Size, p.Offset())
	list, err := db.All(ctx, q.ex, scan, `select `+prefixed("j", jobColumns)+`, r.head_sha, (select count(*) from annotations a where a.job_id = j.id)`+
		checkTables+where+` order by j.id desc limit $`+strconv.Itoa(at+1)+` offset $`+strconv.Itoa(at+2), args...)
	if err != nil {
		return nil, 0, fmt.Errorf("check runs of repository %d: %w", f.RepoID, err)
	}
	return list, int(n), nil
}
