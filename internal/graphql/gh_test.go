package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// What gh 2.100 sends for repositories and organizations, in our own words.
const (
	repositoryList = `
	query RepositoryList($perPage:Int!,$endCursor:String,$privacy:RepositoryPrivacy,$fork:Boolean%s) {
		%s {
			login
			repositories(first: $perPage, after: $endCursor, privacy: $privacy, isFork: $fork, ownerAffiliations: OWNER, orderBy: { field: PUSHED_AT, direction: DESC }) {
				nodes{nameWithOwner,description,isPrivate,isFork,isArchived,createdAt,pushedAt,visibility}
				totalCount
				pageInfo{hasNextPage,endCursor}
			}
		}
	}`
	repositoryListSearch = `
	query RepositoryListSearch($query:String!,$perPage:Int!,$endCursor:String) {
		search(type: REPOSITORY, query: $query, first: $perPage, after: $endCursor) {
			repositoryCount
			nodes{...on Repository{nameWithOwner,repositoryTopics(first:100){nodes{topic{name}}}}}
			pageInfo{hasNextPage,endCursor}
		}
	}`
	organizationList = `
	query OrganizationList($user: String!, $limit: Int!, $endCursor: String) {
		user(login: $user) {
			login
			organizations(first: $limit, after: $endCursor) { totalCount nodes { login } pageInfo { hasNextPage endCursor } }
		}
	}`
	userCurrent      = `query UserCurrent{viewer{login,organizations(first: 100){nodes{login}}}}`
	repositoryCreate = `
	mutation RepositoryCreate($input: CreateRepositoryInput!) {
		createRepository(input: $input) { repository { id name owner { login } url } }
	}`
	archiveRepository   = `mutation ArchiveRepository($input:ArchiveRepositoryInput!){archiveRepository(input: $input){repository{id}}}`
	unarchiveRepository = `mutation UnarchiveRepository($input:UnarchiveRepositoryInput!){unarchiveRepository(input: $input){repository{id}}}`
	updateRepository    = `mutation UpdateRepository($input: UpdateRepositoryInput!) { updateRepository(input: $input) { repository { id } } }`
)

func (s *site) scopes(scopes ...string) { s.caller.Token.Scopes = scopes }

func (s *site) answers(query string, v variables, want string) {
	s.Helper()
	if d := cmp.Diff(want, s.query(query, v)); d != "" {
		s.Error(d)
	}
}

func TestGhListsRepositories(t *testing.T) {
	s := newSite(t, "alice")
	const hello = `{"nameWithOwner":"alice/hello","description":null,"isPrivate":true,"isFork":false,"isArchived":false,"createdAt":"1970-01-01T00:00:00Z","pushedAt":null,"visibility":"PRIVATE"}`
	viewer, owner := fmt.Sprintf(repositoryList, "", "repositoryOwner: viewer"), fmt.Sprintf(repositoryList, ",$owner:String!", "repositoryOwner(login: $owner)")
	list := func(login, nodes string, total int, page string) string {
		return fmt.Sprintf(`{"data":{"repositoryOwner":{"login":"%s","repositories":{"nodes":[%s],"totalCount":%d,"pageInfo":%s}}}}`, login, nodes, total, page)
	}
	const last, none = `{"hasNextPage":false,"endCursor":"Y3Vyc29yOjE="}`, `{"hasNextPage":false,"endCursor":null}`
	got := strings.ReplaceAll(s.query(viewer, variables{"perPage": 30}), "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z")
	if d := cmp.Diff(list("alice", hello, 1, last), got); d != "" {
		t.Error(d)
	}
	s.answers(viewer, variables{"perPage": 30, "privacy": "PUBLIC"}, list("alice", "", 0, none))
	s.answers(viewer, variables{"perPage": 30, "fork": true}, list("alice", "", 0, none))
	s.answers(owner, variables{"perPage": 30, "owner": "nobody"}, `{"data":{"repositoryOwner":null}}`)
	if got := s.query(owner, variables{"perPage": 30, "owner": "guild"}); !strings.Contains(got, `"nameWithOwner":"guild/tools"`) {
		t.Errorf("those of guild: %s", got)
	}
	s.caller.Account = s.accounts["bob"]
	s.answers(owner, variables{"perPage": 30, "owner": "alice"}, list("alice", "", 0, none))
}

