package runnergroups_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

const site = "/enterprises/understudy"

// add registers a runner.
func add(s *resttest.Site, scope actions.Scope, name string) int64 {
	s.Helper()
	r := &actions.Runner{
		Scope: scope, Name: name, ClientID: uuid.NewString(), PublicKey: []byte("key"), CreatedAt: s.Now(),
		Labels: []actions.Label{{Name: "self-hosted", System: true}},
	}
	s.Must(s.Store.CreateRunner(s.Context(), r))
	return r.ID
}

// create makes a group and returns its path.
func create(s *resttest.Site, scope string, body resttest.Fields, headers ...string) string {
	s.Helper()
	made := s.Want(s.Do(http.MethodPost, scope+"/actions/runner-groups", s.AdminToken, body, headers...), http.StatusCreated).JSON(s)
	return fmt.Sprintf("%s/actions/runner-groups/%v", scope, made["id"])
}

// names are the names of what a list has.
func names(s *resttest.Site, path, list string) (all []string) {
	s.Helper()
	for _, item := range s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil), http.StatusOK).JSON(s)[list].([]any) {
		item := item.(map[string]any)
		name, ok := item["name"].(string)
		if !ok {
			name = item["login"].(string)
		}
		all = append(all, name)
	}
	return all
}

func (w want) of(s *resttest.Site, path, list string) {
	s.Helper()
	if got := names(s, path, list); !slices.Equal(got, w) {
		s.Errorf("%s: %q, want %q", path, got, w)
	}
}

type want []string

func TestGroupsAreMadeChangedAndRemoved(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		guild := s.Organization("guild")
		for i, version := range []string{"2022-11-28", "2026-03-10"} {
			header := "X-GitHub-Api-Version: " + version
			for scope, sc := range map[string]actions.Scope{"/orgs/guild": {OwnerID: guild.ID}, site: {}} {
				one, two := add(s, sc, fmt.Sprint("one", i)), add(s, sc, fmt.Sprint("two", i))
				path := create(s, scope, resttest.Fields{
					"name": "Big", "visibility": "all", "runners": []int64{one}, "allows_public_repositories": true,
					"restricted_to_workflows": true, "selected_workflows": []string{"guild/tools/.github/workflows/ci.yml@main"},
				}, header)
				got := s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil, header), http.StatusOK).JSON(s)
				if got["name"] != "Big" || got["default"] != false || got["allows_public_repositories"] != true || got["restricted_to_workflows"] != true || len(got["selected_workflows"].([]any)) != 1 {
					s.Errorf("group %v", got)
				}
				s.Want(s.Do(http.MethodPost, scope+"/actions/runner-groups", s.AdminToken, resttest.Fields{"name": "bIG"}), http.StatusConflict)
				s.Want(s.Do(http.MethodPost, scope+"/actions/runner-groups", s.AdminToken, resttest.Fields{"name": "default"}), http.StatusConflict)
				want{"Default", "Big"}.of(s, scope+"/actions/runner-groups", "runner_groups")
				want{fmt.Sprint("one", i)}.of(s, path+"/runners", "runners")
				s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/runners/", two), s.AdminToken, nil), http.StatusNoContent)
				want{fmt.Sprint("one", i), fmt.Sprint("two", i)}.of(s, path+"/runners", "runners")
				shown := s.Want(s.Do(http.MethodGet, scope+fmt.Sprint("/actions/runners/", two), s.AdminToken, nil, header), http.StatusOK).JSON(s)
				if shown["runner_group_id"] != got["id"] {
					s.Errorf("runner %v, want it in group %v", shown, got["id"])
				}
				s.Want(s.Do(http.MethodPut, path+"/runners", s.AdminToken, resttest.Fields{"runners": []int64{two}}), http.StatusNoContent)
				want{fmt.Sprint("two", i)}.of(s, path+"/runners", "runners")
				s.Want(s.Do(http.MethodDelete, path+fmt.Sprint("/runners/", two), s.AdminToken, nil), http.StatusNoContent)
				s.Want(s.Do(http.MethodDelete, path+fmt.Sprint("/runners/", two), s.AdminToken, nil), http.StatusNotFound)
				s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/runners/", one), s.AdminToken, nil), http.StatusNoContent)

				changed := s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "Small", "visibility": "selected"}, header), http.StatusOK).JSON(s)
				if changed["name"] != "Small" || changed["visibility"] != "selected" || changed["restricted_to_workflows"] != true {
					s.Errorf("changed to %v", changed)
				}
				s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil, header), http.StatusNoContent)
				s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil), http.StatusNotFound)
				s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNotFound)
				s.Want(s.Do(http.MethodDelete, scope+"/actions/runner-groups/1", s.AdminToken, nil), http.StatusUnprocessableEntity)
				if all := names(s, scope+"/actions/runner-groups/1/runners", "runners"); !slices.Contains(all, fmt.Sprint("one", i)) {
					s.Errorf("the default group has %q", all)
				}
			}
		}
	})
}

