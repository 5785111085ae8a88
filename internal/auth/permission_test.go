package auth_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A world has an organization with a private and a public repository, and
// people who stand in each relation to them.
type world struct {
	*site
	org             *actions.Account
	private, public *actions.Repository
	tokens          map[string]string
}

func newWorld(t *testing.T, st *store.Store) *world {
	t.Helper()
	w := &world{site: newSite(t, st), tokens: map[string]string{"nobody": ""}}
	w.org = w.account("octo", actions.Organization)
	w.private = w.repository(w.org, "private", true)
	w.public = w.repository(w.org, "public", false)

	member := func(login string, owner bool) *actions.Account {
		a := w.account(login, actions.User)
		w.check(st.SetMember(t.Context(), w.org.ID, a.ID, owner))
		return a
	}
	owner := member("owner", true)
	w.tokens["owner"] = w.token(owner, nil)
	w.tokens["owner without scopes"] = w.token(owner, func(t *actions.Token) { t.Scopes = nil })
	w.tokens["owner with public_repo"] = w.token(owner, func(t *actions.Token) { t.Scopes = []string{"public_repo"} })
	w.tokens["member"] = w.token(member("member", false), nil)
	w.tokens["stranger"] = w.token(w.account("stranger", actions.User), nil)
	reader, writer := w.account("reader", actions.User), w.account("writer", actions.User)
	w.check(st.SetCollaborator(t.Context(), w.private.ID, reader.ID, actions.Read))
	w.check(st.SetCollaborator(t.Context(), w.private.ID, writer.ID, actions.Write))
	w.tokens["reader"], w.tokens["writer"] = w.token(reader, nil), w.token(writer, nil)

	job := func(repo *actions.Repository, access map[string]string) string {
		return w.token(owner, func(t *actions.Token) {
			t.Kind, t.Scopes, t.RepoID, t.JobID, t.Access = actions.JobToken, nil, repo.ID, 1, access
		})
	}
	w.tokens["job that reads"] = job(w.private, map[string]string{"actions": "read"})
	w.tokens["job that writes"] = job(w.private, map[string]string{"actions": "write", "contents": "read"})
	w.tokens["job without permissions"] = job(w.private, nil)
	w.tokens["job of the other"] = job(w.public, map[string]string{"actions": "write", "administration": "write"})
	w.tokens["fine-grained"] = w.token(writer, func(t *actions.Token) {
		t.Kind, t.Scopes, t.RepoID, t.Access = actions.FineGrained, nil, w.private.ID, map[string]string{"actions": "read"}
	})
	admin := &actions.Account{Login: "root", Type: actions.User, SiteAdmin: true, CreatedAt: w.now(), UpdatedAt: w.now()}
	w.check(st.CreateAccount(t.Context(), admin))
	w.tokens["site admin"] = w.token(admin, nil)
	return w
}

const (
	ok        = actions.Kind("")
	hidden    = actions.NotFound
	forbidden = actions.Forbidden
	signIn    = actions.Unauthorized
)

func TestWhoMayDoWhatWithARepository(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		needs := []auth.Need{
			{Permission: actions.Read, Scope: "actions"},
			{Permission: actions.Write, Scope: "actions"},
			{Permission: actions.Admin, Scope: "administration"},
		}
		for _, c := range []struct {
			who             string
			private, public [3]actions.Kind // of needs
		}{
			{"nobody", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, signIn, signIn}},
			{"stranger", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"member", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"reader", [3]actions.Kind{ok, forbidden, forbidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"writer", [3]actions.Kind{ok, ok, forbidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"owner", [3]actions.Kind{ok, ok, ok}, [3]actions.Kind{ok, ok, ok}},
			{"site admin", [3]actions.Kind{ok, ok, ok}, [3]actions.Kind{ok, ok, ok}},
			{"owner without scopes", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"owner with public_repo", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, ok, ok}},
			{"job that reads", [3]actions.Kind{ok, forbidden, forbidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"job that writes", [3]actions.Kind{ok, ok, forbidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"job without permissions", [3]actions.Kind{forbidden, forbidden, forbidden}, [3]actions.Kind{ok, forbidden, forbidden}},
			{"job of the other", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, ok, forbidden}},
			{"fine-grained", [3]actions.Kind{ok, forbidden, forbidden}, [3]actions.Kind{ok, forbidden, forbidden}},
		} {
			caller := w.caller(w.tokens[c.who])
			for i, n := range needs {
				if got := actions.KindOf(w.auth.Can(t.Context(), caller, w.private, n)); got != c.private[i] {
					t.Errorf("%s, private, %s: got %q, want %q", c.who, n.Permission, got, c.private[i])
				}
				if got := actions.KindOf(w.auth.Can(t.Context(), caller, w.public, n)); got != c.public[i] {
					t.Errorf("%s, public, %s: got %q, want %q", c.who, n.Permission, got, c.public[i])
				}
			}
		}
	})
}

