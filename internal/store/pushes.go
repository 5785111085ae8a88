package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const pushColumns = `id, repo_id, actor_id, silent, updates, created_at`

func scanPush(r db.Row) (*actions.Push, error) {
	p := new(actions.Push)
	return p, r.Scan(&p.ID, &p.RepoID, &p.ActorID, db.Bool(&p.ByJob), db.JSON(&p.Updates), db.Time(&p.CreatedAt))
}

// CreatePush records the intent to move refs and sets its id.
func (q queries) CreatePush(ctx context.Context, p *actions.Push) error {
	id, err := db.One(ctx, q.ex, db.Value[int64], `insert into pushes (repo_id, actor_id, silent, updates, created_at)
		values ($1, $2, $3, $4, $5) returning id`, p.RepoID, p.ActorID, db.Flag(p.ByJob), db.Text(p.Updates), db.Micros(p.CreatedAt))
	if err != nil {
		return fmt.Errorf("push to repository %d: %w", p.RepoID, err)
	}
	p.ID = id
	return nil
}

// Pushes lists the intents that wait for their runs, oldest first.
func (q queries) Pushes(ctx context.Context) ([]*actions.Push, error) {
	return db.All(ctx, q.ex, scanPush, `select `+pushColumns+` from pushes order by id`)
}

// DeletePush ends an intent, and says whether it was still there: who gets
// true makes the runs.
func (q queries) DeletePush(ctx context.Context, id int64) (bool, error) {
	n, err := db.Exec(ctx, q.ex, `delete from pushes where id = $1`, id)
	return n > 0, err
}
