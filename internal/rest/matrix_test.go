package rest_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// A caller of the matrix is somebody with a token.
type matrixCaller struct {
	name  string
	token string

	role      actions.Permission // on guild/hello, or on all of guild if owner
	owner     bool               // of guild
	siteAdmin bool

	classic bool // with scopes; others have permissions
	scopes  bool // all that there are
	reaches bool // of a token with permissions: guild/hello is in it
	whole   bool // of a fine-grained token: it is for all repositories, and for organizations
	access  auth.Level
}

// matrixCallers are everybody that there is: each person with and without scopes, with a
// fine-grained token that may write, read or do nothing, and tokens of jobs.
func matrixCallers(s *resttest.Site, org *actions.Account, repo *actions.Repository, permissions map[string]bool) []matrixCaller {
	s.Helper()
	grant := func(level auth.Level) map[string]string {
		access := make(map[string]string)
		if level != "" {
			for p := range permissions {
				access[p] = string(level)
			}
		}
		return access
	}
	callers := []matrixCaller{{name: "nobody"}}
	for _, p := range []struct {
		name      string
		role      actions.Permission
		owner     bool
		siteAdmin bool
	}{
		{"an outsider", actions.NoAccess, false, false},
		{"a reader", actions.Read, false, false},
		{"a writer", actions.Write, false, false},
		{"an admin of the repository", actions.Admin, false, false},
		{"an owner", actions.Admin, true, false},
		{"a site admin", actions.Admin, true, true},
	} {
		account := s.Account(&actions.Account{Login: strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(p.name, "an "), "a "), " ", "-"), Type: actions.User, SiteAdmin: p.siteAdmin})
		if p.owner && !p.siteAdmin {
			s.Must(s.Store.SetMember(s.Context(), org.ID, account.ID, true))
		} else if !p.owner && p.role > actions.NoAccess {
			s.Must(s.Store.SetCollaborator(s.Context(), repo.ID, account.ID, p.role))
		}
		c := matrixCaller{role: p.role, owner: p.owner, siteAdmin: p.siteAdmin}
		for _, scopes := range []bool{true, false} {
			c := c
			c.name, c.classic, c.scopes = p.name+map[bool]string{true: " with all scopes", false: " without a scope"}[scopes], true, scopes
			c.token = s.Token(account, map[bool][]string{true: actions.Scopes(), false: nil}[scopes]...)
			callers = append(callers, c)
		}
		for _, level := range []auth.Level{auth.WriteLevel, auth.ReadLevel, ""} {
			c := c
			c.name, c.access, c.reaches, c.whole = fmt.Sprintf("%s with a fine-grained token (%q)", p.name, level), level, true, true
			c.token = s.TokenAs(&actions.Token{AccountID: account.ID, Kind: actions.FineGrained, Access: grant(level)})
			callers = append(callers, c)
		}
		other := s.Repository(account, "other", true)
		c.name, c.access = p.name+" with a fine-grained token of another repository", auth.WriteLevel
		c.token = s.TokenAs(&actions.Token{AccountID: account.ID, Kind: actions.FineGrained, RepoID: other.ID, Access: grant(auth.WriteLevel)})
		callers = append(callers, c)
	}
	for _, level := range []auth.Level{auth.WriteLevel, auth.ReadLevel, ""} {
		callers = append(callers, matrixCaller{
			name: fmt.Sprintf("a job (%q)", level), role: actions.Write, reaches: true, access: level,
			token: s.JobToken(repo, grant(level)),
		})
	}
	other := s.Repository(org, "other", true)
	return append(callers, matrixCaller{name: "a job of another repository", access: auth.WriteLevel, token: s.JobToken(other, grant(auth.WriteLevel))})
}

func (c *matrixCaller) anonymous() bool { return c.token == "" }

// job says whether the caller is one: it is nobody's account.
func (c *matrixCaller) job() bool { return strings.HasPrefix(c.name, "a job") }

// covers says whether a token with permissions has what n asks for.
func (c *matrixCaller) covers(n auth.Need) bool {
	return c.access == auth.WriteLevel || c.access == auth.ReadLevel && n.AccessLevel() == auth.ReadLevel
}

// refusals are the statuses by which a caller may be told that they may not do what n
// says; none if they may. It is written from what GitHub documents, not from the code:
// what is private does not exist for who may not read it, and who may read it is told
// what is missing.
func (c *matrixCaller) refusals(n auth.Need) []int {
	const hidden, missing, unknown = http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized
	switch n.On {
	case auth.Repo:
		reads := c.role >= actions.Read
		if c.classic {
			reads = reads && c.scopes
		} else {
			reads = reads && c.reaches
		}
		metadata := n.Permission == "" || n.Permission == "metadata"
		switch {
		case c.anonymous() || !reads:
			return []int{hidden}
		case !c.classic && metadata && n.AccessLevel() == auth.WriteLevel, !c.classic && !metadata && !c.covers(n), c.role < n.Role:
			return []int{missing}
		}
	case auth.Org, auth.User:
		switch {
		case n.Public:
		case c.anonymous():
			return []int{unknown}
		case c.job():
			return []int{missing}
		case n.Role < actions.Admin:
		case c.classic && !c.scopes, !c.classic && (!c.whole || n.Permission == "" || !c.covers(n)), n.On == auth.Org && !c.owner:
			return []int{missing}
		}
	case auth.Enterprise, auth.Site:
		switch {
		case n.Public:
		case c.anonymous():
			return []int{unknown}
		case n.Role < actions.Admin && c.job():
			return []int{missing}
		case n.Role < actions.Admin:
		case !c.siteAdmin || !c.classic || !c.scopes:
			return []int{hidden}
		}
	}
	return nil
}