func TestAGroupIsForTheRepositoriesThatAreSelected(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild")
	tools, docs := s.Repository(guild, "tools", true), s.Repository(guild, "docs", true)
	path := create(s, "/orgs/guild", resttest.Fields{"name": "few", "visibility": "selected", "selected_repository_ids": []int64{tools.ID}})
	want{"tools"}.of(s, path+"/repositories", "repositories")
	s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/repositories/", docs.ID), s.AdminToken, nil), http.StatusNoContent)
	want{"tools", "docs"}.of(s, path+"/repositories", "repositories")
	s.Want(s.Do(http.MethodDelete, path+fmt.Sprint("/repositories/", tools.ID), s.AdminToken, nil), http.StatusNoContent)
	s.Want(s.Do(http.MethodPut, path+"/repositories", s.AdminToken, resttest.Fields{"selected_repository_ids": []int64{docs.ID}}), http.StatusNoContent)
	want{"docs"}.of(s, path+"/repositories", "repositories")
	want{"Default"}.of(s, "/orgs/guild/actions/runner-groups?visible_to_repository=tools", "runner_groups")
	want{"Default", "few"}.of(s, "/orgs/guild/actions/runner-groups?visible_to_repository=docs", "runner_groups")
	want(nil).of(s, "/orgs/guild/actions/runner-groups?visible_to_repository=nothing", "runner_groups")
	s.Want(s.Do(http.MethodPatch, path, s.AdminToken, resttest.Fields{"name": "few", "visibility": "all"}), http.StatusOK)
	s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/repositories/", tools.ID), s.AdminToken, nil), http.StatusConflict)
}

// A group, a runner or a repository of somebody else is as one that is not there.
func TestWhatBelongsToAnotherOrganizationIsRefused(t *testing.T) {
	s := resttest.New(t)
	guild, other := s.Organization("guild"), s.Organization("other")
	theirs, own := s.Repository(other, "tools", true), add(s, actions.Scope{OwnerID: guild.ID}, "own")
	foreign := []int64{add(s, actions.Scope{OwnerID: other.ID}, "theirs"), add(s, actions.Scope{}, "site"), add(s, actions.Scope{RepoID: s.Repo.ID}, "repository"), 9999}
	path := create(s, "/orgs/guild", resttest.Fields{"name": "few", "visibility": "selected"})
	shared := create(s, site, resttest.Fields{"name": "shared"})
	for _, id := range foreign {
		s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/runners/", id), s.AdminToken, nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodPut, path+"/runners", s.AdminToken, resttest.Fields{"runners": []int64{own, id}}), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPost, "/orgs/guild/actions/runner-groups", s.AdminToken, resttest.Fields{"name": "more", "runners": []int64{id}}), http.StatusUnprocessableEntity)
	}
	want(nil).of(s, path+"/runners", "runners")
	for _, id := range []int64{theirs.ID, s.Repo.ID, 9999} {
		s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/repositories/", id), s.AdminToken, nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodPut, path+"/repositories", s.AdminToken, resttest.Fields{"selected_repository_ids": []int64{id}}), http.StatusUnprocessableEntity)
	}
	elsewhere := strings.Replace(path, "guild", "other", 1)
	for method, want := range map[string]int{http.MethodGet: 404, http.MethodPatch: 404, http.MethodDelete: 404} {
		s.Want(s.Do(method, elsewhere, s.AdminToken, resttest.Fields{"name": "x"}), want)
		s.Want(s.Do(method, strings.Replace(path, "/orgs/guild", site, 1), s.AdminToken, resttest.Fields{"name": "x"}), want)
	}
	inherited := strings.Replace(shared, site, "/orgs/guild", 1)
	if got := s.Want(s.Do(http.MethodGet, inherited, s.AdminToken, nil), http.StatusOK).JSON(t); got["inherited"] != true {
		t.Errorf("inherited group %v", got)
	}
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		s.Want(s.Do(method, inherited, s.AdminToken, resttest.Fields{"name": "x"}), http.StatusForbidden)
	}
	body := resttest.Fields{"name": "a", "labels": []string{"x"}, "runner_group_id": 0}
	_, id, _ := strings.Cut(path, "runner-groups/")
	var number int64
	_, err := fmt.Sscan(id, &number)
	s.Must(err)
	body["runner_group_id"] = number
	s.Want(s.Do(http.MethodPost, "/orgs/other/actions/runners/generate-jitconfig", s.AdminToken, body), http.StatusNotFound)
	made := s.Want(s.Do(http.MethodPost, "/orgs/guild/actions/runners/generate-jitconfig", s.AdminToken, body), http.StatusCreated).JSON(t)
	if got := made["runner"].(map[string]any)["runner_group_id"]; got != float64(number) {
		t.Errorf("the runner is in group %v, want %d", got, number)
	}
}

