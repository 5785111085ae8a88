package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// SetMember is [Tx.SetMember] by itself.
func (s *Store) SetMember(ctx context.Context, orgID, accountID int64, owner bool) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.SetMember(ctx, orgID, accountID, owner) })
}

// SetMember makes account a member of an organization, as its owner or not.
func (tx *Tx) SetMember(ctx context.Context, orgID, accountID int64, owner bool) error {
	member, had, err := tx.Member(ctx, orgID, accountID)
	if err != nil || member && had == owner {
		return err
	}
	err = tx.exec(ctx, AccessTopic(), `insert into members (org_id, account_id, owner) values ($1, $2, $3)
		on conflict (org_id, account_id) do update set owner = excluded.owner`, orgID, accountID, db.Flag(owner))
	if err != nil {
		return err
	}
	org, err := tx.Account(ctx, orgID)
	if err != nil {
		return err
	}
	a, err := tx.Account(ctx, accountID)
	if err != nil {
		return err
	}
	e := actions.AuditEntry{Action: actions.AuditOrgAddMember}
	if member {
		e = actions.AuditEntry{Action: actions.AuditOrgUpdateMember}.With("old_permission", memberRole(had))
	}
	return tx.Audit(ctx, e.InOrg(org).Of(a).With("permission", memberRole(owner)))
}

// memberRole is GitHub's word for what a member of an organization may.
func memberRole(owner bool) string {
	if owner {
		return "admin"
	}
	return "read"
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

var organizationList = db.List[*actions.Account]{
	Table: `accounts`, ID: `accounts.id`, Columns: accountColumns, Scan: scanAccount,
}.Order(`accounts.login_key, accounts.id`)

// Organizations lists a page of those that an account is a member of, and says how many
// there are: all of them for itself, for another viewer those where that is a member, too.
func (q queries) Organizations(ctx context.Context, accountID, viewerID int64, p Page) ([]*actions.Account, int, error) {
	l := organizationList.Where(`accounts.id in (select m.org_id from members m where m.account_id = ?)`, accountID)
	if viewerID != accountID {
		l = l.Where(`accounts.id in (select v.org_id from members v where v.account_id = ?)`, viewerID)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("organizations of account %d: %w", accountID, err)
	}
	return list, total, nil
}

// OrganizationsByID finds organizations by their ids, in any order. What is none is left out.
func (q queries) OrganizationsByID(ctx context.Context, ids []int64) ([]*actions.Account, error) {
	var list []*actions.Account
	for args, places := range db.Batches(ids, actions.Organization) {
		some, err := db.All(ctx, q.ex, scanAccount, `select `+accountColumns+` from accounts where type = $1 and id in (`+places+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("organizations: %w", err)
		}
		list = append(list, some...)
	}
	return list, nil
}
