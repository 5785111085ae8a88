package auth_test

import (
	"strings"
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
	w.tokens["outsider"] = w.token(w.account("outsider", actions.User), nil)
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
			{On: auth.Repo, Role: actions.Read, Permission: "actions"},
			{On: auth.Repo, Role: actions.Write, Permission: "actions"},
			{On: auth.Repo, Role: actions.Admin, Permission: "administration"},
		}
		for _, c := range []struct {
			who             string
			private, public [3]actions.Kind // of needs
		}{
			{"nobody", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, signIn, signIn}},
			{"outsider", [3]actions.Kind{hidden, hidden, hidden}, [3]actions.Kind{ok, forbidden, forbidden}},
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
				if got := actions.KindOf(w.auth.Can(t.Context(), caller, auth.Target{Repo: w.private}, n)); got != c.private[i] {
					t.Errorf("%s, private, %s: got %q, want %q", c.who, n.Role, got, c.private[i])
				}
				if got := actions.KindOf(w.auth.Can(t.Context(), caller, auth.Target{Repo: w.public}, n)); got != c.public[i] {
					t.Errorf("%s, public, %s: got %q, want %q", c.who, n.Role, got, c.public[i])
				}
			}
		}
	})
}

func TestWhatIsPublicMayNeedAPermissionOfATokenAllTheSame(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	for who, want := range map[string]actions.Kind{
		"outsider": ok, "reader": ok, "job without permissions": forbidden, "job of the other": ok, "job that reads": forbidden,
	} {
		need := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions", SignedIn: true, Granted: true}
		if got := actions.KindOf(w.auth.Can(t.Context(), w.caller(w.tokens[who]), auth.Target{Repo: w.public}, need)); got != want {
			t.Errorf("%s: got %q, want %q", who, got, want)
		}
	}
}

func TestARefusalSaysWhatGitHubSays(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions"}
	for who, want := range map[string]string{
		"reader":         "Must have admin rights to Repository.",
		"job that reads": "Resource not accessible by integration",
		"fine-grained":   "Resource not accessible by personal access token",
	} {
		if err := w.auth.Can(t.Context(), w.caller(w.tokens[who]), auth.Target{Repo: w.private}, write); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", who, err, want)
		}
	}
}

func TestAccessThatIsTakenAwayEndsAtOnce(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	caller := w.caller(w.tokens["writer"])
	read := auth.Need{On: auth.Repo, Role: actions.Read}
	w.check(w.auth.Can(t.Context(), caller, auth.Target{Repo: w.private}, read))
	w.check(w.store.SetCollaborator(t.Context(), w.private.ID, caller.Account.ID, actions.NoAccess))
	if err := w.auth.Can(t.Context(), caller, auth.Target{Repo: w.private}, read); actions.KindOf(err) != actions.NotFound {
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

func TestNamesThatCannotBeAreNotFoundOnBothEngines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		for _, name := range []string{"", "a b", "a\x00", "\xff", "ü", strings.Repeat("a", 60_000)} {
			_, byOwner := w.auth.Repository(t.Context(), name, "private")
			_, byName := w.auth.Repository(t.Context(), "octo", name)
			_, byLogin := st.AccountByLogin(t.Context(), name)
			for _, err := range []error{byOwner, byName, byLogin} {
				if actions.KindOf(err) != actions.NotFound || len(err.Error()) > 200 {
					t.Errorf("%.10q: %.300v, want a short not found", name, err)
				}
			}
		}
	})
}

func TestWhoMayDoWhatWithAnOrganization(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	anybody := auth.Need{On: auth.Org, Public: true}
	own := auth.Need{On: auth.Org, Role: actions.Admin, Scopes: []string{"read:org", "repo"}}
	for who, want := range map[string]actions.Kind{
		"nobody": signIn, "outsider": forbidden, "member": forbidden, "owner": ok, "site admin": ok,
		"owner without scopes": forbidden, "job that writes": forbidden, "fine-grained": forbidden,
	} {
		caller := w.caller(w.tokens[who])
		if err := w.auth.Can(t.Context(), caller, auth.Target{Org: w.org}, anybody); err != nil {
			t.Errorf("%s: got %v for what everybody may", who, err)
		}
		if got := actions.KindOf(w.auth.Can(t.Context(), caller, auth.Target{Org: w.org}, own)); got != want {
			t.Errorf("%s: got %q, want %q", who, got, want)
		}
	}
}

func TestAFineGrainedTokenReachesAnOrganizationWithItsPermission(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	owner := w.caller(w.tokens["owner"]).Account
	read := auth.Need{On: auth.Org, Role: actions.Admin, Permission: "organization_administration", Level: auth.ReadLevel}
	for name, c := range map[string]struct {
		token actions.Token
		want  actions.Kind
	}{
		"with it":            {actions.Token{Access: map[string]string{"organization_administration": "read"}}, ok},
		"with more":          {actions.Token{Access: map[string]string{"organization_administration": "write"}}, ok},
		"with another":       {actions.Token{Access: map[string]string{"administration": "write"}}, forbidden},
		"for one repository": {actions.Token{RepoID: w.private.ID, Access: map[string]string{"organization_administration": "write"}}, forbidden},
	} {
		text := w.token(owner, func(t *actions.Token) {
			t.Kind, t.Scopes, t.RepoID, t.Access = actions.FineGrained, nil, c.token.RepoID, c.token.Access
		})
		if got := actions.KindOf(w.auth.Can(t.Context(), w.caller(text), auth.Target{Org: w.org}, read)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestOnlyPeopleAreAnAccountThatCalls(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	know := auth.Need{On: auth.User}
	own := auth.Need{On: auth.User, Role: actions.Admin, Scopes: []string{"repo"}}
	for who, want := range map[string][2]actions.Kind{
		"nobody": {signIn, signIn}, "outsider": {ok, ok}, "owner without scopes": {ok, forbidden},
		"job that writes": {forbidden, forbidden}, "fine-grained": {ok, forbidden},
	} {
		caller := w.caller(w.tokens[who])
		for n, want := range map[*auth.Need]actions.Kind{&know: want[0], &own: want[1]} {
			if got := actions.KindOf(w.auth.Can(t.Context(), caller, auth.Target{}, *n)); got != want {
				t.Errorf("%s, %+v: got %q, want %q", who, *n, got, want)
			}
		}
	}
}

func TestOnlySiteAdminsWithTheScopeAdminister(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	root := w.caller(w.tokens["site admin"])
	full := w.token(root.Account, func(t *actions.Token) { t.Scopes = []string{"site_admin"} })
	for _, on := range []auth.On{auth.Site, auth.Enterprise} {
		n := auth.Need{On: on, Role: actions.Admin, Scopes: []string{"site_admin"}}
		for token, want := range map[string]actions.Kind{"": signIn, w.tokens["owner"]: hidden, w.tokens["site admin"]: hidden, full: ok} {
			if got := actions.KindOf(w.auth.Can(t.Context(), w.caller(token), auth.Target{}, n)); got != want {
				t.Errorf("%s: got %q, want %q", on, got, want)
			}
		}
	}
}

func TestWithoutANeedNobodyMay(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	if err := w.auth.Can(t.Context(), w.caller(w.tokens["site admin"]), auth.Target{Repo: w.public, Org: w.org}, auth.Need{}); err == nil {
		t.Error("a site admin may")
	}
}
