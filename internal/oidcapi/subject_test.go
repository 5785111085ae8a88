package oidcapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// choose sets what subjects are made of, by the API.
func (w *world) choose(path string, body map[string]any) {
	w.Helper()
	w.Want(w.Do(http.MethodPut, "/api/v3"+path+"/actions/oidc/customization/sub", w.AdminToken, body), http.StatusCreated)
}

func keys(names ...string) map[string]any {
	return map[string]any{"use_default": false, "include_claim_keys": names}
}

// The examples are those of GitHub's reference.
func TestTheSubjectIsMadeOfTheClaimsThatAreChosen(t *testing.T) { // OIDC-3
	each(t, func(w *world) {
		const org, repo = "/orgs/octo-org", "/repos/octo-org/octo-repo"
		const file = "octo-org/octo-repo/.github/workflows/ci.yml@refs/heads/main"
		in := w.job("refs/heads/main", strings.Replace(workflow, "build: {", "build: {environment: 'production:eastus', ", 1))
		out := w.job("refs/heads/main", workflow)
		ids := fmt.Sprintf("repo:octo-org@%d/octo-repo@%d", w.org.ID, w.repo.ID)
		is := func(what, sub string) {
			w.Helper()
			if got := w.claims(w.value(w.ask(in, "&audience=x")), "x")["sub"]; got != sub {
				w.Errorf("%s: sub %v, want %s", what, got, sub)
			}
		}
		w.choose(org, keys("repository_owner", "repository_visibility"))
		is("the organization's, which the repository has not taken over", ids+":environment:production%3Aeastus")
		w.choose(repo, map[string]any{"use_default": false})
		is("the organization's", "repository_owner:octo-org:repository_visibility:private")
		for sub, names := range map[string][]string{
			"environment:production%3Aeastus:repository_owner:octo-org":       {"environment", "repository_owner"},
			"job_workflow_ref:" + file:                                        {"job_workflow_ref"},
			ids + ":environment:production%3Aeastus:job_workflow_ref:" + file: {"repo", "context", "job_workflow_ref"},
			"environment:production%3Aeastus:" + ids:                          {"context", "repo"},
			ids:                                                               {"repo"},
			fmt.Sprintf("repository_id:%d", w.repo.ID):                        {"repository_id"},
			"head_ref::ref_protected:false":                                   {"head_ref", "ref_protected"},
		} {
			w.choose(repo, keys(names...))
			is(fmt.Sprint(names), sub)
		}
		w.choose(repo, map[string]any{"use_default": false, "include_claim_keys": []string{"repo", "ref"}, "use_immutable_subject": false})
		is("without ids", "repo:octo-org/octo-repo:ref:refs/heads/main")

		w.choose(repo, keys("repo", "environment"))
		a := w.ask(out, "")
		w.refused("a job without an environment", http.StatusBadRequest, a.StatusCode, a.JSON(w))
		w.choose(repo, map[string]any{"use_default": true, "use_immutable_subject": true})
		is("the default again", ids+":environment:production%3Aeastus")
	})
}
