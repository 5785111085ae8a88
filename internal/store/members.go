package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// SetMember makes account a member of an organization, as its owner or not.
func (q queries) SetMember(ctx context.Context, orgID, accountID int64, owner bool) error {
	return q.exec(ctx, AccessTopic(), `insert into members (org_id, account_id, owner) values ($1, $2, $3)
		on conflict (org_id, account_id) do update set owner = excluded.owner`, orgID, accountID, db.Flag(owner))
}

// Member says whether account belongs to an organization, and whether as owner.
func (q queries) Member(ctx context.Context, orgID, accountID int64) (member, owner bool, err error) {
	is, err := db.One(ctx, q.ex, db.Value[int64], `select owner from members where org_id = $1 and account_id = $2`, orgID, accountID)
	if actions.KindOf(err) == actions.NotFound {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("member %d of %d: %w", accountID, orgID, err)
	}
	return true, is != 0, nil
}
