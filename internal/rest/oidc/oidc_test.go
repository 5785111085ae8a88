package oidc_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

const (
	ofOrg  = "/orgs/acme/actions/oidc/customization/sub"
	ofRepo = "/repos/acme/tool/actions/oidc/customization/sub"
)

// A desk is a site with an organization of Alice's, which has a repository.
type desk struct {
	*resttest.Site
	org   *actions.Account
	tool  *actions.Repository
	token string // Alice's, with the scopes for organizations
}

func newDesk(s *resttest.Site) *desk {
	s.Helper()
	d := &desk{Site: s, org: s.Organization("acme", s.Alice), token: s.Token(s.Alice, "repo", "admin:org")}
	d.tool = s.Repository(d.org, "tool", true)
	return d
}

func (d *desk) put(path string, body any, status int) {
	d.Helper()
	answer := d.Want(d.Do(http.MethodPut, path, d.token, body), status)
	if status == http.StatusCreated && string(answer.Text) != "{}" {
		d.Errorf("PUT %s: %s, want an empty object", path, answer.Text)
	}
}

func (d *desk) is(path string, want map[string]any) {
	d.Helper()
	if diff := cmp.Diff(want, d.Want(d.Do(http.MethodGet, path, d.token, nil), http.StatusOK).JSON(d)); diff != "" {
		d.Errorf("%s (-want +got)\n%s", path, diff)
	}
}

// prefix is what subjects begin with, with ids or without.
func (d *desk) prefix(ids bool) string {
	if !ids {
		return "repo:acme/tool"
	}
	return fmt.Sprintf("repo:acme@%d/tool@%d", d.org.ID, d.tool.ID)
}

func TestSubjectsAreMadeAsTheRepositoryOrItsOrganizationChooses(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		standard := []any{"repo", "context"}
		d.is(ofOrg, map[string]any{"include_claim_keys": standard, "use_immutable_subject": true})
		d.is(ofRepo, map[string]any{"use_default": true, "use_immutable_subject": true, "sub_claim_prefix": d.prefix(true)})

		d.put(ofOrg, resttest.Fields{"include_claim_keys": []string{"repository_owner", "job_workflow_ref"}}, http.StatusCreated)
		d.is(ofOrg, map[string]any{"include_claim_keys": []any{"repository_owner", "job_workflow_ref"}, "use_immutable_subject": true})
		d.put(ofRepo, resttest.Fields{"use_default": false}, http.StatusCreated)
		d.is(ofRepo, map[string]any{"use_default": false, "use_immutable_subject": true, "sub_claim_prefix": d.prefix(true)})
		d.put(ofRepo, resttest.Fields{"use_default": false, "include_claim_keys": []string{"repo", "context", "ref"}}, http.StatusCreated)
		d.is(ofRepo, map[string]any{"use_default": false, "include_claim_keys": []any{"repo", "context", "ref"}, "use_immutable_subject": true, "sub_claim_prefix": d.prefix(true)})
		d.put(ofRepo, resttest.Fields{"use_default": true, "include_claim_keys": []string{"nothing", "looks at it"}}, http.StatusCreated)
		d.is(ofRepo, map[string]any{"use_default": true, "use_immutable_subject": true, "sub_claim_prefix": d.prefix(true)})
		d.put(ofOrg, resttest.Fields{"include_claim_keys": []string{}}, http.StatusCreated)
		d.is(ofOrg, map[string]any{"include_claim_keys": standard, "use_immutable_subject": true})
	})
}

func TestARepositoryIsNamedByIDsUnlessItOrItsOrganizationSaysOtherwise(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		d := newDesk(s)
		is := func(ids bool) {
			d.Helper()
			d.is(ofRepo, map[string]any{"use_default": true, "use_immutable_subject": ids, "sub_claim_prefix": d.prefix(ids)})
		}
		d.put(ofOrg, resttest.Fields{"use_immutable_subject": false}, http.StatusCreated)
		d.is(ofOrg, map[string]any{"include_claim_keys": []any{"repo", "context"}, "use_immutable_subject": false})
		is(false)
		d.put(ofRepo, resttest.Fields{"use_default": true, "use_immutable_subject": true}, http.StatusCreated)
		is(true)
		d.put(ofOrg, resttest.Fields{"use_immutable_subject": true}, http.StatusCreated)
		d.put(ofRepo, resttest.Fields{"use_default": true, "use_immutable_subject": false}, http.StatusCreated)
		is(false)
		d.put(ofRepo, resttest.Fields{"use_default": true}, http.StatusCreated) // what is not said stays
		is(false)
	})
}

