package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/errgroup"

	"github.com/google/go-cmp/cmp"
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// anAuditedWorld has an organization, its repository and a person, whose changes are
// made from an address.
func anAuditedWorld(t *testing.T, st *store.Store) (ctx context.Context, mona *actions.Account, repo *actions.Repository) {
	t.Helper()
	mona = &actions.Account{Login: "Mona", Type: actions.User}
	if err := st.CreateAccount(t.Context(), mona); err != nil {
		t.Fatal(err)
	}
	ctx = actions.WithActor(t.Context(), actions.Actor{AccountID: mona.ID, Login: "Mona", Address: "192.0.2.7", UserAgent: "gh/2", TokenID: 4, TokenKind: actions.Classic})
	org := &actions.Account{Login: "octo", Type: actions.Organization}
	if err := st.CreateOrganization(ctx, org, mona.ID); err != nil {
		t.Fatal(err)
	}
	repo = &actions.Repository{Owner: *org, Name: "hello", Private: true, DefaultBranch: "main"}
	if err := st.CreateRepository(ctx, repo); err != nil {
		t.Fatal(err)
	}
	return ctx, mona, repo
}

// said is the log in short: the actions, the oldest first.
func said(t *testing.T, st *store.Store, f store.AuditFilter) (all []string) {
	t.Helper()
	f.Oldest = true
	list, err := st.AuditEntries(t.Context(), f, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		all = append(all, string(e.Action))
	}
	return all
}

func TestEveryChangeOfWhoMayDoWhatIsInTheAuditLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, mona, repo := anAuditedWorld(t, st)
		hubot := &actions.Account{Login: "hubot", Type: actions.User}
		session := &actions.Token{AccountID: mona.ID, Kind: actions.WebSession, Hash: []byte("b")}
		personal := &actions.Token{AccountID: mona.ID, Kind: actions.Classic, Hash: []byte("a"), Scopes: []string{"repo"}}
		runner := &actions.Runner{Scope: actions.Scope{RepoID: repo.ID}, Name: "r1", ClientID: "c1", PublicKey: []byte("k")}
		jit := &actions.Runner{Scope: actions.Scope{OwnerID: repo.Owner.ID}, Name: "j", JIT: true, ClientID: "c2", PublicKey: []byte("k")}
		public := *repo
		public.Private, public.DefaultBranch = false, "trunk"
		for _, c := range []struct {
			do   func() error
			want string // the actions, in their order
		}{
			{func() error { return st.CreateAccount(ctx, hubot) }, "user.create"},
			{func() error { return st.SetCollaborator(ctx, repo.ID, hubot.ID, actions.Read) }, "repo.add_member"},
			{func() error { return st.SetCollaborator(ctx, repo.ID, hubot.ID, actions.Read) }, ""}, // nothing changes
			{func() error { return st.SetCollaborator(ctx, repo.ID, hubot.ID, actions.Admin) }, "repo.update_member"},
			{func() error { return st.SetCollaborator(ctx, repo.ID, hubot.ID, actions.NoAccess) }, "repo.remove_member"},
			{func() error { return st.SetCollaborator(ctx, repo.ID, hubot.ID, actions.NoAccess) }, ""},
			{func() error { return st.SetMember(ctx, repo.Owner.ID, hubot.ID, false) }, "org.add_member"},
			{func() error { return st.SetMember(ctx, repo.Owner.ID, hubot.ID, true) }, "org.update_member"},
			{func() error { return st.SetMember(ctx, repo.Owner.ID, hubot.ID, true) }, ""},
			{func() error { return st.CreateToken(ctx, personal) }, "oauth_access.create"},
			{func() error { return st.DeleteToken(ctx, personal.ID) }, "oauth_access.destroy"},
			{func() error { return st.DeleteToken(ctx, personal.ID) }, ""},
			{func() error { return st.CreateToken(ctx, session) }, "user.login"},
			{func() error { return st.DeleteToken(ctx, session.ID) }, "user.logout"},
			{func() error { return st.SetSuspended(ctx, hubot.ID, true, time.Now()) }, "user.suspend"},
			{func() error { return st.SetSuspended(ctx, hubot.ID, true, time.Now()) }, ""},
			{func() error { return st.SetSuspended(ctx, hubot.ID, false, time.Now()) }, "user.unsuspend"},
			{func() error { return st.SetMember(ctx, repo.Owner.ID, mona.ID, false) }, "org.update_member"},
			{func() error { return st.DeleteAccount(ctx, mona.ID, time.Now()) }, "user.delete"},
			{func() error { return st.CreateRegistrationToken(ctx, &actions.RegistrationToken{Hash: []byte("r")}) }, "enterprise.create_registration_token"},
			{func() error { return st.CreateRunner(ctx, runner) }, "repo.register_self_hosted_runner"},
			{func() error { return st.DeleteRunner(ctx, runner.ID) }, "repo.remove_self_hosted_runner"},
			{func() error { return st.CreateRunner(ctx, jit) }, "org.configure_self_hosted_jit_runner"},
			{func() error {
				return st.Update(ctx, func(tx *store.Tx) error {
					return tx.SaveSetting(ctx, store.Setting{Key: "k", Value: "7", Action: "set_actions_retention_limit"})
				})
			}, "enterprise.set_actions_retention_limit"},
			{func() error {
				return st.Update(ctx, func(tx *store.Tx) error { return tx.UpdateRepository(ctx, repo) })
			}, ""},
			{func() error {
				return st.Update(ctx, func(tx *store.Tx) error { return tx.UpdateRepository(ctx, &public) })
			}, "repo.access repo.update_default_branch"},
			{func() error {
				return st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, repo.ID, time.Now()) })
			}, "repo.destroy"},
		} {
			before := len(said(t, st, store.AuditFilter{}))
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", c.want, err)
			}
			if got := strings.Join(said(t, st, store.AuditFilter{})[before:], " "); got != c.want {
				t.Errorf("the log says %q, want %q", got, c.want)
			}
		}
	})
}

func TestAnEntrySaysWhoAndFromWhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, mona, repo := anAuditedWorld(t, st)
		if err := st.SetCollaborator(ctx, repo.ID, mona.ID, actions.Write); err != nil {
			t.Fatal(err)
		}
		list, err := st.AuditEntries(ctx, store.AuditFilter{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := *list[0]
		if time.Since(got.CreatedAt).Abs() > time.Minute || len(got.Hash) != 32 {
			t.Errorf("made at %s, with a hash of %d bytes", got.CreatedAt, len(got.Hash))
		}
		got.CreatedAt, got.Hash = time.Time{}, nil
		want := actions.AuditEntry{
			ID: 5, Action: actions.AuditRepoAddMember, By: actions.ActorOf(ctx), OrgID: repo.Owner.ID, Org: "octo", RepoID: repo.ID, Repo: "octo/hello",
			UserID: mona.ID, User: "Mona", Data: map[string]string{"old_repo_permission": "none", "new_repo_permission": "write"},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestWhatIsRolledBackIsNotInTheAuditLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, _, _ := anAuditedWorld(t, st)
		before := said(t, st, store.AuditFilter{})
		err := st.Update(ctx, func(tx *store.Tx) error {
			if err := tx.CreateAccount(ctx, &actions.Account{Login: "ghost2", Type: actions.User}); err != nil {
				return err
			}
			return actions.Errorf(actions.Conflict, "no")
		})
		if actions.KindOf(err) != actions.Conflict {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, said(t, st, store.AuditFilter{})); d != "" {
			t.Error(d)
		}
	})
}

// raw opens a database as another program would.
func raw(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	d, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestNobodyChangesTheAuditLogBySQL(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		st := storetest.OpenURL(t, url)
		anAuditedWorld(t, st)
		d := raw(t, url)
		statements := []string{
			`update audit_entries set actor = 'hubot'`, `update audit_entries set actor = 'hubot' where id = 1`,
			`delete from audit_entries`, `delete from audit_entries where id = 1`,
		}
		if strings.HasPrefix(url, "sqlite:") {
			statements = append(statements, `insert or replace into audit_entries select id, 'x', operation, created_at, actor_id, actor, actor_ip, origin,
				org_id, org, repo_id, repo, user_id, user_login, data, hash from audit_entries where id = 1`)
		} else {
			statements = append(statements, `truncate audit_entries`)
		}
		for _, text := range statements {
			if _, err := d.ExecContext(t.Context(), text); err == nil || !strings.Contains(err.Error(), "never changed or removed") {
				t.Errorf("%s: %v", text, err)
			}
		}
		if n, err := st.CheckAudit(t.Context()); err != nil || n != 4 {
			t.Errorf("%d entries, %v", n, err)
		}
	})
}

