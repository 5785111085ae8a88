package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// SetSuspended says whether an account may do nothing.
func (s *Store) SetSuspended(ctx context.Context, id int64, suspended bool, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		a, err := tx.Account(ctx, id)
		if err != nil || a.Suspended == suspended || a.Login == actions.Ghost {
			return err
		}
		err = tx.exec(ctx, AccessTopic(), `update accounts set suspended = $2, updated_at = $3 where id = $1`, id, db.Flag(suspended), db.Micros(now))
		if err != nil {
			return err
		}
		e := actions.AuditEntry{Action: actions.AuditUserUnsuspend}
		if suspended {
			e.Action = actions.AuditUserSuspend
		}
		return tx.Audit(ctx, e.Of(a))
	})
}

// RunsOfSuspended returns some of the runs that are not completed and whose attempt
// was begun by an account that is suspended.
func (q queries) RunsOfSuspended(ctx context.Context) ([]int64, error) {
	return db.All(ctx, q.ex, db.Value[int64], `select r.id from accounts a cross join runs r
		where a.suspended = 1 and r.triggering_id = a.id and r.status <> 'completed' order by r.id limit 100`)
}

// StillThere is NotFound for an account that was deleted. Whoever gives an account
// something that a deleted one has not asks in the same transaction.
func (tx *Tx) StillThere(ctx context.Context, id int64) error {
	a, err := tx.Account(ctx, id)
	if err == nil && a.Login == actions.Ghost {
		err = actions.Errorf(actions.NotFound, "account %d was deleted", id)
	}
	return err
}

// HasPeople says whether anybody ever had an account.
func (q queries) HasPeople(ctx context.Context) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int64], `select count(*) from (select id from accounts where type = 'User' limit 1) a`)
	return n > 0, err
}

// DeleteAccount removes a person with their tokens, memberships and permissions. What
// they did stays, by [actions.Ghost]. It is a Conflict while they own a repository, or
// are the only owner of an organization.
func (s *Store) DeleteAccount(ctx context.Context, id int64, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		gone, err := tx.Account(ctx, id)
		if err != nil {
			return err
		}
		repos, err := db.One(ctx, tx.ex, db.Value[int64], `select count(*) from repositories where owner_id = $1`, id)
		if err != nil {
			return err
		}
		if repos > 0 {
			return actions.Errorf(actions.Conflict, "the account owns %d repositories: delete them first, or give them to somebody else", repos)
		}
		orgs, err := db.All(ctx, tx.ex, db.Value[string], `select o.login from members m join accounts o on o.id = m.org_id
			where m.account_id = $1 and m.owner <> 0 and not exists
			(select 1 from members x where x.org_id = m.org_id and x.owner <> 0 and x.account_id <> $1) order by o.login limit 1`, id)
		if err != nil {
			return err
		}
		if len(orgs) > 0 {
			return actions.Errorf(actions.Conflict, "the account is the only owner of the organization %s: name another owner first", orgs[0])
		}
		for _, table := range []string{"tokens", "members", "collaborators", "pull_reviewers"} {
			if _, err := db.Exec(ctx, tx.ex, `delete from `+table+` where account_id = $1`, id); err != nil {
				return fmt.Errorf("%s of account %d: %w", table, id, err)
			}
		}
		if _, err := db.Exec(ctx, tx.ex, `insert into former_owners (login_key) values ($1) on conflict do nothing`, strings.ToLower(gone.Login)); err != nil {
			return fmt.Errorf("account %d: %w", id, err)
		}
		// The row stays, since runs name it; nothing finds it by a login.
		err = tx.exec(ctx, AccessTopic(), `update accounts set login = $2, login_key = $3, name = '', email = '', site_admin = 0,
			suspended = 1, updated_at = $4 where id = $1`, id, actions.Ghost, fmt.Sprintf("ghost %d", id), db.Micros(now))
		if err != nil {
			return err
		}
		return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditUserDelete}.Of(gone))
	})
}
