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
	NoForks    bool // none whose head is in a fork
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
}.Order(`r.created_at desc, r.id desc`)

// MostFound is how many runs a list has at most that a parameter narrows, as on GitHub.
const MostFound = 1000

// Runs lists a page of runs, newest first, and how many there are in all, or the first
// [MostFound] of those that a filter finds.
func (q queries) Runs(ctx context.Context, f RunFilter, p Page) ([]*actions.Run, int, error) {
	return q.RunSlice(ctx, f, p.Offset(), p.Size)
}

// RunSlice is Runs for up to length runs behind the first offset ones.
func (q queries) RunSlice(ctx context.Context, f RunFilter, offset, length int) ([]*actions.Run, int, error) {
	l := runList.Where(`r.repo_id = ?`, f.RepoID).Narrow(`r.id = ?`, f.RunID).Narrow(`r.head_sha = ?`, f.HeadSHA).
		Narrow(`r.created_at >= ?`, db.Micros(f.From)).Narrow(`r.created_at <= ?`, db.Micros(f.To))
	open := isStatus(f.Status) && f.Status != string(actions.Completed)
	noNumber, noText := ``, ``
	if open || f.HeadSHA != "" { // both have an index that leads to few runs: no other one is to be used
		noNumber, noText = ` + 0`, ` || ''`
	}
	switch {
	case open:
		l = l.Where(`r.status = ? and r.status <> 'completed'`, f.Status)
	case isStatus(f.Status):
		l = l.Where(`r.status = ?`, f.Status)
	case f.Status != "":
		l = l.Where(`r.conclusion`+noText+` = ? and r.conclusion <> ''`, f.Status)
	}
	l = l.Narrow(`r.workflow_id`+noNumber+` = ?`, f.WorkflowID).Narrow(`r.actor_id`+noNumber+` = ?`, f.ActorID).
		Narrow(`r.head_branch`+noText+` = ?`, f.Branch).Narrow(`r.event`+noText+` = ?`, f.Event)
	if f.NoForks {
		l = l.Where(`r.from_fork = ?`, db.Flag(false))
	}
	if f == (RunFilter{RepoID: f.RepoID, WorkflowID: f.WorkflowID}) {
		l = l.Counter(runTotal, f.RepoID, f.WorkflowID)
	} else {
		l = l.Most(MostFound)
	}
	list, total, err := l.Slice(ctx, q.ex, offset, length)
	if err != nil {
		return nil, 0, fmt.Errorf("runs of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}
