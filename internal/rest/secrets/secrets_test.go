package secrets_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A site has an organization with an owner, and an environment of alice/hello.
type site struct {
	*resttest.Site

	org    *actions.Account
	open   *actions.Repository // of the organization, public
	closed *actions.Repository // of the organization, private
	owner  string              // token of its owner, who is alice
}

func each(t *testing.T, test func(s *site)) {
	t.Helper()
	resttest.Each(t, func(rs *resttest.Site) {
		s := &site{Site: rs, org: rs.Organization("acme", rs.Alice), owner: rs.Token(rs.Alice, "repo", "admin:org")}
		s.open, s.closed = s.Repository(s.org, "open", false), s.Repository(s.org, "closed", true)
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
			_, err := tx.AddEnvironment(s.Context(), &actions.Environment{RepoID: s.Repo.ID, Name: "Production", CreatedAt: s.Now(), UpdatedAt: s.Now()})
			return err
		}))
		test(s)
	})
}

// holders are the paths before /secrets.
var holders = []string{"/orgs/acme/actions", "/repos/alice/hello/actions", "/repos/alice/hello/environments/production"}

// seal is what a client sends of a value: the fields of the body.
func (s *site) seal(holder, value string) resttest.Fields {
	s.Helper()
	public := s.Want(s.Do(http.MethodGet, holder+"/secrets/public-key", s.owner, nil), http.StatusOK).JSON(s)
	key, err := base64.StdEncoding.DecodeString(public["key"].(string))
	s.Must(err)
	sealed, err := box.SealAnonymous(nil, []byte(value), (*[32]byte)(key), rand.Reader)
	s.Must(err)
	body := resttest.Fields{"encrypted_value": base64.StdEncoding.EncodeToString(sealed), "key_id": public["key_id"]}
	if strings.HasPrefix(holder, "/orgs/") {
		body["visibility"] = "all"
	}
	return body
}

func (s *site) put(path string, body any, status int) {
	s.Helper()
	s.Want(s.Do(http.MethodPut, path, s.owner, body), status)
}

func (s *site) get(path string) map[string]any {
	s.Helper()
	a := s.Want(s.Do(http.MethodGet, path, s.owner, nil), http.StatusOK)
	if bytes.Contains(a.Text, []byte("marker")) {
		s.Errorf("%s shows a value: %s", path, a.Text)
	}
	return a.JSON(s)
}

func TestASecretIsMadeChangedListedAndDeleted(t *testing.T) {
	each(t, func(s *site) {
		for _, holder := range holders {
			path := holder + "/secrets/my_token"
			first := s.Do(http.MethodPut, path, s.owner, s.seal(holder, "marker one"))
			if s.Want(first, http.StatusCreated); string(bytes.TrimSpace(first.Text)) != "{}" {
				s.Errorf("%s: %q", path, first.Text)
			}
			s.put(holder+"/secrets/MY_TOKEN", s.seal(holder, "marker two"), http.StatusNoContent)
			s.put(holder+"/secrets/another", s.seal(holder, ""), http.StatusCreated)
			one := s.get(path)
			if one["name"] != "MY_TOKEN" || one["created_at"] == nil || one["updated_at"] == nil || one["value"] != nil {
				s.Errorf("%s: %v", path, one)
			}
			list := s.get(holder + "/secrets?per_page=1")
			secrets := list["secrets"].([]any)
			if list["total_count"] != 2.0 || len(secrets) != 1 || secrets[0].(map[string]any)["name"] != "ANOTHER" {
				s.Errorf("%s: %v", holder, list)
			}
			s.Want(s.Do(http.MethodDelete, path, s.owner, nil), http.StatusNoContent)
			s.Want(s.Do(http.MethodDelete, path, s.owner, nil), http.StatusNotFound)
			s.Want(s.Do(http.MethodGet, path, s.owner, nil), http.StatusNotFound)
			s.Want(s.Do(http.MethodGet, holder+"/secrets/no-name", s.owner, nil), http.StatusNotFound)
		}
		s.Want(s.Do(http.MethodGet, "/repos/alice/hello/environments/staging/secrets", s.owner, nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodGet, "/repos/acme/open/environments/production/secrets", s.owner, nil), http.StatusNotFound)
	})
}

