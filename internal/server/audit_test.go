package server

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// An auditedSite is a server behind a proxy, which says that each request comes from
// 192.0.2.7.
type auditedSite struct {
	*testing.T
	*Server
	token string // of its admin
	seen  int64  // entries that were looked at
}

func newAuditedSite(t *testing.T) *auditedSite {
	t.Helper()
	c := testConfig(t)
	c.TrustedProxy, c.AllowedHost = []string{"10.0.0.0/8"}, []string{"h"}
	s, err := New(t.Context(), c, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &auditedSite{T: t, Server: s, token: adminToken(t, s)}
	a.news()
	return a
}

// do sends a request and returns what the answer says.
func (a *auditedSite) do(method, path, authorization string, body any) (answer map[string]any) {
	a.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.Fatal(err)
	}
	r := httptest.NewRequestWithContext(a.Context(), method, "http://h"+path, bytes.NewReader(text))
	r.RemoteAddr = "10.1.2.3:99"
	r.Header.Set("X-Forwarded-For", "203.0.113.1, 192.0.2.7")
	r.Header.Set("Authorization", authorization)
	r.Header.Set("User-Agent", "a test")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code/100 != 2 {
		a.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			a.Fatal(err)
		}
	}
	return answer
}

// news are the entries since it was called last, the oldest first.
func (a *auditedSite) news() (all []string) {
	a.Helper()
	list, err := a.store.AuditEntries(a.Context(), store.AuditFilter{After: a.seen, Oldest: true}, 100)
	if err != nil {
		a.Fatal(err)
	}
	for _, e := range list {
		all = append(all, fmt.Sprintf("%s: %s from %s by %s", e.Action, e.By.Login, e.By.Address, e.By.UserAgent))
		a.seen = e.ID
	}
	return all
}

func TestTheAuditLogNamesWhoAndFromWhereBehindAProxy(t *testing.T) {
	a := newAuditedSite(t)
	for _, c := range []struct {
		method, path string
		body         any
		want         []string
	}{
		{http.MethodPost, "/admin/users", map[string]any{"login": "mona"}, []string{"user.create"}},
		{http.MethodPost, "/admin/organizations", map[string]any{"login": "octo", "admin": "mona"}, []string{"org.create", "org.add_member"}},
		{http.MethodPost, "/orgs/octo/repos", map[string]any{"name": "hello"}, []string{"repo.create"}},
		{http.MethodPatch, "/repos/octo/hello", map[string]any{"private": true}, []string{"repo.access"}},
		{http.MethodPatch, "/repos/octo/hello", map[string]any{"description": "said otherwise"}, nil},
		{http.MethodPut, "/repos/octo/hello/collaborators/mona", map[string]any{"permission": "push"}, []string{"repo.add_member"}},
		{http.MethodDelete, "/repos/octo/hello/collaborators/mona", nil, []string{"repo.remove_member"}},
		{http.MethodPut, "/repos/octo/hello/actions/permissions/artifact-and-log-retention", map[string]any{"days": 30}, []string{"repo.set_actions_retention_limit"}},
		{http.MethodPost, "/admin/users/mona/authorizations", map[string]any{"scopes": []string{"repo"}}, []string{"oauth_access.create"}},
		{http.MethodDelete, "/admin/users/mona/authorizations", nil, []string{"oauth_access.destroy"}},
		{http.MethodPut, "/users/mona/suspended", nil, []string{"user.suspend"}},
		{http.MethodDelete, "/users/mona/suspended", nil, []string{"user.unsuspend"}},
	} {
		a.do(c.method, "/api/v3"+c.path, "Bearer "+a.token, c.body)
		var want []string
		for _, action := range c.want {
			want = append(want, action+": admin from 192.0.2.7 by a test")
		}
		if d := cmp.Diff(want, a.news()); d != "" {
			t.Errorf("%s %s: %s", c.method, c.path, d)
		}
	}
}

func TestARunnerIsRegisteredByWhoMadeTheToken(t *testing.T) {
	a := newAuditedSite(t)
	made := a.do(http.MethodPost, "/api/v3/enterprises/understudy/actions/runners/registration-token", "Bearer "+a.token, nil)
	remote := "RemoteAuth " + made["token"].(string)
	exchanged := a.do(http.MethodPost, "/api/v3/actions/runner-registration", remote, wire.RegistrationRequest{URL: "http://h/enterprises/understudy", RunnerEvent: wire.EventRegister})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var ids []any
	for i, with := range []string{remote, "Bearer " + exchanged["token"].(string)} {
		runner := a.do(http.MethodPost, "/api/v3/actions/runners/register", with, wire.RegisterRequest{
			URL: "http://h/enterprises/understudy", Name: fmt.Sprint("r", i), Labels: []wire.RunnerLabel{{Name: "x"}}, PublicKey: wire.PublicKeyXML(&key.PublicKey),
		})
		ids = append(ids, runner["id"])
	}
	for _, id := range ids {
		a.do(http.MethodDelete, fmt.Sprintf("/api/v3/enterprises/understudy/actions/runners/%v", id), remote, nil)
	}
	const by = ": admin from 192.0.2.7 by a test"
	want := []string{
		"enterprise.create_registration_token" + by,
		"enterprise.register_self_hosted_runner" + by, "enterprise.register_self_hosted_runner" + by,
		"enterprise.remove_self_hosted_runner" + by, "enterprise.remove_self_hosted_runner" + by,
	}
	if d := cmp.Diff(want, a.news()); d != "" {
		t.Error(d)
	}
}

func TestAnOperatorReadsTheAuditLogAndChecksIt(t *testing.T) {
	c := testConfig(t)
	start(t, c, testDeps(t))
	err := WithAdmin(t.Context(), c.Data, "", testDeps(t), func(a *Admin) error {
		if _, err := a.CreateUser(t.Context(), "mona", "", false); err != nil {
			return err
		}
		secret, err := a.CreateToken(t.Context(), "mona", "for a test", []string{"repo"}, 0)
		if err != nil {
			return err
		}
		var all []string
		err = a.Audit(t.Context(), "user:mona", 0, func(entry any) error {
			text, err := json.Marshal(entry)
			all = append(all, string(text))
			return err
		})
		if err != nil {
			return err
		}
		if text := strings.Join(all, "\n"); len(all) != 2 || !strings.Contains(all[0], `"action":"oauth_access.create"`) || strings.Contains(text, secret) ||
			!strings.Contains(text, fmt.Sprintf(`"user_agent":"understudy admin, uid %d"`, os.Getuid())) {
			t.Errorf("the log says\n%s", text)
		}
		if n, err := a.CheckAudit(t.Context()); err != nil || n < 4 {
			t.Errorf("%d entries, %v", n, err)
		}
		some := 0
		if err := a.Audit(t.Context(), "", 2, func(any) error { some++; return nil }); err != nil || some != 2 {
			t.Errorf("%d entries, %v; want 2", some, err)
		}
		for _, phrase := range []string{"country:us", "word"} {
			if err := a.Audit(t.Context(), phrase, 0, nil); actions.KindOf(err) != actions.Invalid {
				t.Errorf("%s: %v", phrase, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
