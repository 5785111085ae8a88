package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A RunFilter narrows a list of runs. Zero fields do not.
type RunFilter struct {
	RepoID     int64
	RunID      int64
	WorkflowID int64
	ActorID    int64
	Branch     string
	Event      string
	HeadSHA    string
	Status     string // a status or a conclusion, as GitHub's parameter mixes them
	From, To   time.Time
}

func isStatus(s string) bool {
	for _, k := range actions.Statuses() {
		if string(k) == s {
			return true
		}
	}
	return false
}

var runList = db.List[*actions.Run]{
	Table: `runs r`, ID: `r.id`, Joins: runAccounts, Columns: runSelected, Scan: scanRun,
}.Order(`r.id desc`)

// Runs lists a page of runs, newest first, and how many there are in all.
func (q queries) Runs(ctx context.Context, f RunFilter, p Page) ([]*actions.Run, int, error) {
	l := runList.Where(`r.repo_id = ?`, f.RepoID).Narrow(`r.id = ?`, f.RunID).Narrow(`r.workflow_id = ?`, f.WorkflowID).
		Narrow(`r.actor_id = ?`, f.ActorID).Narrow(`r.head_branch = ?`, f.Branch).Narrow(`r.event = ?`, f.Event).
		Narrow(`r.head_sha = ?`, f.HeadSHA).Narrow(`r.created_at >= ?`, db.Micros(f.From)).Narrow(`r.created_at <= ?`, db.Micros(f.To))
	if isStatus(f.Status) {
		l = l.Where(`r.status = ?`, f.Status)
	} else {
		l = l.Narrow(`r.conclusion = ?`, f.Status)
	}
	if f.counted() {
		l = l.Counter(runTotal, f.RepoID, f.WorkflowID, f.Status)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("runs of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}