func TestAValueThatWasSealedForAnotherKeyOrIsNoneIsRefused(t *testing.T) {
	each(t, func(s *site) {
		for i, holder := range holders {
			good := s.seal(holder, "marker")
			foreign := s.seal(holders[(i+1)%len(holders)], "marker")
			change := func(field string, value any) resttest.Fields {
				body := maps.Clone(good)
				if body[field] = value; value == nil {
					delete(body, field)
				}
				return body
			}
			text := good["encrypted_value"].(string)
			for name, body := range map[string]any{
				"another place's key": foreign,
				"another's id":        change("key_id", foreign["key_id"]),
				"another's box":       change("encrypted_value", foreign["encrypted_value"]),
				"an unknown id":       change("key_id", "012345678912345678"),
				"no id":               change("key_id", nil),
				"no value":            change("encrypted_value", nil),
				"an empty value":      change("encrypted_value", ""),
				"not base64":          change("encrypted_value", "%%%"),
				"base64 with lines":   change("encrypted_value", text[:20]+"\n"+text[20:]),
				"a truncated box":     change("encrypted_value", text[:40]),
				"a number":            change("encrypted_value", 7),
				"48 KB and one":       s.seal(holder, strings.Repeat("x", 48*1024+1)),
				"nothing":             resttest.Fields{},
			} {
				if a := s.Do(http.MethodPut, holder+"/secrets/A", s.owner, body); a.StatusCode != http.StatusUnprocessableEntity {
					s.Errorf("%s, %s: %d %s", holder, name, a.StatusCode, a.Text)
				}
			}
			s.Want(s.Do(http.MethodGet, holder+"/secrets/A", s.owner, nil), http.StatusNotFound)
			const names, reserved = "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).", "Secret names must not start with GITHUB_."
			for name, message := range map[string]string{"1A": names, "A-B": names, "A%20B": names, "GITHUB_X": reserved, "github_x": reserved, strings.Repeat("a", 300): "Secret names are too long (maximum is 255 characters)"} {
				s.Refused(s.Do(http.MethodPut, holder+"/secrets/"+name, s.owner, good), http.StatusUnprocessableEntity, message)
			}
			s.put(holder+"/secrets/A", s.seal(holder, strings.Repeat("x", 48*1024)), http.StatusCreated)
		}
	})
}

