package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// LabelIDs are the numbers of labels, each the same wherever it is, by its name in lower
// case. Those of runners that registered before labels had numbers get theirs now.
func (s *Store) LabelIDs(ctx context.Context, names []string) (map[string]int64, error) {
	keys := labelKeys(names)
	ids, err := s.labelIDs(ctx, keys)
	if err != nil || len(ids) == len(keys) {
		return ids, err
	}
	if err := s.Update(ctx, func(tx *Tx) error { return tx.numberLabels(ctx, keys) }); err != nil {
		return nil, err
	}
	return s.labelIDs(ctx, keys)
}

// labelKeys are the names of labels in lower case, sorted, each once.
func labelKeys(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = strings.ToLower(name)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (q queries) labelIDs(ctx context.Context, keys []string) (map[string]int64, error) {
	type label struct {
		key string
		id  int64
	}
	scan := func(r db.Row) (l label, err error) { return l, r.Scan(&l.key, &l.id) }
	ids := make(map[string]int64, len(keys))
	for args, marks := range db.Batches(keys) {
		some, err := db.All(ctx, q.ex, scan, `select name_key, id from runner_labels where name_key in (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
		for _, l := range some {
			ids[l.key] = l.id
		}
	}
	return ids, nil
}

// numberLabels gives labels without a number theirs.
func (tx *Tx) numberLabels(ctx context.Context, keys []string) error {
	known, err := tx.labelIDs(ctx, keys)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return known[key] != 0 })
	for piece, values := range db.Inserts(fresh, 1) {
		args := make([]any, len(piece))
		for i, key := range piece {
			args[i] = key
		}
		if _, err := db.Exec(ctx, tx.ex, `insert into runner_labels (name_key) values `+values+` on conflict (name_key) do nothing`, args...); err != nil {
			return fmt.Errorf("labels: %w", err)
		}
	}
	return nil
}

func (tx *Tx) numberLabelsOf(ctx context.Context, r *actions.Runner) error {
	names := make([]string, len(r.Labels))
	for i, l := range r.Labels {
		names[i] = l.Name
	}
	return tx.numberLabels(ctx, labelKeys(names))
}

// SetRunnerLabels saves the labels of a runner.
func (tx *Tx) SetRunnerLabels(ctx context.Context, r *actions.Runner) error {
	if err := db.ExecOne(ctx, tx.ex, `update runners set labels = $2 where id = $1`, r.ID, db.Text(r.Labels)); err != nil {
		return fmt.Errorf("runner %d: %w", r.ID, err)
	}
	if err := tx.numberLabelsOf(ctx, r); err != nil {
		return err
	}
	tx.Publish(RunnerTopic(r.ID), RunnerRecordTopic(r.ID))
	return tx.auditRunner(ctx, r, actions.AuditRunnerLabels)
}
