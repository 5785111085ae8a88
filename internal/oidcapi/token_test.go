package oidcapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// The claims are those of GitHub's reference, as texts.
func TestOthersVerifyWhoAJobIs(t *testing.T) { // OIDC-2
	each(t, func(w *world) {
		j := w.job("refs/heads/main", workflow)
		run, err := w.Store.Run(w.Context(), j.RunID)
		w.Must(err)
		text := w.value(w.ask(j, "&audience=api%3A%2F%2FAzureADTokenExchange"))
		got := w.claims(text, "api://AzureADTokenExchange")

		made := w.Now().Unix()
		number := func(name string) int64 { return int64(got[name].(float64)) }
		if iat := number("iat"); made-iat > 60 || iat > made || number("exp") != iat+300 || number("nbf") != iat-600 || len(got["jti"].(string)) != 36 {
			w.Errorf("iat %d, exp %d, nbf %d, jti %v at %d", number("iat"), number("exp"), number("nbf"), got["jti"], made)
		}
		for _, name := range []string{"iat", "exp", "nbf", "jti"} {
			delete(got, name)
		}
		id := func(n int64) string { return strconv.FormatInt(n, 10) }
		want := map[string]any{
			"iss": issuer, "aud": "api://AzureADTokenExchange",
			"sub":   fmt.Sprintf("repo:octo-org@%d/octo-repo@%d:ref:refs/heads/main", w.org.ID, w.repo.ID),
			"actor": w.Admin.Login, "actor_id": id(w.Admin.ID), "base_ref": "", "head_ref": "", "check_run_id": id(j.ID), "enterprise": "understudy",
			"event_name": "push", "job_workflow_ref": "octo-org/octo-repo/.github/workflows/ci.yml@refs/heads/main", "job_workflow_sha": run.HeadSHA,
			"ref": "refs/heads/main", "ref_protected": "false", "ref_type": "branch", "repository": "octo-org/octo-repo", "repository_id": id(w.repo.ID),
			"repository_owner": "octo-org", "repository_owner_id": id(w.org.ID), "repository_visibility": "private",
			"run_attempt": "1", "run_id": id(run.ID), "run_number": "1", "runner_environment": "self-hosted", "sha": run.HeadSHA, "workflow": "CI",
			"workflow_ref": "octo-org/octo-repo/.github/workflows/ci.yml@refs/heads/main", "workflow_sha": run.HeadSHA,
		}
		if d := cmp.Diff(want, got); d != "" {
			w.Error(d)
		}
		h := w.header(text)
		if h["typ"] != "JWT" || h["alg"] != "RS256" || h["kid"] == nil || h["x5t"] == nil || len(h) != 4 {
			w.Errorf("header %v", h)
		}
	})
}

func TestTheAudienceIsTheOwnerWhereNobodyNamesOne(t *testing.T) {
	w := newWorld(t)
	j := w.job("refs/heads/main", workflow)
	for _, query := range []string{"", "&audience=", "&other=x"} {
		w.claims(w.value(w.ask(j, query)), public+"/octo-org")
	}
	c := w.claim(j) // as older examples of GitHub's have curl ask
	w.claims(w.value(w.Do(http.MethodPost, path(c), w.sign(c), "{}")), public+"/octo-org")
	if _, err := w.verify(w.value(w.ask(j, "&audience=a")), "b"); err == nil {
		t.Error("a token for one audience is good for another")
	}
}