func TestAnOrganizationsSecretIsForTheRepositoriesOfItsVisibility(t *testing.T) {
	each(t, func(s *site) {
		const org = "/orgs/acme/actions"
		save := func(name string, status int, more resttest.Fields) {
			s.Helper()
			body := s.seal(org, "marker")
			maps.Copy(body, more)
			s.put(org+"/secrets/"+name, body, status)
		}
		shared := func(repo string, want ...string) {
			s.Helper()
			list := s.get("/repos/acme/" + repo + "/actions/organization-secrets")
			var got []string
			for _, one := range list["secrets"].([]any) {
				one := one.(map[string]any)
				if got = append(got, one["name"].(string)); one["visibility"] != nil {
					s.Errorf("the repository is told %v", one)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || list["total_count"] != float64(len(want)) {
				s.Errorf("%s: %v, want %v", repo, list, want)
			}
		}
		save("ALL", http.StatusCreated, nil)
		save("PRIVATE", http.StatusCreated, resttest.Fields{"visibility": "private"})
		save("SOME", http.StatusCreated, resttest.Fields{"visibility": "selected", "selected_repository_ids": []any{s.open.ID, fmt.Sprint(s.open.ID)}})
		save("BAD", http.StatusUnprocessableEntity, resttest.Fields{"visibility": "some"})
		save("BAD", http.StatusUnprocessableEntity, resttest.Fields{"visibility": nil})
		save("BAD", http.StatusUnprocessableEntity, resttest.Fields{"visibility": "selected", "selected_repository_ids": []int64{s.Repo.ID}})
		save("BAD", http.StatusUnprocessableEntity, resttest.Fields{"visibility": "all", "selected_repository_ids": []int64{s.open.ID}})
		save("BAD", http.StatusUnprocessableEntity, resttest.Fields{"visibility": "selected", "selected_repository_ids": make([]int64, 10_001)})
		shared("open", "ALL", "SOME")
		shared("closed", "ALL", "PRIVATE")
		if got := s.get("/repos/alice/hello/actions/organization-secrets"); got["total_count"] != 0.0 {
			s.Errorf("a repository of a person: %v", got)
		}
		if got := s.get(org + "/secrets/SOME"); got["visibility"] != "selected" || got["selected_repositories_url"] != s.URL+"/api/v3"+org+"/secrets/SOME/repositories" {
			s.Errorf("selected: %v", got)
		}

		some := org + "/secrets/SOME/repositories"
		if got := s.get(some); got["total_count"] != 1.0 || got["repositories"].([]any)[0].(map[string]any)["name"] != "open" {
			s.Errorf("selected: %v", got)
		}
		id := func(n int64) string { return fmt.Sprintf("%s/%d", some, n) }
		s.put(id(s.closed.ID), nil, http.StatusNoContent)
		shared("closed", "ALL", "PRIVATE", "SOME")
		s.Want(s.Do(http.MethodDelete, id(s.open.ID), s.owner, nil), http.StatusNoContent)
		shared("open", "ALL")
		s.put(id(s.Repo.ID), nil, http.StatusNotFound)
		s.put(some, resttest.Fields{"selected_repository_ids": []int64{s.open.ID}}, http.StatusNoContent)
		shared("closed", "ALL", "PRIVATE")
		s.put(some, resttest.Fields{"selected_repository_ids": []int64{s.Repo.ID}}, http.StatusUnprocessableEntity)
		s.put(fmt.Sprintf("%s/secrets/ALL/repositories/%d", org, s.open.ID), nil, http.StatusConflict)
		s.Want(s.Do(http.MethodDelete, fmt.Sprintf("%s/secrets/ALL/repositories/%d", org, s.open.ID), s.owner, nil), http.StatusConflict)
		s.put(fmt.Sprintf("%s/secrets/NONE/repositories/%d", org, s.open.ID), nil, http.StatusNotFound)
		s.put(org+"/secrets/SOME", resttest.Fields{"visibility": "selected", "selected_repository_ids": []int64{s.closed.ID}}, http.StatusNoContent) // the value stays
		shared("closed", "ALL", "PRIVATE", "SOME")
	})
}

func TestWhoMayNotWriteHasNothingToDoWithSecrets(t *testing.T) {
	each(t, func(s *site) {
		bob := s.User("bob")
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, bob.ID, actions.Read))
		reader := s.Token(bob, "repo", "admin:org")
		job := s.JobToken(s.Repo, map[string]string{"contents": "write", "actions": "write"})
		for _, holder := range holders {
			body := s.seal(holder, "marker")
			s.put(holder+"/secrets/A", body, http.StatusCreated)
			for who, token := range map[string]string{"a reader": reader, "a job": job} {
				for _, try := range []struct{ method, path string }{{http.MethodGet, "/secrets"}, {http.MethodGet, "/secrets/A"}, {http.MethodPut, "/secrets/A"}, {http.MethodDelete, "/secrets/A"}} {
					if a := s.Do(try.method, holder+try.path, token, body); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusNotFound {
						s.Errorf("%s: %s %s%s: %d", who, try.method, holder, try.path, a.StatusCode)
					}
				}
			}
			if !strings.HasPrefix(holder, "/orgs/") {
				s.Want(s.Do(http.MethodGet, holder+"/secrets/public-key", reader, nil), http.StatusOK)
			}
		}
	})
}

func TestChangesOfSecretsAreInTheAuditLogWithoutTheirValues(t *testing.T) {
	each(t, func(s *site) {
		for i, holder := range holders {
			s.put(holder+"/secrets/A", s.seal(holder, "marker"), http.StatusCreated)
			s.put(holder+"/secrets/A", s.seal(holder, "marker"), http.StatusNoContent)
			s.Want(s.Do(http.MethodDelete, holder+"/secrets/A", s.owner, nil), http.StatusNoContent)
			list, err := s.Store.AuditEntries(s.Context(), store.AuditFilter{}, 3)
			s.Must(err)
			of := []string{"org", "repo", "environment"}[i]
			for k, want := range []string{"remove", "update", "create"} {
				if e := list[k]; string(e.Action) != of+"."+want+"_actions_secret" || e.Data["key"] != "A" || strings.Contains(fmt.Sprint(e), "marker") || e.By.AccountID != s.Alice.ID {
					s.Errorf("%s: %+v", holder, e)
				}
			}
		}
	})
}
