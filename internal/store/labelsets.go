package store

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A LabelSet is one distinct runs-on of the jobs of this server.
type LabelSet struct {
	ID     int64
	Group  string
	Labels []string
}

func scanLabelSet(r db.Row) (*LabelSet, error) {
	s := new(LabelSet)
	return s, r.Scan(&s.ID, &s.Group, db.JSON(&s.Labels))
}

// maxLabelKey is the length of the longest key that is kept as it is. A hundred
// long labels would not fit into an index of PostgreSQL.
const maxLabelKey = 512

// labelSet is the id of the set of labels with the given key, made if it is new.
func (q queries) labelSet(ctx context.Context, key string, j *actions.Job) (int64, error) {
	if len(key) > maxLabelKey {
		key = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(key)))
	}
	id, err := db.One(ctx, q.ex, db.Value[int64], `select id from label_sets where key = $1`, key)
	if actions.KindOf(err) == actions.NotFound {
		id, err = db.One(ctx, q.ex, db.Value[int64], `insert into label_sets (key, runner_group, labels) values ($1, $2, $3)
			on conflict (key) do update set labels = label_sets.labels returning id`, key, j.Group, db.Text(j.Labels))
	}
	if err != nil {
		return 0, fmt.Errorf("labels %v: %w", j.Labels, err)
	}
	return id, nil
}

// WaitingLabelSets lists the label sets that jobs wait with. It steps through the
// index of waiting jobs from one set to the next, however many jobs each has.
func (q queries) WaitingLabelSets(ctx context.Context) ([]*LabelSet, error) {
	const next = `select min(label_set_id) from jobs where status = 'queued' and wait = ''`
	return db.All(ctx, q.ex, scanLabelSet, `with recursive waiting (id) as (
		select * from (`+next+`) first
		union all
		select (`+next+` and label_set_id > waiting.id) from waiting where waiting.id is not null)
		select s.id, s.runner_group, s.labels from waiting join label_sets s on s.id = waiting.id`)
}
