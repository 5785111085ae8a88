package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
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
	return fn(&Admin{store: st, auth: auth.New(st, deps.Now), deps: deps})
}

// An Admin acts on the state of a server.
type Admin struct {
	store *store.Store
	auth  *auth.Auth
	deps  Deps
}

// CreateUser makes an account of a person. The notice is what the operator should
// know now, "" for nothing.
func (a *Admin) CreateUser(ctx context.Context, login, email string, siteAdmin bool) (notice string, err error) {
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
	people, err := a.store.People(ctx, 3)
	if len(people) == 2 {
		notice = people[1].Login + " is the second person with an account. Bundled runners that a server has because nobody but its operator " +
			"could have jobs run take no more jobs. Its log says which flags it needs to have them all the same."
	}
	return notice, err
}

// CreateToken makes a classic token of an account and returns its text, which
// is kept nowhere.
func (a *Admin) CreateToken(ctx context.Context, login, note string, scopes []string) (string, error) {
	for _, s := range scopes {
		if !slices.Contains(actions.Scopes(), s) {
			return "", actions.Errorf(actions.Invalid, "scope %q is not one of %v", s, actions.Scopes())
		}
	}
	account, err := a.store.AccountByLogin(ctx, login)
	if err != nil {
		return "", err
	}
	if account.Type != actions.User {
		return "", actions.Errorf(actions.Invalid, "%s is no person", login)
	}
	return a.auth.Create(ctx, &actions.Token{AccountID: account.ID, Kind: actions.Classic, Note: note, Scopes: scopes})
}
