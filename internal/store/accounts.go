package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const accountColumns = `id, login, type, name, email, site_admin, suspended, created_at, updated_at`

func accountFields(a *actions.Account) []any {
	return []any{
		&a.ID, &a.Login, &a.Type, &a.Name, &a.Email,
		db.Bool(&a.SiteAdmin),
		db.Bool(&a.Suspended),
		db.Time(&a.CreatedAt),
		db.Time(&a.UpdatedAt),
	}
}

func scanAccount(r db.Row) (*actions.Account, error) {
	a := new(actions.Account)
	return a, r.Scan(accountFields(a)...)
}

// prefixed is columns with each name put under a table's alias.
func prefixed(alias, columns string) string {
	return alias + "." + strings.ReplaceAll(columns, ", ", ", "+alias+".")
}

// CreateAccount is [Tx.CreateAccount] by itself.
func (s *Store) CreateAccount(ctx context.Context, a *actions.Account) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.CreateAccount(ctx, a) })
}

// CreateAccount adds a and sets its id. A login that is taken, in any case, is
// Invalid.
func (tx *Tx) CreateAccount(ctx context.Context, a *actions.Account) error {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into accounts
		(login, login_key, type, name, email, site_admin, suspended, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (login_key) do nothing returning id`,
		a.Login, strings.ToLower(a.Login), a.Type, a.Name, a.Email, db.Flag(a.SiteAdmin), db.Flag(a.Suspended), db.Micros(a.CreatedAt), db.Micros(a.UpdatedAt))
	if actions.KindOf(err) == actions.NotFound {
		return actions.Errorf(actions.Invalid, "login %s is already taken", a.Login)
	}
	if err != nil {
		return fmt.Errorf("account %s: %w", a.Login, err)
	}
	a.ID = id
	tx.Publish(AccessTopic())
	if a.Type == actions.Organization {
		return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditOrgCreate}.InOrg(a))
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditUserCreate}.Of(a).With("site_admin", strconv.FormatBool(a.SiteAdmin)))
}

// Account returns the account with the given id.
func (q queries) Account(ctx context.Context, id int64) (*actions.Account, error) {
	a, err := db.One(ctx, q.ex, scanAccount, `select `+accountColumns+` from accounts where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("account %d: %w", id, err)
	}
	return a, nil
}

// AccountByLogin returns the account of that login, in any case.
func (q queries) AccountByLogin(ctx context.Context, login string) (*actions.Account, error) {
	if !actions.CanBeName(login) {
		return nil, actions.Errorf(actions.NotFound, "no account can have that name")
	}
	a, err := db.One(ctx, q.ex, scanAccount, `select `+accountColumns+` from accounts where login_key = $1`, strings.ToLower(login))
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", login, err)
	}
	return a, nil
}

// People returns people who may do something here, the oldest accounts first, and
// not more than limit.
func (q queries) People(ctx context.Context, limit int) ([]*actions.Account, error) {
	return db.All(ctx, q.ex, scanAccount, `select `+accountColumns+` from accounts where type = 'User' and suspended = 0 order by id limit $1`, limit)
}