func TestWhatIsPublicMayNeedAPermissionOfATokenAllTheSame(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	for who, want := range map[string]actions.Kind{
		"stranger": ok, "reader": ok, "job without permissions": forbidden, "job of the other": ok, "job that reads": forbidden,
	} {
		need := auth.Need{Permission: actions.Read, Scope: "actions", SignedIn: true, Granted: true}
		if got := actions.KindOf(w.auth.Can(t.Context(), w.caller(w.tokens[who]), w.public, need)); got != want {
			t.Errorf("%s: got %q, want %q", who, got, want)
		}
	}
}

func TestARefusalSaysWhatGitHubSays(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	write := auth.Need{Permission: actions.Write, Scope: "actions"}
	for who, want := range map[string]string{
		"reader":         "Must have admin rights to Repository.",
		"job that reads": "Resource not accessible by integration",
		"fine-grained":   "Resource not accessible by personal access token",
	} {
		if err := w.auth.Can(t.Context(), w.caller(w.tokens[who]), w.private, write); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", who, err, want)
		}
	}
}

func TestAccessThatIsTakenAwayEndsAtOnce(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	caller := w.caller(w.tokens["writer"])
	read := auth.Need{Permission: actions.Read}
	w.check(w.auth.Can(t.Context(), caller, w.private, read))
	w.check(w.store.SetCollaborator(t.Context(), w.private.ID, caller.Account.ID, actions.NoAccess))
	w.auth.Changed()
	if err := w.auth.Can(t.Context(), caller, w.private, read); actions.KindOf(err) != actions.NotFound {
		t.Errorf("got %v, want not found", err)
	}
}

func TestRepositoriesAreFoundInAnyCase(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	for range 2 { // the second is remembered
		r, err := w.auth.Repository(t.Context(), "OCTO", "Private")
		if err != nil || r.ID != w.private.ID {
			t.Errorf("got %v, %v", r, err)
		}
	}
	if _, err := w.auth.Repository(t.Context(), "octo", "none"); actions.KindOf(err) != actions.NotFound {
		t.Errorf("got %v, want not found", err)
	}
}

func TestWhoOwnsAnOrganization(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	for who, want := range map[string]actions.Kind{
		"nobody": signIn, "stranger": forbidden, "member": forbidden, "owner": ok, "site admin": ok,
		"owner without scopes": forbidden, "job that writes": forbidden, "fine-grained": forbidden,
	} {
		if got := actions.KindOf(w.auth.CanOwn(t.Context(), w.caller(w.tokens[who]), w.org, "repo")); got != want {
			t.Errorf("%s: got %q, want %q", who, got, want)
		}
	}
}

func TestOnlySiteAdminsWithTheScopeAdminister(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	root := w.caller(w.tokens["site admin"])
	full := w.token(root.Account, func(t *actions.Token) { t.Scopes = []string{"site_admin"} })
	for token, want := range map[string]actions.Kind{"": signIn, w.tokens["owner"]: hidden, w.tokens["site admin"]: hidden, full: ok} {
		if got := actions.KindOf(w.auth.CanAdminister(w.caller(token), "site_admin")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
