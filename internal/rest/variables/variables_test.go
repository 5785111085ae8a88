package variables_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A site has an organization with two repositories, and an environment of alice/hello.
type site struct {
	*resttest.Site

	open, closed *actions.Repository // of the organization: public and private
	owner        string              // token of its owner, who is alice
}

func each(t *testing.T, test func(s *site)) {
	t.Helper()
	resttest.Each(t, func(rs *resttest.Site) {
		org := rs.Organization("acme", rs.Alice)
		s := &site{Site: rs, owner: rs.Token(rs.Alice, "repo", "admin:org")}
		s.open, s.closed = s.Repository(org, "open", false), s.Repository(org, "closed", true)
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
			_, err := tx.AddEnvironment(s.Context(), &actions.Environment{RepoID: s.Repo.ID, Name: "Production", CreatedAt: s.Now(), UpdatedAt: s.Now()})
			return err
		}))
		test(s)
	})
}

// holders are the paths before /variables.
var holders = []string{"/orgs/acme/actions", "/repos/alice/hello/actions", "/repos/alice/hello/environments/PRODUCTION"}

// with is a body, for an organization with a visibility.
func with(holder string, body resttest.Fields) resttest.Fields {
	if strings.HasPrefix(holder, "/orgs/") && body["visibility"] == nil {
		body["visibility"] = "all"
	}
	return body
}

func (s *site) get(path string) map[string]any {
	s.Helper()
	return s.Want(s.Do(http.MethodGet, path, s.owner, nil), http.StatusOK).JSON(s)
}

func (s *site) do(method, path string, body any, status int) {
	s.Helper()
	s.Want(s.Do(method, path, s.owner, body), status)
}

func TestAVariableIsMadeChangedListedAndDeleted(t *testing.T) {
	each(t, func(s *site) {
		for _, holder := range holders {
			list := holder + "/variables"
			a := s.Do(http.MethodPost, list, s.owner, with(holder, resttest.Fields{"name": "color", "value": "red"}))
			if s.Want(a, http.StatusCreated); len(a.JSON(s)) != 0 {
				s.Errorf("%s: %s", list, a.Text)
			}
			s.Refused(s.Do(http.MethodPost, list, s.owner, with(holder, resttest.Fields{"name": "COLOR", "value": "blue"})), http.StatusConflict, "Already exists - Variable already exists")
			s.do(http.MethodPost, list, with(holder, resttest.Fields{"name": "A", "value": ""}), http.StatusCreated)
			is := func(name, value string) {
				s.Helper()
				if got := s.get(list + "/" + name); got["name"] != strings.ToUpper(name) || got["value"] != value {
					s.Errorf("%s: %v, want %q", name, got, value)
				}
			}
			is("Color", "red")
			is("A", "")
			s.do(http.MethodPatch, list+"/color", resttest.Fields{"value": "green"}, http.StatusNoContent)
			is("COLOR", "green")
			s.do(http.MethodPatch, list+"/color", resttest.Fields{"name": "hue"}, http.StatusNoContent)
			is("HUE", "green")
			s.do(http.MethodGet, list+"/COLOR", nil, http.StatusNotFound)
			s.do(http.MethodPatch, list+"/hue", resttest.Fields{"name": "a"}, http.StatusConflict)
			s.do(http.MethodPatch, list+"/hue", resttest.Fields{"name": "1a"}, http.StatusUnprocessableEntity)
			s.do(http.MethodPatch, list+"/hue", resttest.Fields{}, http.StatusNoContent)
			s.do(http.MethodPatch, list+"/none", resttest.Fields{"value": "x"}, http.StatusNotFound)
			if got := s.get(list); got["total_count"] != 2.0 || got["variables"].([]any)[1].(map[string]any)["value"] != "green" {
				s.Errorf("%s: %v", list, got)
			}
			s.do(http.MethodDelete, list+"/hue", nil, http.StatusNoContent)
			s.do(http.MethodDelete, list+"/hue", nil, http.StatusNotFound)
			s.do(http.MethodDelete, list+"/no-name", nil, http.StatusNotFound)
		}
	})
}

func TestAPageHasTenVariablesAndAtMostThirty(t *testing.T) {
	each(t, func(s *site) {
		list := holders[1] + "/variables"
		for i := range 31 {
			s.do(http.MethodPost, list, resttest.Fields{"name": fmt.Sprintf("V%d", i), "value": "x"}, http.StatusCreated)
		}
		for query, want := range map[string]int{"": 10, "?per_page=100": 30, "?per_page=30&page=2": 1} {
			if got := s.get(list + query); got["total_count"] != 31.0 || len(got["variables"].([]any)) != want {
				s.Errorf("%q: %d of %v", query, len(got["variables"].([]any)), got["total_count"])
			}
		}
	})
}

func TestAVariableIsRefusedThatCannotBe(t *testing.T) {
	each(t, func(s *site) {
		for _, holder := range holders {
			list := holder + "/variables"
			const names = "Variable names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_)."
			for name, message := range map[string]string{"1A": names, "A B": names, "A-B": names, "": names, "GITHUB_X": "Variable names must not start with GITHUB_.", strings.Repeat("a", 300): "Variable names are too long (maximum is 255 characters)"} {
				s.Refused(s.Do(http.MethodPost, list, s.owner, with(holder, resttest.Fields{"name": name, "value": "x"})), http.StatusUnprocessableEntity, message)
			}
			for name, body := range map[string]resttest.Fields{
				"no name": {"value": "x"}, "no value": {"name": "A"}, "a number": {"name": "A", "value": 7},
				"48 KB and one": {"name": "A", "value": strings.Repeat("x", 48*1024+1)}, "NUL": {"name": "A", "value": "a\x00b"},
			} {
				if a := s.Do(http.MethodPost, list, s.owner, with(holder, body)); a.StatusCode != http.StatusUnprocessableEntity {
					s.Errorf("%s, %s: %d", holder, name, a.StatusCode)
				}
			}
			s.do(http.MethodPost, list, with(holder, resttest.Fields{"name": "A", "value": strings.Repeat("x", 48*1024)}), http.StatusCreated)
		}
		s.do(http.MethodPost, holders[0]+"/variables", resttest.Fields{"name": "B", "value": "x"}, http.StatusUnprocessableEntity)
	})
}

