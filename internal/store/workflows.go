package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const workflowColumns = `id, repo_id, path, name, state, events, created_at, updated_at`

func scanWorkflow(r db.Row) (*actions.Workflow, error) {
	w := new(actions.Workflow)
	return w, r.Scan(&w.ID, &w.RepoID, &w.Path, &w.Name, &w.State, &w.Events, db.Time(&w.CreatedAt), db.Time(&w.UpdatedAt))
}

// SaveWorkflow adds the workflow or, where its repository has its path, sets
// the name, state, events and update time. It sets w's id and creation time.
func (tx *Tx) SaveWorkflow(ctx context.Context, w *actions.Workflow) error {
	tx.Publish(RepoTopic(w.RepoID))
	saved, err := db.One(ctx, tx.ex, scanWorkflow, `insert into workflows (repo_id, path, name, state, events, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (repo_id, path) do update set name = excluded.name, state = excluded.state, events = excluded.events, updated_at = excluded.updated_at
		returning `+workflowColumns, w.RepoID, w.Path, w.Name, w.State, w.Events, db.Micros(w.CreatedAt), db.Micros(w.UpdatedAt))
	if err != nil {
		return fmt.Errorf("workflow %s of repository %d: %w", w.Path, w.RepoID, err)
	}
	*w = *saved
	return nil
}

// Workflow returns the workflow of a repository with the given id.
func (q queries) Workflow(ctx context.Context, repoID, id int64) (*actions.Workflow, error) {
	w, err := db.One(ctx, q.ex, scanWorkflow, `select `+workflowColumns+` from workflows where id = $1 and repo_id = $2`, id, repoID)
	if err != nil {
		return nil, fmt.Errorf("workflow %d: %w", id, err)
	}
	return w, nil
}

// WorkflowByPath returns the workflow of a repository with the given path.
func (q queries) WorkflowByPath(ctx context.Context, repoID int64, path string) (*actions.Workflow, error) {
	w, err := db.One(ctx, q.ex, scanWorkflow, `select `+workflowColumns+` from workflows where repo_id = $1 and path = $2`, repoID, path)
	if err != nil {
		return nil, fmt.Errorf("workflow %s: %w", path, err)
	}
	return w, nil
}

var workflowList = db.List[*actions.Workflow]{
	Table: `workflows`, ID: `id`, Columns: workflowColumns, Scan: scanWorkflow,
}.Order(`id`)

// AllWorkflows lists every workflow of a repository, deleted ones too, oldest first.
func (q queries) AllWorkflows(ctx context.Context, repoID int64) ([]*actions.Workflow, error) {
	return workflowList.Where(`repo_id = ?`, repoID).All(ctx, q.ex)
}

// Workflows lists a page of the workflows of a repository, oldest first, and
// how many there are. Deleted ones are left out.
func (q queries) Workflows(ctx context.Context, repoID int64, p Page) ([]*actions.Workflow, int, error) {
	list, total, err := workflowList.Where(`repo_id = ?`, repoID).Where(`state <> 'deleted'`).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("workflows of repository %d: %w", repoID, err)
	}
	return list, total, nil
}

// nextRunNumber counts the workflow's runs up by one.
func (q queries) nextRunNumber(ctx context.Context, workflowID int64) (int64, error) {
	n, err := db.One(ctx, q.ex, db.Value[int64], `update workflows set runs = runs + 1 where id = $1 returning runs`, workflowID)
	if err != nil {
		return 0, fmt.Errorf("workflow %d: %w", workflowID, err)
	}
	return n, nil
}
