package graphql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/graphql"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A site is the API on a store in which alice has the private repository
// alice/hello and the organization guild the public repository guild/tools.
type site struct {
	testing.TB
	api      *graphql.API
	store    *store.Store
	accounts map[string]*actions.Account
	caller   *auth.Caller
}

func newSite(t testing.TB, login string) *site {
	t.Helper()
	st := storetest.Open(t)
	a := auth.New(st, time.Now)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	git, err := gitrepo.New(t.TempDir(), gitrepo.Limits{}, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = git.Close() })
	api, err := graphql.New(graphql.Config{
		Auth: a, Store: st, Repositories: repository.New(st, git, log, time.Now), Git: git, Log: log,
		Pulls: pull.New(pull.Config{Protect: protect.New(st, git, log, time.Now), Store: st, Git: git, Log: log, Now: time.Now, Announce: func(context.Context, shape.Base, *actions.Push) {}}),
		Actor: func(c *auth.Caller, base shape.Base) pull.Actor {
			return pull.Actor{Account: c.Account, Base: base, May: func(ctx context.Context, repo *actions.Repository, _ pull.Ability) (bool, error) {
				return a.May(ctx, c, auth.Target{Repo: repo}, auth.PushCode)
			}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	accounts := map[string]*actions.Account{}
	s := &site{TB: t, api: api, store: st, accounts: accounts, caller: &auth.Caller{}}
	for name, kind := range map[string]actions.AccountType{"alice": actions.User, "bob": actions.User, "guild": actions.Organization} {
		accounts[name] = &actions.Account{Login: name, Type: kind}
		s.must(st.CreateAccount(t.Context(), accounts[name]))
	}
	s.repository(st, accounts["alice"], "hello", true)
	s.repository(st, accounts["guild"], "tools", false)
	if who := accounts[login]; who != nil {
		s.caller = &auth.Caller{Account: who, Token: &actions.Token{AccountID: who.ID, Kind: actions.Classic, Scopes: []string{"repo"}}}
	}
	return s
}

func (s *site) repository(st *store.Store, owner *actions.Account, name string, private bool) {
	s.Helper()
	s.must(st.CreateRepository(s.Context(), &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main"}))
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// ask sends a body and returns the status and the answer.
func (s *site) ask(body any) (int, string) {
	s.Helper()
	text, err := json.Marshal(body)
	s.must(err)
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(s.Context(), http.MethodPost, "/graphql", strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	if err := s.api.Answer(w, r, s.caller, shape.Base{API: "http://h/api/v3", HTML: "http://h"}); err != nil {
		s.must(httpjson.WriteError(w, err, ""))
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

type variables map[string]any

func (s *site) query(query string, v variables) string {
	s.Helper()
	status, text := s.ask(map[string]any{"query": query, "variables": v})
	if status != http.StatusOK {
		s.Fatalf("%d %s", status, text)
	}
	return text
}

// What gh sends, in our own words.
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
	pullRequestForBranch = `
	query PullRequestForBranch($owner: String!, $repo: String!, $headRefName: String!, $states: [PullRequestState!]) {
		repository(owner: $owner, name: $repo) {
			pullRequests(headRefName: $headRefName, states: $states, first: 30, orderBy: { field: CREATED_AT, direction: DESC }) {
				nodes { number, url, state, isCrossRepository }
			}
			defaultBranchRef { name }
		}
	}`
	features = `
	query Repository_fields {
		Repository: __type(name: "Repository") { fields(includeDeprecated: true) { name } }
	}`
)

func TestQueriesOfGhAreAnswered(t *testing.T) {
	s := newSite(t, "alice")
	repo := variables{"owner": "alice", "name": "hello", "repo": "hello", "headRefName": "main", "states": []string{"OPEN"}}
	for _, c := range []struct{ name, query, want string }{
		{"RepositoryInfo", repositoryInfo, `{"data":{"repository":{"id":"MDEwOlJlcG9zaXRvcnkx","name":"hello","owner":{"login":"alice"},` +
			`"hasIssuesEnabled":true,"description":null,"hasWikiEnabled":true,"viewerPermission":"ADMIN","defaultBranchRef":{"name":"main"},` +
			`"parent":null,"mergeCommitAllowed":true,"rebaseMergeAllowed":true,"squashMergeAllowed":true}}}`},
		{"PullRequestForRun", pullRequestForRun, `{"data":{"repository":{"pullRequests":{"nodes":[]}}}}`},
		{"PullRequestForBranch", pullRequestForBranch, `{"data":{"repository":{"pullRequests":{"nodes":[]},"defaultBranchRef":{"name":"main"}}}}`},
		{"UserCurrent", `query UserCurrent{viewer{login}}`, `{"data":{"viewer":{"login":"alice"}}}`},
		{"MapRepositoryNames", `query MapRepositoryNames { repo_000: repository(owner:"alice", name:"hello") { databaseId } }`, `{"data":{"repo_000":{"databaseId":1}}}`},
		{
			"owner", `{repository(owner:"guild",name:"tools"){owner{__typename ... on User{name} ... on Organization{login}} url sshUrl visibility pushedAt}}`,
			`{"data":{"repository":{"owner":{"__typename":"Organization","login":"guild"},"url":"http://h/guild/tools","sshUrl":"git@h:guild/tools.git","visibility":"PUBLIC","pushedAt":null}}}`,
		},
		{"directives", `query($no: Boolean = false) {viewer{login @include(if: $no) databaseId @skip(if: true) name}}`, `{"data":{"viewer":{"name":null}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, s.query(c.query, repo)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTheSchemaCanBeAskedFor(t *testing.T) {
	s := newSite(t, "alice")
	got := s.query(features, nil)
	for _, field := range []string{"viewerPermission", "pullRequests", "squashMergeAllowed"} {
		if !strings.Contains(got, `{"name":"`+field+`"}`) {
			t.Errorf("the type has no %s: %s", field, got)
		}
	}
	const whole = `query { __schema { queryType { name } types { kind name fields { name args { name type { kind name ofType { kind name ofType { name } } } }
		type { kind name ofType { kind name ofType { kind name } } } } enumValues { name } possibleTypes { name } } directives { name locations } } }`
	if got := s.query(whole, nil); !strings.HasPrefix(got, `{"data":`) || strings.Contains(got, `"errors"`) {
		t.Errorf("introspection as clients do it: %.300s", got)
	}
}

func TestQueriesForWhatIsNotThereSaySo(t *testing.T) {
	s := newSite(t, "bob")
	for _, c := range []struct{ name, query, want string }{
		{
			"private", `{repository(owner:"alice",name:"hello"){id}}`,
			`{"data":{"repository":null},"errors":[{"message":"Could not resolve to a Repository with the name 'alice/hello'.","type":"NOT_FOUND","path":["repository"]}]}`,
		},
		{
			"missing", `{repository(owner:"alice",name:"nothing"){id}}`,
			`{"data":{"repository":null},"errors":[{"message":"Could not resolve to a Repository with the name 'alice/nothing'.","type":"NOT_FOUND","path":["repository"]}]}`,
		},
		{
			"unknown field", "query Q {\n  viewer { login\n    zodiac }\n}",
			`{"errors":[{"message":"Field 'zodiac' doesn't exist on type 'User'","locations":[{"line":3,"column":5}],"extensions":{"code":"undefinedField","fieldName":"zodiac","typeName":"User"}}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, s.query(c.query, nil)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOnlyPeopleWhoSignedInMayAsk(t *testing.T) {
	s := newSite(t, "")
	if status, text := s.ask(variables{"query": "{viewer{login}}"}); status != http.StatusUnauthorized || !strings.Contains(text, "This endpoint requires you to be authenticated.") {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := newSite(t, "alice").ask(variables{"query": ""}); status != http.StatusBadRequest {
		t.Errorf("no query: %d", status)
	}
}

func TestOperationIsChosenByName(t *testing.T) {
	s := newSite(t, "alice")
	_, got := s.ask(variables{"query": "query A {viewer{login}} query B {viewer{id}}", "operationName": "A"})
	if want := `{"data":{"viewer":{"login":"alice"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// hostile are queries that must be refused with a short answer.
func hostile() map[string]string {
	var names, cycle, aliases strings.Builder
	for i := range 100 {
		fmt.Fprintf(&aliases, "a%d:__schema{types{fields{type{name}args{name}}}}", i)
	}
	for range 3000 {
		names.WriteString("zodiac ")
	}
	for i := range 14 { // each fragment twice the one before
		next := "login"
		if i < 13 {
			next = "...f" + string(rune('b'+i)) + " ...f" + string(rune('b'+i))
		}
		cycle.WriteString(" fragment f" + string(rune('a'+i)) + " on User {" + next + "}")
	}
	return map[string]string{
		"not a query":        "}{",
		"no end":             "{viewer{login",
		"no end of string":   `{repository(owner:"alice`,
		"no end of block":    `{repository(owner:"""alice`,
		"mutation":           `mutation {deleteEverything{id}}`,
		"subscription":       `subscription {everything{id}}`,
		"empty":              "{}",
		"no selections":      "{viewer}",
		"selections of text": "{viewer{login{x}}}",
		"deep":               strings.Repeat("{viewer", 100) + strings.Repeat("}", 100),
		"deep value":         "{repository(owner:" + strings.Repeat("[", 5000) + ")}",
		"unknown fields":     "{viewer{" + names.String() + "}}",
		"cycle":              "{...a} fragment a on Query {...a}",
		"growing cycle":      "{...a} fragment a on Query {...b ...b ...b ...b} fragment b on Query {...a ...a ...a ...a}",
		"growing fragments":  "{viewer{...fa}}" + cycle.String(),
		"unknown fragment":   "{...a}",
		"two operations":     "query A {viewer{login}} query B {viewer{login}}",
		"control characters": "{viewer\x00{login}}",
		"too large":          "{viewer{login}} #" + strings.Repeat("x ", 35_000),
		"long name":          "{viewer{" + strings.Repeat("x", 60_000) + "}}",
		"long alias":         "{__schema{types{" + strings.Repeat("x", 60_000) + ":name}}}",
		"one field again":    "{" + strings.Repeat("viewer{login}", 1000) + "}",
		"large answer":       "{" + aliases.String() + "}",
	}
}

func TestHostileQueriesAreRefused(t *testing.T) {
	s := newSite(t, "alice")
	for name, query := range hostile() {
		t.Run(name, func(t *testing.T) {
			got := s.query(query, nil)
			if !strings.HasPrefix(got, `{"errors":[{"message":"`) || len(got) > 3000 {
				t.Errorf("got %d bytes: %.300s", len(got), got)
			}
		})
	}
	t.Run("large body", func(t *testing.T) {
		if status, _ := s.ask(variables{"query": "{viewer{login}}", "variables": variables{"x": strings.Repeat("x", 1_200_000)}}); status < 400 || status > 499 {
			t.Errorf("status %d", status)
		}
	})
	const circles = "{__schema{types{fields{type{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}}}"
	if got := s.query(circles, nil); len(got) > 1<<20 {
		t.Errorf("introspection in circles: %d bytes", len(got))
	}
	again := s.query("{"+strings.Repeat("viewer{login}", 100)+"}", nil)
	if again != `{"data":{"viewer":{"login":"alice"}}}` {
		t.Errorf("one field 100 times: %.300s", again)
	}
}

func FuzzQuery(f *testing.F) {
	for _, query := range hostile() {
		f.Add(query)
	}
	for _, query := range []string{repositoryInfo, pullRequestForRun, pullRequestForBranch, features} {
		f.Add(query)
	}
	s := newSite(f, "alice")
	f.Fuzz(func(t *testing.T, query string) {
		site := *s
		site.TB = t
		_, text := site.ask(variables{"query": query})
		if !json.Valid([]byte(text)) || len(text) > 8<<20 {
			t.Errorf("%q: %d bytes: %.300s", query, len(text), text)
		}
	})
}

// object is the data of an answer.
func (s *site) object(query string, v variables) map[string]any {
	s.Helper()
	var answer struct{ Data map[string]any }
	text := s.query(query, v)
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Data == nil {
		s.Fatalf("%s", text)
	}
	return answer.Data
}
