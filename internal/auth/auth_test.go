package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	tokens "github.com/understudy-ci/understudy/internal/token"
)

// A site is a store with accounts and an Auth whose clock the test moves.
type site struct {
	t     *testing.T
	store *store.Store
	auth  *auth.Auth
	clock atomic.Int64 // seconds
}

func newSite(t *testing.T, st *store.Store) *site {
	t.Helper()
	s := &site{t: t, store: st}
	s.clock.Store(1_800_000_000)
	s.auth = auth.New(st, s.now)
	return s
}

func (s *site) now() time.Time { return time.Unix(s.clock.Load(), 0).UTC() }

func (s *site) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) account(login string, kind actions.AccountType) *actions.Account {
	s.t.Helper()
	a := &actions.Account{Login: login, Type: kind, CreatedAt: s.now(), UpdatedAt: s.now()}
	s.check(s.store.CreateAccount(s.t.Context(), a))
	return a
}

func (s *site) repository(owner *actions.Account, name string, private bool) *actions.Repository {
	s.t.Helper()
	r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: s.now(), UpdatedAt: s.now()}
	s.check(s.store.CreateRepository(s.t.Context(), r))
	return r
}

func (s *site) token(a *actions.Account, change func(*actions.Token)) string {
	s.t.Helper()
	t := &actions.Token{AccountID: a.ID, Kind: actions.Classic, Scopes: []string{"repo"}}
	if change != nil {
		change(t)
	}
	text, err := s.auth.Create(s.t.Context(), t)
	s.check(err)
	return text
}

func request(t *testing.T, header string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?access_token=ghp_x", nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return r
}

func (s *site) caller(token string) *auth.Caller {
	s.t.Helper()
	header := ""
	if token != "" {
		header = "Bearer " + token
	}
	c, err := s.auth.Authenticate(request(s.t, header))
	s.check(err)
	return c
}

func TestAllFormsOfATokenAreTheSameCaller(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		alice := s.account("alice", actions.User)
		token := s.token(alice, nil)
		basic := func(user, password string) string {
			return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		}
		for _, c := range []struct {
			name, header string
			want         actions.Kind
			anonymous    bool
		}{
			{"bearer", "Bearer " + token, "", false},
			{"lower case", "bearer " + token, "", false},
			{"token", "token " + token, "", false},
			{"upper case", "TOKEN " + token, "", false},
			{"password", "Basic " + basic("alice", token), "", false},
			{"another's name", "basic " + basic("x-access-token", token), "", false},
			{"user", "Basic " + basic(token, ""), "", false},
			{"user and a word", "Basic " + basic(token, "x-oauth-basic"), "", false},
			{"no header, token in the query", "", "", true},
			{"unknown", "Bearer ghp_nothing", actions.Unauthorized, false},
			{"empty", "Bearer ", actions.Unauthorized, false},
			{"another scheme", "Digest " + token, actions.Unauthorized, false},
			{"bad base64", "Basic %%%", actions.Unauthorized, false},
			{"endless", "Bearer " + strings.Repeat("x", 5000), actions.Unauthorized, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				got, err := s.auth.Authenticate(request(t, c.header))
				if actions.KindOf(err) != c.want {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				if err == nil && got.Anonymous() != c.anonymous {
					t.Errorf("anonymous %t, want %t", got.Anonymous(), c.anonymous)
				}
				if err == nil && !c.anonymous && got.Account.ID != alice.ID {
					t.Errorf("account %d, want %d", got.Account.ID, alice.ID)
				}
			})
		}
	})
}

func TestATokenThatEndsIsRefusedAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		alice := s.account("alice", actions.User)
		refused := func(token string) bool {
			_, err := s.auth.Authenticate(request(t, "token "+token))
			return actions.KindOf(err) == actions.Unauthorized
		}

		revoked := s.token(alice, nil)
		id := s.caller(revoked).Token.ID
		s.check(s.auth.Revoke(t.Context(), id))
		if !refused(revoked) {
			t.Error("a revoked token works")
		}

		expiring := s.token(alice, func(t *actions.Token) { t.ExpiresAt = s.now().Add(500 * time.Millisecond) })
		s.caller(expiring)
		s.clock.Add(1)
		if !refused(expiring) {
			t.Error("an expired token works")
		}

		job := s.token(alice, func(t *actions.Token) { t.Kind, t.JobID, t.RepoID = actions.JobToken, 5, 1 })
		s.caller(job)
		s.check(st.DeleteJobTokens(t.Context(), 5))
		if !refused(job) {
			t.Error("the token of a job that is over works")
		}
	})
}

// Another server shares PostgreSQL; beside a server on SQLite there may be a
// program for administration.
func TestWhatAnotherProgramTakesAwayIsGone(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		s, other := newSite(t, storetest.OpenURL(t, url)), storetest.OpenURL(t, url)
		if strings.HasPrefix(url, "sqlite:") {
			storetest.Listen(t, s.store)
		}
		alice, bob := s.account("alice", actions.User), s.account("bob", actions.User)
		repo := s.repository(alice, "a", true)
		s.check(s.store.SetCollaborator(t.Context(), repo.ID, bob.ID, actions.Read))
		token, bobs := s.token(alice, nil), s.token(bob, nil)
		for _, c := range []struct {
			what string
			take func() error
			ask  func() error
			want actions.Kind
		}{
			{
				"a permission",
				func() error { return other.SetCollaborator(t.Context(), repo.ID, bob.ID, actions.NoAccess) },
				func() error {
					return s.auth.Can(t.Context(), s.caller(bobs), auth.Target{Repo: repo}, auth.Need{On: auth.Repo, Role: actions.Read})
				},
				actions.NotFound,
			},
			{
				"a token",
				func() error { return other.DeleteToken(t.Context(), s.caller(token).Token.ID) },
				func() error { _, err := s.auth.Authenticate(request(t, "token "+token)); return err },
				actions.Unauthorized,
			},
			{
				"a repository",
				func() error {
					return other.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteRepository(t.Context(), repo.ID, s.now()) })
				},
				func() error { _, err := s.auth.Repository(t.Context(), "alice", "a"); return err },
				actions.NotFound,
			},
		} {
			s.check(c.ask()) // and it is remembered
			s.check(c.take())
			var err error
			for end := time.Now().Add(20 * time.Second); actions.KindOf(err) != c.want && time.Now().Before(end); time.Sleep(time.Millisecond) {
				err = c.ask()
			}
			if actions.KindOf(err) != c.want {
				t.Errorf("%s: after 20 s: %v, want %s", c.what, err, c.want)
			}
		}
	})
}

func TestWhatDoesNotChangeIsNotReadAgain(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	repo := s.repository(s.account("alice", actions.User), "a", true)
	first, err := s.auth.Repository(t.Context(), "alice", "a")
	s.check(err)
	s.clock.Add(3600)
	if again, err := s.auth.Repository(t.Context(), "Alice", "A"); err != nil || again != first {
		t.Errorf("read again: %v", err)
	}
	s.check(s.store.Update(t.Context(), func(tx *store.Tx) error { return tx.SetPushed(t.Context(), repo.ID, s.now()) }))
	if again, err := s.auth.Repository(t.Context(), "alice", "a"); err != nil || !again.PushedAt.Equal(s.now()) {
		t.Errorf("pushed at %v, %v; want %v", again.PushedAt, err, s.now())
	}
}

func TestASuspendedAccountHasNoTokens(t *testing.T) {
	st := storetest.Open(t)
	s := newSite(t, st)
	a := &actions.Account{Login: "mallory", Type: actions.User, Suspended: true, CreatedAt: s.now(), UpdatedAt: s.now()}
	s.check(st.CreateAccount(t.Context(), a))
	if _, err := s.auth.Authenticate(request(t, "token "+s.token(a, nil))); actions.KindOf(err) != actions.Unauthorized {
		t.Errorf("got %v, want bad credentials", err)
	}
}