// A tag, an environment whose name has colons, and a name that would be the same with
// only the colon escaped.
func TestTheSubjectSaysInWhichContextAJobRuns(t *testing.T) { // OIDC-3
	w := newWorld(t)
	repo := fmt.Sprintf("repo:octo-org@%d/octo-repo@%d:", w.org.ID, w.repo.ID)
	in := func(environment string) string {
		return "on: push\njobs:\n  build: {environment: '" + environment + "', runs-on: self-hosted, steps: [{run: make}]}\n"
	}
	for _, test := range []struct{ ref, text, sub, environment string }{
		{"refs/tags/v1", workflow, "ref:refs/tags/v1", ""},
		{"refs/heads/a/b", workflow, "ref:refs/heads/a/b", ""},
		{"refs/heads/main", in("Production"), "environment:Production", "Production"},
		{"refs/heads/main", in("Production:V1"), "environment:Production%3AV1", "Production:V1"},
		{"refs/heads/main", in("Production%3AV1"), "environment:Production%253AV1", "Production%3AV1"},
	} {
		got := w.claims(w.value(w.ask(w.job(test.ref, test.text), "&audience=x")), "x")
		environment, _ := got["environment"].(string)
		if got["sub"] != repo+test.sub || environment != test.environment {
			t.Errorf("%s %s: sub %v in %q", test.ref, test.text, got["sub"], environment)
		}
		if got["ref"] != test.ref {
			t.Errorf("ref %v, want %s", got["ref"], test.ref)
		}
	}
}

// refused checks the status of an answer, and that the toolkit finds a message in it.
func (w *world) refused(what string, status, got int, body map[string]any) {
	w.Helper()
	if message, _ := body["message"].(string); got != status || message == "" || body["value"] != nil {
		w.Errorf("%s: %d %v, want %d with a message", what, got, body, status)
	}
}

func TestOnlyAJobInProgressWithThePermissionGetsTokens(t *testing.T) { // OIDC-1
	each(t, func(w *world) {
		j, other := w.job("refs/heads/main", workflow), w.job("refs/heads/other", workflow)
		c := w.claim(j)
		without, asRunner, expired, foreign := c, c, c, w.claim(other)
		without.IDTokens, asRunner.ForSteps, expired.Expires = false, false, w.Now().Add(-time.Minute)
		runner, err := w.Keys.SignJob(asRunner, w.Now())
		w.Must(err)
		w.claims(w.value(w.Do(http.MethodGet, path(c), runner, nil)), public+"/octo-org") // GitHub's runner has only this one

		ask := func(what string, status int, path, token string) {
			w.Helper()
			a := w.Do(http.MethodGet, path, token, nil)
			w.refused(what, status, a.StatusCode, a.JSON(w))
			if a.Header.Get("Cache-Control") != "no-store" || status == http.StatusUnauthorized && a.Header.Get("WWW-Authenticate") == "" {
				w.Errorf("%s: headers %v", what, a.Header)
			}
		}
		ask("no token", http.StatusUnauthorized, path(c), "")
		ask("a word", http.StatusUnauthorized, path(c), "x")
		ask("a token of a person", http.StatusUnauthorized, path(c), w.AdminToken)
		ask("GITHUB_TOKEN", http.StatusUnauthorized, path(c), w.JobToken(w.repo, j.ID, map[string]string{"id-token": "write"}))
		ask("a token that has expired", http.StatusUnauthorized, path(c), w.sign(expired))
		ask("a job without the permission", http.StatusForbidden, path(c), w.sign(without))
		ask("the token of another job", http.StatusNotFound, path(c), w.sign(foreign))
		ask("the job of another token", http.StatusNotFound, path(foreign), w.sign(c))
		ask("no job", http.StatusNotFound, "/_services/token/idtoken/", w.sign(c))
		ask("nothing there", http.StatusNotFound, "/_services/token/x", w.sign(c))

		w.Must(w.Scheduler.Cancel(w.Context(), j.RunID, true))
		ask("a job that is over", http.StatusForbidden, path(c), w.sign(c))
		w.Must(w.Store.Update(w.Context(), func(tx *store.Tx) error { return tx.DeleteRun(w.Context(), w.repo.ID, j.RunID, w.Now()) }))
		ask("a job that was deleted", http.StatusNotFound, path(c), w.sign(c))
	})
}