func TestAGroupOfTheEnterpriseIsForTheOrganizationsThatAreSelected(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild")
	s.Organization("other")
	path := create(s, site, resttest.Fields{"name": "shared", "visibility": "selected", "selected_organization_ids": []int64{guild.ID}})
	want{"guild"}.of(s, path+"/organizations", "organizations")
	want{"Default", "shared"}.of(s, "/orgs/guild/actions/runner-groups", "runner_groups")
	want{"Default"}.of(s, "/orgs/other/actions/runner-groups", "runner_groups")
	want{"Default", "shared"}.of(s, site+"/actions/runner-groups?visible_to_organization=guild", "runner_groups")
	want{"Default"}.of(s, site+"/actions/runner-groups?visible_to_organization=other", "runner_groups")
	s.Want(s.Do(http.MethodDelete, path+fmt.Sprint("/organizations/", guild.ID), s.AdminToken, nil), http.StatusNoContent)
	want{"Default"}.of(s, "/orgs/guild/actions/runner-groups", "runner_groups")
	s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/organizations/", guild.ID), s.AdminToken, nil), http.StatusNoContent)
	s.Want(s.Do(http.MethodPut, path+fmt.Sprint("/organizations/", s.Alice.ID), s.AdminToken, nil), http.StatusNotFound)
	s.Want(s.Do(http.MethodPut, path+"/organizations", s.AdminToken, resttest.Fields{"selected_organization_ids": []int64{s.Alice.ID}}), http.StatusUnprocessableEntity)
	s.Want(s.Do(http.MethodPut, path+"/organizations", s.AdminToken, resttest.Fields{"selected_organization_ids": []int64{}}), http.StatusNoContent)
	want(nil).of(s, path+"/organizations", "organizations")
}

