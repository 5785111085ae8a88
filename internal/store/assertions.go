package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const assertionsForgotten = 100 // at a time, more than are added

// UseAssertion remembers the hash of what a runner has proved itself with until it
// expires. One that is known is Unauthorized. Those that have expired are forgotten.
func (tx *Tx) UseAssertion(ctx context.Context, hash []byte, expires, now time.Time) error {
	n, err := db.Exec(ctx, tx.ex, `insert into assertions (hash, expires_at) values ($1, $2) on conflict (hash) do nothing`, hash, db.Micros(expires))
	if err == nil && n == 0 {
		return actions.Errorf(actions.Unauthorized, "the client assertion was used before")
	}
	if err == nil {
		_, err = db.Exec(ctx, tx.ex, `delete from assertions where hash in (select hash from assertions where expires_at < $1 order by expires_at limit $2)`,
			db.Micros(now), assertionsForgotten)
	}
	if err != nil {
		return fmt.Errorf("assertion: %w", err)
	}
	return nil
}