// Every route is called by everybody. Who may not do what it does is told so by the
// status that GitHub has for that, in GitHub's shape, before anything is done; who may
// read gets an answer. Nobody gets one that the table does not say.
func TestEveryRouteAnswersEverybodyAsTheTableSays(t *testing.T) {
	s := resttest.New(t)
	w := newClientWorld(s)
	w.enterpriseSelects()
	permissions := make(map[string]bool)
	for _, rt := range s.Server.Routes() {
		if p := rt.Need.Permission; p != "" && p != "metadata" {
			permissions[p] = true
		}
	}
	callers := matrixCallers(s, &w.repo.Owner, w.repo, permissions)
	calls, allowed := 0, 0
	for _, rt := range s.Server.Routes() {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		path, ok := w.fill(path)
		if !ok {
			t.Errorf("%s has a parameter without a value: give it one in newClientWorld", rt.Pattern)
			continue
		}
		for _, c := range callers {
			refusals := c.refusals(rt.Need)
			if refusals == nil && (method != http.MethodGet || strings.HasSuffix(path, "/audit-log")) {
				continue // tests of its page do it
			}
			calls++
			var headers []string
			if c.token != "" {
				headers = append(headers, "Authorization: Bearer "+c.token)
			}
			a := s.Do(method, path, "", nil, headers...)
			switch {
			case refusals == nil && a.StatusCode >= http.StatusBadRequest:
				t.Errorf("%s: %s %s answers %d: %s", c.name, method, path, a.StatusCode, a.Text)
			case refusals == nil:
				allowed++
			case a.StatusCode != refusals[0]:
				t.Errorf("%s: %s %s answers %d, want %v: %s", c.name, method, path, a.StatusCode, refusals, a.Text)
			default:
				body := a.JSON(t)
				if body["message"] == "" || body["documentation_url"] == "" || body["status"] != fmt.Sprint(a.StatusCode) || len(body) != 3 {
					t.Errorf("%s: %s %s: %s", c.name, method, path, a.Text)
				}
			}
		}
	}
	t.Logf("%d calls, of which %d were allowed", calls, allowed)
	if calls < 2000 || allowed < 200 {
		t.Error("those are too few")
	}
}

// An id of something in another repository, or of another organization, names nothing:
// not for reading, and not for changing it.
func TestIdsOfAnotherRepositoryAreNotFound(t *testing.T) {
	s := resttest.New(t)
	w := newClientWorld(s)
	bob := s.User("bob")
	token := s.Token(bob, actions.Scopes()...)
	others := s.Organization("others", bob)
	own := s.Repository(others, "hello", true)
	selects(s, others, own)
	s.Site.Push(own, "main", token, map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow, "README.md": "# Hello\n"})
	foreign := *w
	foreign.values = maps.Clone(w.values)
	foreign.values["owner"], foreign.values["org"] = own.Owner.Login, own.Owner.Login
	tried := 0
	for _, rt := range s.Server.Routes() {
		method, pattern, _ := strings.Cut(rt.Pattern, " ")
		path, ok := foreign.fill(pattern)
		if !ok || !idParameter.MatchString(pattern) || rt.Need.On != auth.Repo && rt.Need.On != auth.Org {
			continue
		}
		tried++
		if a := s.Do(method, path, token, resttest.Fields{"ref": "main", "name": "x"}); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s answers %d: %s", method, path, a.StatusCode, a.Text)
		}
	}
	if tried < 30 {
		t.Errorf("only %d routes have an id", tried)
	}
	for _, name := range []string{"GetWorkflowRunByID", "GetWorkflowJobByID", "GetArtifact", "GetRunner", "GetOrganizationRunner"} {
		if err := w.call(name, methodsOfActions(t)[name], nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// idParameter is an id that the server has given.
var idParameter = regexp.MustCompile(`\{(deployment|status|run|job|artifact|release|asset|cache|workflow|check_run|check_suite|runner|runner_group|repository)_id\}`)

// fill gives the parameters of a pattern their values.
func (w *clientWorld) fill(pattern string) (path string, ok bool) {
	values := maps.Clone(w.values)
	switch {
	case strings.HasPrefix(pattern, "/orgs/"):
		maps.Copy(values, w.special["GetOrganizationRunner"])
	case strings.HasPrefix(pattern, "/enterprises/"):
		maps.Copy(values, w.sites)
	}
	ok = true
	path = parameter.ReplaceAllStringFunc(pattern, func(p string) string {
		name := strings.Trim(p, "{}")
		v, has := values[camel(name)]
		if !has {
			v, has = matrixValues[name]
		}
		ok = ok && has
		return fmt.Sprint(v)
	})
	return path, ok
}

// matrixValues are those of parameters that no method of a client takes by that name.
var matrixValues = map[string]any{
	"$": "", "username": "alice", "path...": "README.md", "dir...": "", "ref": "main", "ref...": "heads/main", "branch...": "main", "branch": "main", "archive_format": "zip", "token_id": 1, "sha": "main",
}

// camel is a parameter's name as go-github writes it.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.ReplaceAll(strings.Join(words, ""), "Id", "ID")
}
