package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/audit"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// WithAdmin runs fn with what operators may do who have the data directory: a
// person who lost their token cannot ask the API for one. It works beside a
// running server, which sees the change within a second.
func WithAdmin(ctx context.Context, data, database string, deps Deps, fn func(*Admin) error) (err error) {
	if _, err := os.Stat(filepath.Join(data, "lock")); err != nil {
		return fmt.Errorf("--data: no server has used %s yet: %w", data, err)
	}
	st, err := store.Open(ctx, store.Options{URL: databaseURL(data, database), Log: deps.Log, Now: deps.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return fn(&Admin{data: data, store: st, auth: auth.New(st, deps.Now), deps: deps})
}

// An Admin acts on the state of a server.
type Admin struct {
	data  string
	store *store.Store
	auth  *auth.Auth
	deps  Deps
}

// operator is ctx of what the operator does on this machine: the audit log knows the
// user of the system.
func operator(ctx context.Context) context.Context {
	return actions.WithActor(ctx, actions.Actor{UserAgent: fmt.Sprintf("understudy admin, uid %d", os.Getuid())})
}

// CreateUser makes an account of a person. The notice is what the operator should
// know now, "" for nothing.
func (a *Admin) CreateUser(ctx context.Context, login, email string, siteAdmin bool) (notice string, err error) {
	ctx = operator(ctx)
	if err := actions.CheckLogin(login); err != nil {
		return "", err
	}
	now := a.deps.Now()
	err = a.store.CreateAccount(ctx, &actions.Account{
		Login: login, Email: email, Type: actions.User, SiteAdmin: siteAdmin, CreatedAt: now, UpdatedAt: now,
	})
	if err != nil {
		return "", err
	}
	return a.notice(ctx)
}

// notice is what the operator should know when there is one more person.
func (a *Admin) notice(ctx context.Context) (notice string, err error) {
	people, err := a.store.People(ctx, 3)
	if len(people) == 2 {
		notice = people[1].Login + " is the second person with an account. Bundled runners that a server has because nobody but its operator " +
			"could have jobs run take no more jobs. Its log says which flags it needs to have them all the same."
	}
	return notice, err
}

// person is the account of a person.
func (a *Admin) person(ctx context.Context, login string) (*actions.Account, error) {
	account, err := a.store.AccountByLogin(ctx, login)
	if err == nil && account.Type != actions.User {
		err = actions.Errorf(actions.Invalid, "%s is no person", login)
	}
	return account, err
}

// SetSuspended says whether a person may do nothing. A server that runs ends what
// hangs on the account within a second. The notice is as of [Admin.CreateUser].
func (a *Admin) SetSuspended(ctx context.Context, login string, suspended bool) (notice string, err error) {
	ctx = operator(ctx)
	account, err := a.person(ctx, login)
	if err != nil {
		return "", err
	}
	if err := a.store.SetSuspended(ctx, account.ID, suspended, a.deps.Now()); err != nil || suspended {
		return "", err
	}
	return a.notice(ctx)
}

// DeleteUser deletes the account of a person who owns no repository.
func (a *Admin) DeleteUser(ctx context.Context, login string) error {
	ctx = operator(ctx)
	account, err := a.person(ctx, login)
	if err != nil {
		return err
	}
	return a.store.DeleteAccount(ctx, account.ID, a.deps.Now())
}

// maxTokenDays is more than anybody plans ahead.
const maxTokenDays = 3650

// CreateToken makes a classic token of an account and returns its text, which
// is kept nowhere. It expires after so many days, 0 for never.
func (a *Admin) CreateToken(ctx context.Context, login, note string, scopes []string, days int) (string, error) {
	ctx = operator(ctx)
	if days < 0 || days > maxTokenDays {
		return "", actions.Errorf(actions.Invalid, "a token cannot expire in %d days: 1 to %d, or 0 for never", days, maxTokenDays)
	}
	if err := actions.CheckLine("note", note); err != nil {
		return "", err
	}
	for _, s := range scopes {
		if !slices.Contains(actions.Scopes(), s) {
			return "", actions.Errorf(actions.Invalid, "scope %q is not one of %v", s, actions.Scopes())
		}
	}
	account, err := a.person(ctx, login)
	if err != nil {
		return "", err
	}
	t := &actions.Token{AccountID: account.ID, Kind: actions.Classic, Note: note, Scopes: scopes, CreatedAt: a.deps.Now()}
	if days > 0 {
		t.ExpiresAt = t.CreatedAt.AddDate(0, 0, days)
	}
	return a.auth.Create(ctx, t)
}

// Tokens calls show for each token that people keep, the oldest first; with a login
// only for those of that account.
func (a *Admin) Tokens(ctx context.Context, login string, show func(t *actions.Token, login string)) error {
	var accountID int64
	if login != "" {
		account, err := a.person(ctx, login)
		if err != nil {
			return err
		}
		accountID = account.ID
	}
	for p := (store.Page{Number: 1, Size: 100}); ; p.Number++ {
		tokens, total, err := a.store.PersonalTokens(ctx, accountID, p)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			account, err := a.store.Account(ctx, t.AccountID)
			if err != nil {
				return err
			}
			show(t, account.Login)
		}
		if p.Number >= p.Last(total) {
			return nil
		}
	}
}

// RevokeToken revokes a token that somebody keeps. A server that runs refuses it
// within a second.
func (a *Admin) RevokeToken(ctx context.Context, id int64) error {
	ctx = operator(ctx)
	t, err := a.store.PersonalToken(ctx, id)
	if err != nil {
		return err
	}
	return a.auth.Revoke(ctx, t.ID)
}

// Audit calls each with the entries of the audit log that fit a phrase
// ([audit.Parse]), the newest first, as JSON objects: at most limit, or all for 0.
func (a *Admin) Audit(ctx context.Context, phrase string, limit int, each func(entry any) error) error {
	f, err := audit.Parse(phrase)
	if err != nil {
		return err
	}
	if limit < 0 {
		return actions.Errorf(actions.Invalid, "--limit: %d is less than 0", limit)
	}
	const batch = 1000
	for left := limit; limit == 0 || left > 0; left -= batch {
		size := batch
		if limit > 0 {
			size = min(left, batch)
		}
		list, err := a.store.AuditEntries(ctx, f, size)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := each(shape.NewAuditEntry(e)); err != nil {
				return err
			}
			f.Before = e.ID
		}
		if len(list) < size {
			return nil
		}
	}
	return nil
}

// CheckAudit says how many entries the audit log has, or which is not what was
// written.
func (a *Admin) CheckAudit(ctx context.Context) (int64, error) { return a.store.CheckAudit(ctx) }
