package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (s *site) graphql(token, query string, variables fields) *reply {
	s.Helper()
	return s.do(http.MethodPost, s.url+"/api/graphql", token, fields{"query": query, "variables": variables})
}

// What gh 2.23 sends, in our own words.
const (
	repositoryInfo = `
	fragment repo on Repository {
		id
		name
		owner { login }
		hasIssuesEnabled
		description
		hasWikiEnabled
		viewerPermission
		defaultBranchRef { name }
	}
	query RepositoryInfo($owner: String!, $name: String!) {
		repository(owner: $owner, name: $name) {
			...repo
			parent { ...repo }
			mergeCommitAllowed
			rebaseMergeAllowed
			squashMergeAllowed
		}
	}`
	pullRequestForRun = `
	query PullRequestForRun($owner: String!, $repo: String!, $headRefName: String!) {
		repository(owner: $owner, name: $repo) {
			pullRequests(headRefName: $headRefName, first: 1) {
				nodes { number headRepository { owner { login } name } }
			}
		}
	}`
)

func TestQueriesOfGhAreAnswered(t *testing.T) {
	s := newSite(t)
	s.pushed()
	repo := fields{"owner": "alice", "name": "hello", "repo": "hello", "headRefName": "main"}
	for _, c := range []struct{ name, query, want string }{
		{"RepositoryInfo", repositoryInfo, `{"data":{"repository":{"id":"MDEwOlJlcG9zaXRvcnkx","name":"hello","owner":{"login":"alice"},` +
			`"hasIssuesEnabled":false,"description":null,"hasWikiEnabled":false,"viewerPermission":"ADMIN","defaultBranchRef":{"name":"main"},` +
			`"parent":null,"mergeCommitAllowed":true,"rebaseMergeAllowed":true,"squashMergeAllowed":true}}}`},
		{"PullRequestForRun", pullRequestForRun, `{"data":{"repository":{"pullRequests":{"nodes":[]}}}}`},
		{"UserCurrent", `query UserCurrent{viewer{login}}`, `{"data":{"viewer":{"login":"alice"}}}`},
		{"MapRepositoryNames", `query MapRepositoryNames { repo_000: repository(owner:"alice", name:"hello") { databaseId } }`, `{"data":{"repo_000":{"databaseId":1}}}`},
		{"type name", `{viewer{__typename ... on User {login} ... on Organization {login}}}`, `{"data":{"viewer":{"__typename":"User","login":"alice"}}}`},
		{"directives", `query($no: Boolean = false) {viewer{login @include(if: $no) databaseId @skip(if: true) name}}`, `{"data":{"viewer":{"name":null}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.want(s.graphql(s.token, c.query, repo), http.StatusOK)
			if d := cmp.Diff(c.want, string(a.text)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestQueriesForWhatIsNotThereSaySo(t *testing.T) {
	s := newSite(t)
	bob := s.newToken(s.account("bob", nil), "repo")
	for _, c := range []struct{ name, query, want string }{
		{
			"private", `{repository(owner:"alice",name:"hello"){id}}`,
			`{"data":{"repository":null},"errors":[{"message":"Could not resolve to a Repository with the name 'alice/hello'.","type":"NOT_FOUND","path":["repository"],"locations":[{"line":1,"column":2}]}]}`,
		},
		{
			"unknown field", "query Q {\n  viewer { login\n    zodiac }\n}",
			`{"errors":[{"message":"Field 'zodiac' doesn't exist on type 'User'","path":["query Q","viewer","zodiac"],"locations":[{"line":3,"column":5}],"extensions":{"code":"undefinedField","fieldName":"zodiac","typeName":"User"}}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, string(s.want(s.graphql(bob, c.query, nil), http.StatusOK).text)); d != "" {
				t.Error(d)
			}
		})
	}
	s.refused(s.graphql("", "{viewer{login}}", nil), http.StatusUnauthorized, "This endpoint requires you to be authenticated.")
	s.refused(s.graphql("ghp_wrong", "{viewer{login}}", nil), http.StatusUnauthorized, "Bad credentials")
	s.want(s.do(http.MethodGet, s.url+"/api/graphql", s.token, nil), http.StatusNotFound)
	s.want(s.graphql(s.token, "", nil), http.StatusBadRequest)
}

func TestHostileQueriesAreRefused(t *testing.T) {
	s := newSite(t)
	for name, query := range map[string]string{
		"not a query":        "}{",
		"no end":             "{viewer{login",
		"no end of string":   `{repository(owner:"alice`,
		"no end of block":    `{repository(owner:"""alice`,
		"mutation":           `mutation {deleteEverything{id}}`,
		"empty":              "{}",
		"no selections":      "{viewer}",
		"selections of text": "{viewer{login{x}}}",
		"deep":               strings.Repeat("{viewer", 100) + strings.Repeat("}", 100),
		"deep value":         "{repository(owner:" + strings.Repeat("[", 5000) + ")}",
		"wide":               "{" + strings.Repeat("viewer{login}", 3000) + "}",
		"cycle":              "{...a} fragment a on Query {...a}",
		"growing cycle":      "{...a} fragment a on Query {...b ...b ...b ...b} fragment b on Query {...a ...a ...a ...a}",
		"unknown fragment":   "{...a}",
		"two operations":     "query A {viewer{login}} query B {viewer{login}}",
		"control characters": "{viewer\x00{login}}",
		"too large":          "{viewer{login}} #" + strings.Repeat("x", 70_000),
	} {
		t.Run(name, func(t *testing.T) {
			a := s.graphql(s.token, query, nil)
			if a.StatusCode != http.StatusOK || !strings.HasPrefix(string(a.text), `{"errors":[{"message":"`) || len(a.text) > 2000 {
				t.Errorf("got %d %.300s", a.StatusCode, a.text)
			}
		})
	}
}

func TestOperationIsChosenByName(t *testing.T) {
	s := newSite(t)
	a := s.do(http.MethodPost, s.url+"/api/graphql", s.token, fields{"query": "query A {viewer{login}} query B {viewer{id}}", "operationName": "A"})
	if got, want := string(a.text), `{"data":{"viewer":{"login":"alice"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