func TestAGroupThatCannotBeIsRefused(t *testing.T) {
	s := resttest.New(t)
	s.Organization("guild")
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("guild/tools/%d.yml@main", i)
	}
	for name, body := range map[string]resttest.Fields{
		"no name":              {"visibility": "all"},
		"an empty name":        {"name": ""},
		"a long name":          {"name": strings.Repeat("x", 65)},
		"a slash":              {"name": "org/big"},
		"a line break":         {"name": "a\nb"},
		"another visibility":   {"name": "x", "visibility": "public"},
		"a workflow alone":     {"name": "x", "selected_workflows": []string{"ci.yml"}},
		"a workflow, no ref":   {"name": "x", "selected_workflows": []string{"guild/tools/.github/workflows/ci.yml"}},
		"many workflows":       {"name": "x", "selected_workflows": many},
		"a network":            {"name": "x", "network_configuration_id": "1"},
		"runners in one piece": {"name": "x", "runners": 1},
	} {
		if a := s.Do(http.MethodPost, "/orgs/guild/actions/runner-groups", s.AdminToken, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
	s.Want(s.Do(http.MethodPost, site+"/actions/runner-groups", s.AdminToken, resttest.Fields{"name": "x", "visibility": "private"}), http.StatusUnprocessableEntity)
	want{"Default"}.of(s, "/orgs/guild/actions/runner-groups", "runner_groups")
	path := create(s, "/orgs/guild", resttest.Fields{"name": "x"})
	s.Want(s.Do(http.MethodDelete, path, s.AdminToken, nil), http.StatusNoContent)
	entries, err := s.Store.AuditEntries(s.Context(), store.AuditFilter{}, 2)
	s.Must(err)
	var said []string
	for _, e := range entries {
		said = append(said, fmt.Sprint(e.Action, " ", e.Org, " ", e.Data["runner_group_name"]))
	}
	slices.Sort(said)
	if d := []string{"org.runner_group_created guild x", "org.runner_group_removed guild x"}; !slices.Equal(said, d) {
		t.Errorf("the audit log says %q, want %q", said, d)
	}
}

func TestAGroupThatIsNotForSelectedOnesHasNoSelection(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild")
	tools := s.Repository(guild, "tools", true)
	of, shared := create(s, "/orgs/guild", resttest.Fields{"name": "all"})+"/repositories", create(s, site, resttest.Fields{"name": "everybody's"})+"/organizations"
	for path, id := range map[string]int64{of: tools.ID, shared: guild.ID} {
		s.Want(s.Do(http.MethodPut, path, s.AdminToken, resttest.Fields{"selected_repository_ids": []int64{id}, "selected_organization_ids": []int64{id}}), http.StatusConflict)
		for _, method := range []string{http.MethodPut, http.MethodDelete} {
			s.Want(s.Do(method, fmt.Sprint(path, "/", id), s.AdminToken, nil), http.StatusConflict)
		}
		if got := s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil), http.StatusOK).JSON(t); got["total_count"] != 0.0 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestSelectionsAndListsOfRunnersEndSomewhere(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild")
	tools := s.Repository(guild, "tools", true)
	path := create(s, "/orgs/guild", resttest.Fields{"name": "few", "visibility": "selected"})
	ids := make([]int64, 10_001)
	for i := range ids {
		ids[i] = tools.ID
	}
	for list, name := range map[string]string{"/repositories": "selected_repository_ids", "/runners": "runners"} {
		s.Want(s.Do(http.MethodPut, path+list, s.AdminToken, resttest.Fields{name: ids}), http.StatusUnprocessableEntity)
	}
	s.Want(s.Do(http.MethodPut, path+"/repositories", s.AdminToken, resttest.Fields{"selected_repository_ids": ids[:10_000]}), http.StatusNoContent)
	want{"tools"}.of(s, path+"/repositories", "repositories")
	shared := create(s, site, resttest.Fields{"name": "shared", "visibility": "selected"})
	s.Want(s.Do(http.MethodPut, shared+"/organizations", s.AdminToken, resttest.Fields{"selected_organization_ids": ids}), http.StatusUnprocessableEntity)
	for range 3 {
		add(s, actions.Scope{OwnerID: guild.ID}, uuid.NewString())
	}
	page := s.Want(s.Do(http.MethodGet, "/orgs/guild/actions/runner-groups/1/runners?per_page=2", s.AdminToken, nil), http.StatusOK)
	if got := page.JSON(t); got["total_count"] != 3.0 || len(got["runners"].([]any)) != 2 || !strings.Contains(page.Header.Get("Link"), `rel="next"`) {
		t.Errorf("page %v, link %q", got, page.Header.Get("Link"))
	}
}

func TestAnswersAboutGroupsSayWhatTheyNeedAndWhetherTheyChanged(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild", s.Alice)
	r := add(s, actions.Scope{OwnerID: guild.ID}, "box")
	group := create(s, "/orgs/guild", resttest.Fields{"name": "few", "visibility": "selected"})
	for _, path := range []string{
		"/orgs/guild/actions/runner-groups", group, group + "/runners", group + "/repositories",
		"/orgs/guild/actions/runners", fmt.Sprint("/orgs/guild/actions/runners/", r), fmt.Sprint("/orgs/guild/actions/runners/", r, "/labels"),
	} {
		a := s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil), http.StatusOK)
		tag := a.Header.Get("ETag")
		if got := a.Header.Get("X-Accepted-OAuth-Scopes"); tag == "" || got != "admin:org, manage_runners:org" {
			t.Errorf("%s: ETag %q, scopes %q", path, tag, got)
		}
		s.Want(s.Do(http.MethodGet, path, s.AdminToken, nil, "If-None-Match: "+tag), http.StatusNotModified)
		refused := s.Want(s.Do(http.MethodGet, path, s.Token(s.Alice, "repo"), nil), http.StatusForbidden).JSON(t)
		if url := fmt.Sprint(refused["documentation_url"]); !strings.HasPrefix(url, "https://docs.github.com/rest/actions/self-hosted-runner") || !strings.Contains(url, "#") {
			t.Errorf("%s: documentation %s", path, url)
		}
	}
}

func TestANameIsOfOneGroup(t *testing.T) {
	s := resttest.New(t)
	s.Organization("guild")
	for _, scope := range []string{"/orgs/guild", site} {
		create(s, scope, resttest.Fields{"name": "taken"})
		second := create(s, scope, resttest.Fields{"name": "second"})
		for name, status := range map[string]int{"TAKEN": 409, "Default": 409, "": 422, "Second": 200} {
			if a := s.Do(http.MethodPatch, second, s.AdminToken, resttest.Fields{"name": name}); a.StatusCode != status {
				t.Errorf("rename to %q: %d %s", name, a.StatusCode, a.Text)
			}
		}
		s.Want(s.Do(http.MethodPatch, scope+"/actions/runner-groups/1", s.AdminToken, resttest.Fields{"name": "Mine"}), http.StatusUnprocessableEntity)
	}
}
