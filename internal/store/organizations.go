package store

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// CreateOrganization adds org, with an owner, and sets its id. A login that is
// taken, in any case, is Invalid.
func (s *Store) CreateOrganization(ctx context.Context, org *actions.Account, ownerID int64) error {
	return s.Update(ctx, func(tx *Tx) error {
		if err := tx.StillThere(ctx, ownerID); err != nil {
			return err
		}
		if err := tx.CreateAccount(ctx, org); err != nil {
			return err
		}
		return tx.SetMember(ctx, org.ID, ownerID, true)
	})
}
