package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const pushColumns = `id, repo_id, actor_id, silent, updates, settled, event, created_at`

func scanPush(r db.Row) (*actions.Push, error) {
	p, event := new(actions.Push), ""
	err := r.Scan(&p.ID, &p.RepoID, &p.ActorID, db.Bool(&p.ByJob), db.JSON(&p.Updates), db.Bool(&p.Settled), &event, db.Time(&p.CreatedAt))
	if err == nil && event != "" {
		err = json.Unmarshal([]byte(event), &p.Happening)
	}
	return p, err
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

// CreateHappening records an event that has happened, with its payload, and sets the id
// of p. A nil payload is made later.
func (tx *Tx) CreateHappening(ctx context.Context, p *actions.Push, payload []byte) error {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into pushes (repo_id, actor_id, silent, updates, settled, event, payload, created_at)
		values ($1, $2, $3, '[]', 1, $4, $5, $6) returning id`,
		p.RepoID, p.ActorID, db.Flag(p.ByJob), db.Text(p.Happening), notNil(payload), db.Micros(p.CreatedAt))
	if err != nil {
		return fmt.Errorf("%s in repository %d: %w", p.Happening.Name, p.RepoID, err)
	}
	p.ID, p.Settled = id, true
	tx.Publish(HappeningTopic(p.RepoID))
	return nil
}

// IsHeard says whether some workflow of a repository may be started by an event whose
// runs are of the default branch.
func (q queries) IsHeard(ctx context.Context, repoID int64, event string) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int64], `select count(*) from workflows
		where repo_id = $1 and state = 'active' and (events = '' or events like $2)`, repoID, "% "+event+" %")
	return n > 0, err
}

// HappeningPayload is the payload of an event that has happened; empty for one that is
// to be made.
func (q queries) HappeningPayload(ctx context.Context, id int64) ([]byte, error) {
	return db.One(ctx, q.ex, db.Value[[]byte], `select payload from pushes where id = $1`, id)
}

// A PushesOf says that a repository has intents that wait for their runs.
type PushesOf struct {
	RepoID   int64
	Oldest   time.Time
	Happened bool // some are events other than pushes
}

// Pushes lists the repositories with such intents, those with the oldest first.
func (q queries) Pushes(ctx context.Context) ([]PushesOf, error) {
	scan := func(r db.Row) (p PushesOf, err error) {
		return p, r.Scan(&p.RepoID, db.Time(&p.Oldest), db.Bool(&p.Happened))
	}
	return db.All(ctx, q.ex, scan, `select repo_id, min(created_at), max(case when event = '' then 0 else 1 end) from pushes group by repo_id order by min(id)`)
}

// RepoPushes lists the first intents of a repository that wait for their runs, oldest
// first, of those that are newer than the one with the id after.
func (q queries) RepoPushes(ctx context.Context, repoID, after int64, most int) ([]*actions.Push, error) {
	return db.All(ctx, q.ex, scanPush, `select `+pushColumns+` from pushes where repo_id = $1 and id > $2 order by id limit $3`, repoID, after, most)
}

// UnsettledPushes lists the intents of a repository of which nobody has noted what
// they have led to, oldest first.
func (q queries) UnsettledPushes(ctx context.Context, repoID int64) ([]*actions.Push, error) {
	return db.All(ctx, q.ex, scanPush, `select `+pushColumns+` from pushes where repo_id = $1 and settled = 0 order by id`, repoID)
}

// CountPushes is how many intents of a repository wait for their runs.
func (q queries) CountPushes(ctx context.Context, repoID int64) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from pushes where repo_id = $1`, repoID)
}

// AdvancePush notes which updates of an intent have runs to come. It is settled then.
func (q queries) AdvancePush(ctx context.Context, id int64, left []actions.RefUpdate) error {
	if _, err := db.Exec(ctx, q.ex, `update pushes set settled = 1, updates = $2 where id = $1`, id, db.Text(left)); err != nil {
		return fmt.Errorf("push %d: %w", id, err)
	}
	return nil
}

// SettlePush notes which updates an intent has led to, and ends it if there are
// none. What is settled stays as it is.
func (q queries) SettlePush(ctx context.Context, id int64, applied []actions.RefUpdate) error {
	text, args := `update pushes set settled = 1, updates = $2 where id = $1 and settled = 0`, []any{id, db.Text(applied)}
	if len(applied) == 0 {
		text, args = `delete from pushes where id = $1 and settled = 0`, args[:1]
	}
	if _, err := db.Exec(ctx, q.ex, text, args...); err != nil {
		return fmt.Errorf("push %d: %w", id, err)
	}
	return nil
}

// HasPush says whether an intent has not ended yet.
func (q queries) HasPush(ctx context.Context, id int64) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int64], `select count(*) from pushes where id = $1`, id)
	return n > 0, err
}

// DeletePush ends an intent, and says whether it was still there.
func (q queries) DeletePush(ctx context.Context, id int64) (bool, error) {
	n, err := db.Exec(ctx, q.ex, `delete from pushes where id = $1`, id)
	return n > 0, err
}

// CreatePushRun notes that a push makes a run, and says whether it is the first to
// do so: with false there is no run to make, because it is there, or because the
// intent has ended.
func (tx *Tx) CreatePushRun(ctx context.Context, pushID int64, ref, path string) (bool, error) {
	n, err := db.Exec(ctx, tx.ex, `insert into push_runs (push_id, ref, path)
		select id, cast($2 as text), cast($3 as text) from pushes where id = $1 on conflict do nothing`, pushID, ref, path)
	if err != nil {
		return false, fmt.Errorf("run of push %d: %w", pushID, err)
	}
	return n > 0, nil
}

// PushRuns lists the paths of the workflow files of which a push has made the runs
// for one of its refs.
func (q queries) PushRuns(ctx context.Context, pushID int64, ref string) ([]string, error) {
	return db.All(ctx, q.ex, db.Value[string], `select path from push_runs where push_id = $1 and ref = $2`, pushID, ref)
}