func TestACookieIsNoTokenAndATokenNoCookie(t *testing.T) {
	st := storetest.Open(t)
	s := newSite(t, st)
	alice := s.account("alice", actions.User)
	web := s.token(alice, func(t *actions.Token) { t.Kind = actions.WebSession })
	if _, err := s.auth.Authenticate(request(t, "token "+web)); actions.KindOf(err) != actions.Unauthorized {
		t.Errorf("cookie's value in the header: got %v, want bad credentials", err)
	}
	for value, want := range map[string]bool{web: false, s.token(alice, nil): true, "nonsense": true} {
		r := request(t, "")
		r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: value})
		c, err := s.auth.Session(r)
		if err != nil || c.Anonymous() != want {
			t.Errorf("session %q: anonymous %t, %v; want %t", value, c.Anonymous(), err, want)
		}
	}
}

func TestUseOfATokenIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.Open(t)
		s := newSite(t, st)
		token := s.token(s.account("alice", actions.User), nil)
		hash := s.caller(token).Token.Hash
		time.Sleep(2 * time.Second) // no real time passes
		used, err := st.TokenByHash(t.Context(), hash)
		s.check(err)
		if got, want := used.LastUsedAt, s.now(); !got.Equal(want) {
			t.Errorf("last used %v, want %v", got, want)
		}
	})
}

func TestSecretsHaveGitHubsForm(t *testing.T) {
	for kind, want := range map[actions.TokenKind]tokens.Kind{
		actions.Classic: tokens.Classic, actions.FineGrained: tokens.FineGrained, actions.JobToken: tokens.Installation,
	} {
		text, hash, err := auth.NewSecret(kind)
		if got, ok := tokens.KindOf(text); err != nil || !ok || got != want || !bytes.Equal(hash, tokens.Hash(text)) {
			t.Errorf("%s: %q is a %q token: %v", kind, text, got, err)
		}
	}
}

func TestConcurrentCallersAgree(t *testing.T) {
	st := storetest.Open(t)
	s := newSite(t, st)
	alice := s.account("alice", actions.User)
	repo := s.repository(alice, "a", true)
	token := s.token(alice, nil)
	done := make(chan error)
	for range 8 {
		go func() {
			var err error
			for range 200 {
				var c *auth.Caller
				if c, err = s.auth.Authenticate(request(t, "token "+token)); err != nil {
					break
				}
				if err = s.auth.Can(context.Background(), c, auth.Target{Repo: repo}, auth.Need{On: auth.Repo, Role: actions.Admin}); err != nil {
					break
				}
				if err = s.store.SetMember(context.Background(), alice.ID, alice.ID, true); err != nil {
					break
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkAuthenticateAndDecide(b *testing.B) {
	st := storetest.Open(b)
	now := time.Now()
	a := auth.New(st, time.Now)
	alice := &actions.Account{Login: "alice", Type: actions.User, CreatedAt: now, UpdatedAt: now}
	if err := st.CreateAccount(b.Context(), alice); err != nil {
		b.Fatal(err)
	}
	repo := &actions.Repository{Owner: *alice, Name: "a", Private: true, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	if err := st.CreateRepository(b.Context(), repo); err != nil {
		b.Fatal(err)
	}
	text, err := a.Create(b.Context(), &actions.Token{AccountID: alice.ID, Kind: actions.Classic, Scopes: []string{"repo"}})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "token "+text)
	for b.Loop() {
		c, err := a.Authenticate(r)
		if err != nil {
			b.Fatal(err)
		}
		found, err := a.Repository(b.Context(), "alice", "a")
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Can(b.Context(), c, auth.Target{Repo: found}, auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions"}); err != nil {
			b.Fatal(err)
		}
	}
}
