package db

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// LastOutage is when the database last could not do its work: it was not to be
// reached, or had no space. Whoever judges others by what they have written must
// know since when they could. It is zero when that has never been so.
func (d *DB) LastOutage() time.Time {
	if at := d.outage.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// noted is err as callers get it; an outage is remembered.
func (d *DB) noted(err error) error {
	err = translate(err)
	if actions.KindOf(err) == actions.Unavailable && !retryable(err) { // one that lost conflicts is no outage
		now := d.now()
		d.outage.Store(&now)
	}
	return err
}

// Writable answers nil when something can be written. It writes, and leaves
// nothing behind.
func (d *DB) Writable(ctx context.Context) error {
	version := -d.now().UnixNano() // of no migration, and of no other caller
	err := d.UpdateRelaxed(ctx, func(tx *Tx) error {
		if _, err := Exec(ctx, tx, `insert into schema_migrations (version, name, applied_at) values ($1, 'probe', $1)`, version); err != nil {
			return err
		}
		_, err := Exec(ctx, tx, `delete from schema_migrations where version = $1`, version)
		return err
	})
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
