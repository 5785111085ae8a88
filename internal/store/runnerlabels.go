package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// LabelIDs are the numbers of labels, each the same wherever it is, by its name in lower
// case. Those that have none yet get one.
func (s *Store) LabelIDs(ctx context.Context, names []string) (map[string]int64, error) {
	ids := make(map[string]int64, len(names))
	type label struct {
		key string
		id  int64
	}
	scan := func(r db.Row) (l label, err error) { return l, r.Scan(&l.key, &l.id) }
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = strings.ToLower(name)
	}
	for args, marks := range db.Batches(keys) {
		some, err := db.All(ctx, s.ex, scan, `select name_key, id from runner_labels where name_key in (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
		for _, l := range some {
			ids[l.key] = l.id
		}
	}
	for _, key := range keys {
		if _, has := ids[key]; has {
			continue
		}
		id, err := db.One(ctx, s.ex, db.Value[int64], `insert into runner_labels (name_key) values ($1)
			on conflict (name_key) do update set name_key = excluded.name_key returning id`, key)
		if err != nil {
			return nil, fmt.Errorf("label %q: %w", key, err)
		}
		ids[key] = id
	}
	return ids, nil
}

// SetRunnerLabels saves the labels of a runner.
func (tx *Tx) SetRunnerLabels(ctx context.Context, r *actions.Runner) error {
	if err := db.ExecOne(ctx, tx.ex, `update runners set labels = $2 where id = $1`, r.ID, db.Text(r.Labels)); err != nil {
		return fmt.Errorf("runner %d: %w", r.ID, err)
	}
	tx.Publish(RunnerTopic(r.ID), RunnerRecordTopic(r.ID))
	return tx.auditRunner(ctx, r, actions.AuditRunnerLabels)
}
