package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

func graphql(s *resttest.Site, token, query string, variables resttest.Fields) *servertest.Reply {
	s.Helper()
	return s.Do(http.MethodPost, s.URL+"/api/graphql", token, resttest.Fields{"query": query, "variables": variables})
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
	s := resttest.New(t)
	s.Pushed()
	repo := resttest.Fields{"owner": "alice", "name": "hello", "repo": "hello", "headRefName": "main"}
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
			a := s.Want(graphql(s, s.AliceToken, c.query, repo), http.StatusOK)
			if d := cmp.Diff(c.want, string(a.Text)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestQueriesForWhatIsNotThereSaySo(t *testing.T) {
	s := resttest.New(t)
	bob := s.Token(s.User("bob"), "repo")
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
			if d := cmp.Diff(c.want, string(s.Want(graphql(s, bob, c.query, nil), http.StatusOK).Text)); d != "" {
				t.Error(d)
			}
		})
	}
	s.Refused(graphql(s, "", "{viewer{login}}", nil), http.StatusUnauthorized, "This endpoint requires you to be authenticated.")
	s.Refused(graphql(s, "ghp_wrong", "{viewer{login}}", nil), http.StatusUnauthorized, "Bad credentials")
	s.Want(s.Do(http.MethodGet, s.URL+"/api/graphql", s.AliceToken, nil), http.StatusNotFound)
	s.Want(graphql(s, s.AliceToken, "", nil), http.StatusBadRequest)
}

func TestHostileQueriesAreRefused(t *testing.T) {
	s := resttest.New(t)
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
			a := graphql(s, s.AliceToken, query, nil)
			if a.StatusCode != http.StatusOK || !strings.HasPrefix(string(a.Text), `{"errors":[{"message":"`) || len(a.Text) > 2000 {
				t.Errorf("got %d %.300s", a.StatusCode, a.Text)
			}
		})
	}
}

func TestOperationIsChosenByName(t *testing.T) {
	s := resttest.New(t)
	a := s.Do(http.MethodPost, s.URL+"/api/graphql", s.AliceToken, resttest.Fields{"query": "query A {viewer{login}} query B {viewer{id}}", "operationName": "A"})
	if got, want := string(a.Text), `{"data":{"viewer":{"login":"alice"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