func TestGhFollowsTheCursorsOfALongList(t *testing.T) {
	s := newSite(t, "alice")
	want := map[string]bool{"alice/hello": true}
	for i := range 9 {
		name := fmt.Sprintf("r%d", i)
		s.repository(s.store, s.accounts["alice"], name, false)
		want["alice/"+name] = true
	}
	const query = `query($n:Int!,$c:String){viewer{repositories(first:$n,after:$c){nodes{nameWithOwner} totalCount pageInfo{hasNextPage endCursor}}}}`
	seen, after, more := map[string]bool{}, any(nil), true
	for size := 4; more; size-- { // parts of another size each
		answer := s.object(query, variables{"n": size, "c": after})
		list := answer["viewer"].(map[string]any)["repositories"].(map[string]any)
		for _, n := range list["nodes"].([]any) {
			name := n.(map[string]any)["nameWithOwner"].(string)
			if seen[name] {
				t.Errorf("%s comes twice", name)
			}
			seen[name] = true
		}
		if list["totalCount"] != 10.0 {
			t.Fatalf("list %v", list)
		}
		info := list["pageInfo"].(map[string]any)
		after, more = info["endCursor"], info["hasNextPage"].(bool)
	}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
	for _, v := range []variables{{"n": 101}, {"n": -1}, {"n": 1, "c": "x"}, {"n": 1, "c": "Y3Vyc29yOi0x"}, {"n": 1, "c": "Y3Vyc29yOjk5OTk5OTk5"}} {
		if got := s.query(query, v); !strings.Contains(got, `"type":"UNPROCESSABLE"`) {
			t.Errorf("%v: %s", v, got)
		}
	}
	if got := s.query("{viewer{repositories{totalCount}}}", nil); !strings.Contains(got, "You must provide a `first` or `last` value") {
		t.Errorf("without a number: %s", got)
	}
}