func TestKeysThatAreNoClaimsAreRefused(t *testing.T) {
	d := newDesk(resttest.New(t))
	own := []string{"repo", "sha"}
	d.put(ofOrg, resttest.Fields{"include_claim_keys": own}, http.StatusCreated)
	d.put(ofRepo, resttest.Fields{"use_default": false, "include_claim_keys": own}, http.StatusCreated)
	for what, keys := range map[string]any{
		"no claim": []string{"repo", "colour"}, "one of the token itself": []string{"sub"}, "a custom property": []string{"repo_property_team"},
		"a blank": []string{"re po"}, "a colon": []string{"repo:context"}, "empty": []string{""}, "twice": []string{"repo", "context", "repo"},
		"other case": []string{"Repo"}, "long": []string{strings.Repeat("a", 300)}, "numbers": []int{1}, "a text": "repo", "nothing": []any{nil},
		"very many": strings.Split(strings.Repeat("repo,", 10_000)+"repo", ","),
	} {
		for path, body := range map[string]resttest.Fields{ofOrg: {"include_claim_keys": keys}, ofRepo: {"use_default": false, "include_claim_keys": keys}} {
			if a := d.Do(http.MethodPut, path, d.token, body); a.StatusCode != http.StatusUnprocessableEntity || a.JSON(t)["message"] == "" {
				t.Errorf("%s: PUT %s: %d %s", what, path, a.StatusCode, a.Text)
			}
		}
	}
	for what, body := range map[string]any{
		"no use_default": resttest.Fields{"include_claim_keys": own}, "nothing": resttest.Fields{}, "a text": resttest.Fields{"use_default": "yes"},
		"no truth value": resttest.Fields{"use_default": true, "use_immutable_subject": 1},
	} {
		if a := d.Do(http.MethodPut, ofRepo, d.token, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, a.StatusCode, a.Text)
		}
	}
	for what, body := range map[string]string{"no JSON": "{", "no object": "[]"} {
		if a := d.Do(http.MethodPut, ofRepo, d.token, body); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, a.StatusCode, a.Text)
		}
	}
	d.is(ofRepo, map[string]any{"use_default": false, "include_claim_keys": []any{"repo", "sha"}, "use_immutable_subject": true, "sub_claim_prefix": d.prefix(true)})
	d.is(ofOrg, map[string]any{"include_claim_keys": []any{"repo", "sha"}, "use_immutable_subject": true})
}

func TestOnlyThoseWhoAdministerChooseSubjects(t *testing.T) {
	d := newDesk(resttest.New(t))
	mona := d.User("mona")
	writer := d.Token(mona, "repo", "admin:org")
	d.Want(d.Do(http.MethodPut, "/repos/acme/tool/collaborators/mona", d.token, resttest.Fields{"permission": "push"}), http.StatusNoContent)
	d.Want(d.Do(http.MethodGet, ofRepo, writer, nil), http.StatusOK)
	d.Want(d.Do(http.MethodPut, ofRepo, writer, resttest.Fields{"use_default": false}), http.StatusForbidden)
	job := d.JobToken(d.tool, map[string]string{"actions": "write", "id-token": "write"}) // or else a job chose who it is
	d.Want(d.Do(http.MethodPut, ofRepo, job, resttest.Fields{"use_default": false}), http.StatusForbidden)
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		d.Want(d.Do(method, ofOrg, writer, resttest.Fields{}), http.StatusForbidden)
		d.Want(d.Do(method, ofOrg, d.Token(d.Alice, "repo"), resttest.Fields{}), http.StatusForbidden)
		d.Want(d.Do(method, strings.Replace(ofRepo, "tool", "none", 1), d.token, resttest.Fields{"use_default": true}), http.StatusNotFound)
		d.Want(d.Do(method, strings.Replace(ofOrg, "acme", "none", 1), d.token, resttest.Fields{}), http.StatusNotFound)
	}
	d.Want(d.Do(http.MethodPut, ofOrg, d.Token(d.Alice, "read:org"), resttest.Fields{}), http.StatusForbidden)
}