func TestAnEnvironmentHasAtMostAHundredVariables(t *testing.T) {
	each(t, func(s *site) {
		list := holders[2] + "/variables"
		for i := range 100 {
			s.do(http.MethodPost, list, resttest.Fields{"name": fmt.Sprintf("V%d", i), "value": "x"}, http.StatusCreated)
		}
		s.do(http.MethodPost, list, resttest.Fields{"name": "MORE", "value": "x"}, http.StatusUnprocessableEntity)
		s.do(http.MethodPatch, list+"/V7", resttest.Fields{"value": "y"}, http.StatusNoContent)
	})
}

func TestAnOrganizationsVariableIsForTheRepositoriesOfItsVisibility(t *testing.T) {
	each(t, func(s *site) {
		const list = "/orgs/acme/actions/variables"
		shared := func(repo string, want ...string) {
			s.Helper()
			got := s.get("/repos/acme/" + repo + "/actions/organization-variables")
			var names []string
			for _, one := range got["variables"].([]any) {
				names = append(names, one.(map[string]any)["name"].(string))
			}
			if fmt.Sprint(names) != fmt.Sprint(want) || got["total_count"] != float64(len(want)) {
				s.Errorf("%s: %v, want %v", repo, got, want)
			}
		}
		s.do(http.MethodPost, list, resttest.Fields{"name": "ALL", "value": "x", "visibility": "all"}, http.StatusCreated)
		s.do(http.MethodPost, list, resttest.Fields{"name": "PRIVATE", "value": "x", "visibility": "private"}, http.StatusCreated)
		s.do(http.MethodPost, list, resttest.Fields{"name": "SOME", "value": "x", "visibility": "selected", "selected_repository_ids": []int64{s.open.ID}}, http.StatusCreated)
		s.do(http.MethodPost, list, resttest.Fields{"name": "BAD", "value": "x", "visibility": "selected", "selected_repository_ids": []int64{s.Repo.ID}}, http.StatusUnprocessableEntity)
		s.do(http.MethodPost, list, resttest.Fields{"name": "BAD", "value": "x", "visibility": "nobody"}, http.StatusUnprocessableEntity)
		shared("open", "ALL", "SOME")
		shared("closed", "ALL", "PRIVATE")
		s.do(http.MethodPatch, list+"/some", resttest.Fields{"name": "any"}, http.StatusNoContent)
		shared("open", "ALL", "ANY") // still selected
		repositories := list + "/any/repositories"
		if got := s.get(repositories); got["total_count"] != 1.0 {
			s.Errorf("selected: %v", got)
		}
		s.do(http.MethodPut, fmt.Sprintf("%s/%d", repositories, s.closed.ID), nil, http.StatusNoContent)
		shared("closed", "ALL", "ANY", "PRIVATE")
		s.do(http.MethodDelete, fmt.Sprintf("%s/%d", repositories, s.closed.ID), nil, http.StatusNoContent)
		s.do(http.MethodPut, repositories, resttest.Fields{"selected_repository_ids": []int64{s.closed.ID}}, http.StatusNoContent)
		shared("open", "ALL")
		for _, try := range []struct {
			method, path string
			body         any
		}{
			{http.MethodGet, "", nil},
			{http.MethodPut, "", resttest.Fields{"selected_repository_ids": []int64{s.open.ID}}},
			{http.MethodPut, fmt.Sprint("/", s.open.ID), nil},
			{http.MethodDelete, fmt.Sprint("/", s.open.ID), nil},
		} {
			s.do(try.method, list+"/ALL/repositories"+try.path, try.body, http.StatusConflict)
		}
		s.do(http.MethodPatch, list+"/any", resttest.Fields{"visibility": "private"}, http.StatusNoContent)
		s.do(http.MethodPatch, list+"/any", resttest.Fields{"visibility": "selected"}, http.StatusNoContent)
		if got := s.get(repositories); got["total_count"] != 0.0 {
			s.Errorf("selected again: %v", got)
		}
	})
}

func TestWhoMayNotWriteHasNothingToDoWithVariables(t *testing.T) {
	each(t, func(s *site) {
		bob := s.User("bob")
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, bob.ID, actions.Read))
		for who, token := range map[string]string{"a reader": s.Token(bob, "repo", "admin:org"), "a job": s.JobToken(s.Repo, map[string]string{"contents": "write", "actions": "write"})} {
			for _, holder := range holders {
				for _, try := range []struct{ method, path string }{{http.MethodGet, ""}, {http.MethodPost, ""}, {http.MethodGet, "/A"}, {http.MethodPatch, "/A"}, {http.MethodDelete, "/A"}} {
					a := s.Do(try.method, holder+"/variables"+try.path, token, with(holder, resttest.Fields{"name": "A", "value": "x"}))
					if a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusNotFound {
						s.Errorf("%s: %s %s%s: %d", who, try.method, holder, try.path, a.StatusCode)
					}
				}
			}
		}
	})
}
