package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// DeadBlobs lists up to limit keys of blobs that no row needs.
func (q queries) DeadBlobs(ctx context.Context, limit int) ([]string, error) {
	return db.All(ctx, q.ex, db.Value[string], `select blob from dead_blobs order by blob limit $1`, limit)
}

// ForgetBlobs removes the keys of dead blobs whose bytes are gone.
func (tx *Tx) ForgetBlobs(ctx context.Context, keys ...string) error {
	for args, marks := range db.Batches(keys) {
		if _, err := db.Exec(ctx, tx.ex, `delete from dead_blobs where blob in (`+marks+`)`, args...); err != nil {
			return fmt.Errorf("dead blobs: %w", err)
		}
	}
	return nil
}

// Unowned returns those of the keys that no row has.
func (q queries) Unowned(ctx context.Context, keys []string) (unowned []string, err error) {
	for args, marks := range db.Batches(keys) {
		some, err := db.All(ctx, q.ex, db.Value[string], `with k (blob) as (values (cast(`+strings.ReplaceAll(marks, ",", ` as text)), (cast(`)+` as text)))
			select k.blob from k where not exists (select 1 from object_blocks b where b.blob = k.blob)
			and not exists (select 1 from log_parts l where l.blob = k.blob)
			and not exists (select 1 from summaries s where s.blob = k.blob)
			and not exists (select 1 from kept_actions p where p.pack = k.blob)
			and not exists (select 1 from kept_actions t where t.archive = k.blob)
			and not exists (select 1 from dead_blobs d where d.blob = k.blob)`, args...)
		if err != nil {
			return nil, fmt.Errorf("blobs without a row: %w", err)
		}
		unowned = append(unowned, some...)
	}
	slices.Sort(unowned)
	return slices.Compact(unowned), nil
}