func TestAnAuditLogThatWasChangedDoesNotFit(t *testing.T) {
	unlock := []string{`drop trigger audit_entries_never_changed`, `drop trigger audit_entries_never_removed`}
	for _, c := range []struct{ name, change, want string }{
		{"a word", `update audit_entries set actor = 'hubot' where id = 3`, "entry 3 is missing, or is not what was written"},
		{"an entry", `delete from audit_entries where id = 2`, "entry 2 is missing, or is not what was written"},
		{"the last", `delete from audit_entries where id = 4`, "entry 4 and those after it are missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := storetest.URL(t)
			st := storetest.OpenURL(t, url)
			anAuditedWorld(t, st)
			d := raw(t, url)
			for _, text := range append(unlock, c.change) {
				if _, err := d.ExecContext(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := st.CheckAudit(t.Context()); actions.KindOf(err) != actions.Conflict || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestThoseWhoWriteTheAuditLogAtOnceDoNotLoseEntries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const writers, each = 8, 5
		g, ctx := errgroup.WithContext(t.Context())
		for w := range writers {
			g.Go(func() error {
				for i := range each {
					if err := st.CreateAccount(ctx, &actions.Account{Login: fmt.Sprintf("a%d-%d", w, i), Type: actions.User}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if n, err := st.CheckAudit(t.Context()); err != nil || n != writers*each {
			t.Errorf("%d entries, %v; want %d", n, err, writers*each)
		}
	})
}

func TestTheAuditLogIsNarrowedByItsFields(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, mona, repo := anAuditedWorld(t, st) // user.create, org.create, org.add_member, repo.create
		is := func(f store.AuditField, v string) store.AuditTerm { return store.AuditTerm{Field: f, Value: v} }
		not := func(f store.AuditField, v string) store.AuditTerm {
			return store.AuditTerm{Field: f, Value: v, Not: true}
		}
		for _, c := range []struct {
			name   string
			filter store.AuditFilter
			want   string
		}{
			{"an organization", store.AuditFilter{OrgID: repo.Owner.ID}, "org.create org.add_member repo.create"},
			{"an action", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByAction, "Org.Create")}}, "org.create"},
			{"a category", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByAction, "org")}}, "org.create org.add_member"},
			{"either", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByAction, "user"), is(store.AuditByAction, "repo")}}, "user.create repo.create"},
			{"not", store.AuditFilter{Terms: []store.AuditTerm{not(store.AuditByAction, "org")}}, "user.create repo.create"},
			{"both", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByAction, "org"), is(store.AuditByUser, "mona")}}, "org.add_member"},
			{"an actor", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByActor, "MONA")}}, "org.create org.add_member repo.create"},
			{"an address", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByActorIP, "192.0.2.8")}}, ""},
			{"a repository", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByRepo, "Octo/Hello")}}, "repo.create"},
			{"an id", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByUserID, fmt.Sprint(mona.ID))}}, "user.create org.add_member"},
			{"no id", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByUserID, "x")}}, ""},
			{"an operation", store.AuditFilter{Terms: []store.AuditTerm{is(store.AuditByOperation, "modify")}}, ""},
			{"ids", store.AuditFilter{After: 1, Before: 4}, "org.create org.add_member"},
			{"later", store.AuditFilter{From: time.Now().Add(time.Hour)}, ""},
			{"earlier", store.AuditFilter{To: time.Now().Add(time.Hour)}, "user.create org.create org.add_member repo.create"},
		} {
			if got := strings.Join(said(t, st, c.filter), " "); got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
		list, err := st.AuditEntries(ctx, store.AuditFilter{}, 1)
		if err != nil || len(list) != 1 || list[0].Action != actions.AuditRepoCreate {
			t.Errorf("the newest is %v, %v", list, err)
		}
	})
}
