package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// adminLogin is the site admin that the first start makes.
const adminLogin = "admin"

// TokenFile is where the first start puts the site admin's token.
func TokenFile(data string) string { return filepath.Join(data, "admin-token") }

// bootstrap makes what every server has: the account that acts with jobs'
// tokens, and a site admin with a token in a file. It returns the former. The
// file is written before the token counts, so that a crash leaves no token that
// nobody knows.
func (s *Server) bootstrap(ctx context.Context) (*actions.Account, error) {
	bot, err := ensureAccount(ctx, s.store, actions.Account{Login: actions.JobBot, Type: actions.Bot}, s.now())
	if err != nil {
		return nil, err
	}
	path := TokenFile(s.config.Data)
	if _, err := os.Stat(path); err == nil {
		return bot, nil
	}
	admin, err := ensureAccount(ctx, s.store, actions.Account{Login: adminLogin, Type: actions.User, SiteAdmin: true}, s.now())
	if err != nil {
		return nil, err
	}
	token := &actions.Token{AccountID: admin.ID, Kind: actions.Classic, Note: "made by the first start", Scopes: actions.Scopes()}
	text, err := s.auth.Create(ctx, token)
	if err != nil {
		return nil, fmt.Errorf("admin token: %w", err)
	}
	if err := writeSecret(path, text+"\n"); err != nil {
		return nil, fmt.Errorf("admin token: %w", err)
	}
	s.log.InfoContext(ctx, "site admin made", "login", adminLogin, "token_file", path)
	return bot, nil
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
