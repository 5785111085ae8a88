package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
)

// AdminLogin is the site admin that the first start makes.
const AdminLogin = "admin"

// TokenFile is where the first start puts the site admin's token.
func TokenFile(data string) string { return filepath.Join(data, "admin-token") }

// bootstrap makes what every server has: the account that acts with jobs'
// tokens, which it returns, and on the first start a site admin with a token in a
// file. The file is written before the token counts, so that a crash leaves no
// token that nobody knows; without an account, the next start does both again.
func (s *Server) bootstrap(ctx context.Context) (*actions.Account, error) {
	bot, err := ensureAccount(ctx, s.store, actions.Account{Login: actions.JobBot, Type: actions.Bot}, s.now())
	if err != nil {
		return nil, err
	}
	if people, err := s.store.HasPeople(ctx); err != nil || people { // an admin who was deleted does not come back
		return bot, err
	}
	text, hash, err := auth.NewSecret(actions.Classic)
	if err != nil {
		return nil, fmt.Errorf("admin token: %w", err)
	}
	path := TokenFile(s.config.Data)
	if err := writeSecret(path, text+"\n"); err != nil {
		return nil, fmt.Errorf("admin token: %w", err)
	}
	if err := s.createAdmin(ctx, hash); err != nil {
		return nil, fmt.Errorf("site admin: %w", err)
	}
	s.log.InfoContext(ctx, "site admin made", "login", AdminLogin, "token_file", path)
	return bot, nil
}

// createAdmin makes the site admin and a token of the hash, or neither.
func (s *Server) createAdmin(ctx context.Context, hash []byte) error {
	now := s.now()
	return s.store.Update(ctx, func(tx *store.Tx) error {
		a := &actions.Account{Login: AdminLogin, Type: actions.User, SiteAdmin: true, CreatedAt: now, UpdatedAt: now}
		if err := tx.CreateAccount(ctx, a); err != nil {
			return err
		}
		return tx.CreateToken(ctx, &actions.Token{
			AccountID: a.ID, Kind: actions.Classic, Hash: hash, Note: "made by the first start", Scopes: actions.Scopes(), CreatedAt: now,
		})
	})
}

func ensureAccount(ctx context.Context, st *store.Store, a actions.Account, now time.Time) (*actions.Account, error) {
	have, err := st.AccountByLogin(ctx, a.Login)
	if actions.KindOf(err) != actions.NotFound {
		return have, err
	}
	a.CreatedAt, a.UpdatedAt = now, now
	return &a, st.CreateAccount(ctx, &a)
}

// writeSecret makes a file that only this user reads, whole or not at all.
func writeSecret(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