func TestGhSearchesRepositoriesByTheirState(t *testing.T) {
	s := newSite(t, "alice")
	s.repository(s.store, s.accounts["alice"], "open", false)
	for query, want := range map[string]string{
		"sort:updated-desc archived:false fork:true user:@me":             "alice/hello alice/open",
		"sort:updated-desc archived:true fork:true user:@me":              "",
		"sort:updated-desc fork:true is:public user:alice":                "alice/open",
		"sort:updated-desc fork:true is: user:guild":                      "guild/tools",
		"sort:updated-desc fork:true topic:x user:@me":                    "",
		"sort:updated-desc fork:only user:@me":                            "",
		"sort:updated-desc fork:true language:go user:@me":                "",
		"sort:updated-desc fork:true archived:false user:nobody":          "",
		"sort:updated-desc fork:true is:internal user:@me":                "",
		`sort:updated-desc fork:true topic:"%" user:alice`:                "",
		"sort:updated-desc fork:true archived:false is:private org:alice": "alice/hello",
	} {
		names := ""
		for _, name := range []string{"alice/hello", "alice/open", "guild/tools"} {
			if strings.Contains(s.query(repositoryListSearch, variables{"query": query, "perPage": 30}), `"`+name+`"`) {
				names = strings.TrimSpace(names + " " + name)
			}
		}
		if names != want {
			t.Errorf("%s finds %q, want %q", query, names, want)
		}
	}
	for _, query := range []string{"hello", "stars:>5", "archived:maybe"} {
		if got := s.query(repositoryListSearch, variables{"query": query, "perPage": 30}); !strings.Contains(got, `"type":"UNPROCESSABLE"`) {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestGhListsOrganizations(t *testing.T) {
	s := newSite(t, "alice")
	s.must(s.store.SetMember(t.Context(), s.accounts["guild"].ID, s.accounts["alice"].ID, false))
	asked := variables{"user": "alice", "limit": 30}
	if got := s.query(organizationList, asked); !strings.Contains(got, "requires one of the following scopes: ['read:org'], but your token has only been granted the: ['repo'] scopes.") {
		t.Errorf("without the scope: %s", got)
	}
	s.scopes("read:org")
	s.answers(organizationList, asked, `{"data":{"user":{"login":"alice","organizations":{"totalCount":1,"nodes":[{"login":"guild"}],"pageInfo":{"hasNextPage":false,"endCursor":"Y3Vyc29yOjE="}}}}}`)
	s.answers(userCurrent, nil, `{"data":{"viewer":{"login":"alice","organizations":{"nodes":[{"login":"guild"}]}}}}`)
	s.caller.Account = s.accounts["bob"]
	const hidden = `{"data":{"user":{"login":"alice","organizations":{"totalCount":0,"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}}`
	s.answers(organizationList, asked, hidden)
	s.must(s.store.SetMember(t.Context(), s.accounts["guild"].ID, s.accounts["bob"].ID, false))
	if got := s.query(organizationList, asked); got == hidden {
		t.Error("a member of the organization does not see that alice is one, too")
	}
	s.answers(organizationList, variables{"user": "guild", "limit": 1}, `{"data":{"user":null},"errors":[{"message":"Could not resolve to a User with the login of 'guild'.","type":"NOT_FOUND","path":["user"]}]}`)
}

func TestGhCreatesArchivesAndChangesRepositories(t *testing.T) {
	s := newSite(t, "alice")
	create := func(v variables) string { return s.query(repositoryCreate, variables{"input": v}) }
	got := create(variables{"name": "new", "visibility": "PRIVATE", "description": "d", "homepageUrl": "https://example.com", "hasIssuesEnabled": false, "hasWikiEnabled": true})
	repo, err := s.store.RepositoryByName(t.Context(), "alice", "new")
	s.must(err)
	id := shape.NodeID("Repository", repo.ID)
	if d := cmp.Diff(`{"data":{"createRepository":{"repository":{"id":"`+id+`","name":"new","owner":{"login":"alice"},"url":"http://h/alice/new"}}}}`, got); d != "" {
		t.Error(d)
	}
	if !repo.Private || repo.Description != "d" || repo.Homepage != "https://example.com" || repo.Options.HasIssues || !repo.Options.HasWiki {
		t.Errorf("it is %+v", repo)
	}
	of := variables{"input": variables{"repositoryId": id}}
	s.answers(archiveRepository, of, `{"data":{"archiveRepository":{"repository":{"id":"`+id+`"}}}}`)
	if repo, err = s.store.Repository(t.Context(), repo.ID); err != nil || !repo.Archived {
		t.Errorf("it is not archived: %v", err)
	}
	s.answers(unarchiveRepository, of, `{"data":{"unarchiveRepository":{"repository":{"id":"`+id+`"}}}}`)
	s.query(updateRepository, variables{"input": variables{"repositoryId": id, "hasWikiEnabled": false, "hasIssuesEnabled": true, "homepageUrl": ""}})
	if repo, err = s.store.Repository(t.Context(), repo.ID); err != nil || repo.Archived || !repo.Options.HasIssues || repo.Options.HasWiki || repo.Homepage != "" || repo.Description != "d" {
		t.Errorf("it is %+v (%v)", repo, err)
	}
	if got := create(variables{"name": "new", "visibility": "PUBLIC"}); !strings.Contains(got, `"type":"UNPROCESSABLE"`) || !strings.Contains(got, "already exists") {
		t.Errorf("a name that is taken: %s", got)
	}
}

func TestOnlyWhoMayChangesRepositoriesByGraphQL(t *testing.T) {
	s := newSite(t, "bob")
	private, public := shape.NodeID("Repository", 1), shape.NodeID("Repository", 2)
	of := func(id string) variables { return variables{"input": variables{"repositoryId": id}} }
	for id, want := range map[string]string{private: "NOT_FOUND", public: "FORBIDDEN", "x": "NOT_FOUND", shape.NodeID("Repository", 99): "NOT_FOUND", shape.NodeID("User", 1): "NOT_FOUND"} {
		for _, mutation := range []string{archiveRepository, unarchiveRepository, updateRepository} {
			if got := s.query(mutation, of(id)); !strings.Contains(got, `"type":"`+want+`"`) {
				t.Errorf("%s: %s", id, got)
			}
		}
	}
	guild, alice := s.accounts["guild"], s.accounts["alice"]
	for _, owner := range []string{shape.NodeID("Organization", guild.ID), shape.NodeID("User", alice.ID)} {
		if got := s.query(repositoryCreate, variables{"input": variables{"name": "x", "visibility": "PUBLIC", "ownerId": owner}}); !strings.Contains(got, `"type":"FORBIDDEN"`) {
			t.Errorf("%s: %s", owner, got)
		}
	}
	s.must(s.store.SetMember(t.Context(), guild.ID, s.accounts["bob"].ID, true))
	in := variables{"input": variables{"name": "x", "visibility": "PRIVATE", "ownerId": shape.NodeID("Organization", guild.ID)}}
	s.scopes("public_repo")
	if got := s.query(repositoryCreate, in); !strings.Contains(got, `"type":"FORBIDDEN"`) {
		t.Errorf("without the scope: %s", got)
	}
	s.scopes("repo")
	if got := s.query(repositoryCreate, in); !strings.Contains(got, `"url":"http://h/guild/x"`) {
		t.Errorf("an owner: %s", got)
	}
	for _, kind := range []actions.TokenKind{actions.FineGrained, actions.JobToken} {
		s.caller.Token.Kind = kind
		if got := s.query(repositoryCreate, variables{"input": variables{"name": "y", "visibility": "PUBLIC"}}); !strings.Contains(got, `"type":"FORBIDDEN"`) {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

func TestARequestHasFewMutations(t *testing.T) {
	s := newSite(t, "alice")
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, `a%d: createRepository(input:{name:"r%d",visibility:PUBLIC}){repository{id}} `, i, i)
	}
	if got := s.query("mutation {"+b.String()+"}", nil); strings.Count(got, `"repository":`) != 10 || !strings.Contains(got, "more than 10 mutations") {
		t.Errorf("got %s", got)
	}
}

func TestOnlyWhoMaySeesAndChangesPullRequestsByGraphQL(t *testing.T) {
	s := newSite(t, "bob")
	ids := map[int64]string{}
	for repo, author := range map[int64]string{1: "alice", 2: "alice"} { // alice/hello is private, guild/tools is public
		p := &actions.Pull{
			RepoID: repo, Title: "t", State: actions.PullOpen, Author: *s.accounts[author], BaseRef: "main", HeadRef: "x",
			HeadRepoID: repo, HeadOwner: *s.accounts[author],
		}
		s.must(s.store.Update(t.Context(), func(tx *store.Tx) error { return tx.CreatePull(t.Context(), p) }))
		ids[repo] = shape.NodeID("PullRequest", p.ID)
	}
	private, public := ids[1], ids[2]
	read := func(id string) string {
		return s.query(`query($id:ID!){node(id:$id){...on PullRequest{title}}}`, variables{"id": id})
	}
	if got := read(public); got != `{"data":{"node":{"title":"t"}}}` {
		t.Errorf("a public one: %s", got)
	}
	for _, id := range []string{private, "x", shape.NodeID("PullRequest", 99), shape.NodeID("Repository", 1)} {
		if got := read(id); !strings.Contains(got, `"type":"NOT_FOUND"`) {
			t.Errorf("%s: %s", id, got)
		}
	}
	for _, mutation := range []string{"close", "reopen", "merge", "convertToDraft", "update"} {
		kind := map[string]string{"convertToDraft": "ConvertPullRequestToDraft"}[mutation]
		if kind == "" {
			kind = strings.ToUpper(mutation[:1]) + mutation[1:] + "PullRequest"
		}
		query := fmt.Sprintf(`mutation($input:%sInput!){%s(input:$input){pullRequest{id}}}`, kind, strings.ToLower(kind[:1])+kind[1:])
		for id, want := range map[string]string{private: "NOT_FOUND", public: "FORBIDDEN"} {
			if got := s.query(query, variables{"input": variables{"pullRequestId": id}}); !strings.Contains(got, `"type":"`+want+`"`) {
				t.Errorf("%s of %s: %s", mutation, id, got)
			}
		}
	}
	search := func(q string) string {
		return s.query(`query($q:String!){search(query:$q,type:ISSUE,first:10){issueCount}}`, variables{"q": q})
	}
	for q, want := range map[string]string{
		"repo:guild/tools is:pr state:open author:alice": `{"data":{"search":{"issueCount":1}}}`,
		"repo:guild/tools is:pr author:@me":              `{"data":{"search":{"issueCount":0}}}`,
		"repo:alice/hello is:pr":                         `{"data":{"search":{"issueCount":0}}}`,
		"repo:nobody/none is:pr":                         `{"data":{"search":{"issueCount":0}}}`,
		"repo:guild/tools state:merged":                  `{"data":{"search":{"issueCount":0}}}`,
		"repo:guild/tools label:bug":                     `{"data":{"search":{"issueCount":0}}}`,
	} {
		if got := search(q); got != want {
			t.Errorf("%s: %s", q, got)
		}
	}
	for _, q := range []string{"is:pr", "repo:guild/tools words", "repo:guild/tools stars:5"} {
		if got := search(q); !strings.Contains(got, `"type":"UNPROCESSABLE"`) {
			t.Errorf("%s: %s", q, got)
		}
	}
}