func TestAnAudienceIsOneTextOfBoundedLength(t *testing.T) {
	w := newWorld(t)
	j := w.job("refs/heads/main", workflow)
	long := func(n int) string { return string(slices.Repeat([]byte("a"), n)) }
	for what, query := range map[string]string{
		"twice": "&audience=a&audience=b", "too long": "&audience=" + long(2049), "no text": "&audience=%ff", "a line": "&audience=a%0ab",
		"badly encoded": "&audience=%zz", "a semicolon": "&audience=a;b", "huge": "&audience=" + long(100_000),
	} {
		a := w.ask(j, query)
		w.refused(what, http.StatusBadRequest, a.StatusCode, a.JSON(w))
	}
	w.claims(w.value(w.ask(j, "&audience="+long(2048))), long(2048))
	w.claims(w.value(w.ask(j, "&audience=%E2%82%AC")), "€")
}

// Each name in claims_supported is in the token of some job, and there is no other.
func TestTheDocumentOfTheIssuerNamesEveryClaim(t *testing.T) { // OIDC-4
	w := newWorld(t)
	prod := &actions.Environment{RepoID: w.repo.ID, Name: "prod", CreatedAt: w.Now(), UpdatedAt: w.Now()}
	w.Must(w.Store.Update(w.Context(), func(tx *store.Tx) error { return tx.SaveEnvironment(w.Context(), prod) }))
	j := w.job("refs/heads/main", "on: push\njobs:\n  build: {environment: prod, runs-on: self-hosted, steps: [{run: make}]}\n")
	claims := slices.Sorted(maps.Keys(w.claims(w.value(w.ask(j, "&audience=x")), "x")))
	doc := w.Want(w.Do(http.MethodGet, "/_services/token/.well-known/openid-configuration", "", nil), http.StatusOK).JSON(t)
	var named []string
	for _, name := range doc["claims_supported"].([]any) {
		named = append(named, name.(string))
	}
	slices.Sort(named)
	if d := cmp.Diff(claims, named); d != "" {
		t.Errorf("(-in the token +in the document)\n%s", d)
	}
	delete(doc, "claims_supported")
	if d := cmp.Diff(map[string]any{
		"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks", "subject_types_supported": []any{"public", "pairwise"},
		"response_types_supported": []any{"id_token"}, "id_token_signing_alg_values_supported": []any{"RS256"}, "scopes_supported": []any{"openid"},
	}, doc); d != "" {
		t.Error(d)
	}
}

// Threat: whoever gets a name that somebody else had gets what others have given that name.
func TestARepositoryThatTakesOverANameDoesNotTakeOverItsSubject(t *testing.T) {
	each(t, func(w *world) {
		seen := map[any]string{}
		sub := func(what string) {
			w.Helper()
			got := w.claims(w.value(w.ask(w.job("refs/heads/main", workflow), "&audience=x")), "x")
			if was, ok := seen[got["sub"]]; ok {
				w.Errorf("%s has the subject of %s: %v", what, was, got["sub"])
			}
			if name := w.repo.FullName(); got["repository"] != name || got["repository_id"] != strconv.FormatInt(w.repo.ID, 10) {
				w.Errorf("%s: it is %v with the id %v, want %s and %d", what, got["repository"], got["repository_id"], name, w.repo.ID)
			}
			seen[got["sub"]] = what
		}
		sub("the first")
		first := w.repo.Name
		api := "/api/v3/repos/octo-org/"
		w.Want(w.Do(http.MethodPatch, api+first, w.AdminToken, map[string]string{"name": "renamed"}), http.StatusOK)
		w.repo.Name = "renamed"
		sub("the first, renamed")
		w.repo = w.Repository(w.org, first, true)
		sub("another of its name")
		w.Want(w.Do(http.MethodDelete, api+first, w.AdminToken, nil), http.StatusNoContent)
		w.repo = w.Repository(w.org, first, true)
		sub("one that was made when that was deleted")
	})
}
