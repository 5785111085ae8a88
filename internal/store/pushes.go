package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
)

const pushColumns = `id, repo_id, actor_id, silent, updates, created_at`

func scanPush(r row) (*actions.Push, error) {
	p := new(actions.Push)
	return p, r.Scan(&p.ID, &p.RepoID, &p.ActorID, truth{&p.Silent}, decoded{&p.Updates}, moment{&p.CreatedAt})
}

// CreatePush records the intent to move refs and sets its id.
func (q queries) CreatePush(ctx context.Context, p *actions.Push) error {
	id, err := one(ctx, q, value[int64], `insert into pushes (repo_id, actor_id, silent, updates, created_at)
		values ($1, $2, $3, $4, $5) returning id`, p.RepoID, p.ActorID, flag(p.Silent), text(p.Updates), micros(p.CreatedAt))
	if err != nil {
		return fmt.Errorf("push to repository %d: %w", p.RepoID, err)
	}
	p.ID = id
	return nil
}

// Pushes lists the intents that wait for their runs, oldest first.
func (q queries) Pushes(ctx context.Context) ([]*actions.Push, error) {
	return all(ctx, q, scanPush, `select `+pushColumns+` from pushes order by id`)
}

// DeletePush ends an intent, and says whether it was still there: who gets
// true makes the runs.
func (q queries) DeletePush(ctx context.Context, id int64) (bool, error) {
	n, err := exec(ctx, q, `delete from pushes where id = $1`, id)
	return n > 0, err
}
