package selfhostedrunners_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// labelsOf are the labels in an answer, each as name:type, and their numbers.
func labelsOf(a map[string]any) (names []string, ids map[string]float64) {
	ids = make(map[string]float64)
	for _, l := range a["labels"].([]any) {
		l := l.(map[string]any)
		names = append(names, fmt.Sprint(l["name"], ":", l["type"]))
		ids[l["name"].(string)] = l["id"].(float64)
	}
	return names, ids
}

func TestCustomLabelsOfARunnerAreChanged(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		guild := s.Organization("guild")
		for scope, sc := range map[string]actions.Scope{"/repos/alice/hello": {RepoID: s.Repo.ID}, "/orgs/guild": {OwnerID: guild.ID}, site: {}} {
			r := add(s, sc, "box") // self-hosted and gpu
			one := fmt.Sprint(scope, "/actions/runners/", r.ID)
			for _, step := range []struct {
				method, path string
				labels       any
				want         []string
			}{
				{http.MethodGet, "", nil, []string{"self-hosted:read-only", "gpu:custom"}},
				{http.MethodPost, "", []string{" Big ", "GPU", "big"}, []string{"self-hosted:read-only", "gpu:custom", "Big:custom"}},
				{http.MethodDelete, "/GPU", nil, []string{"self-hosted:read-only", "Big:custom"}},
				{http.MethodPut, "", []string{"a", "b"}, []string{"self-hosted:read-only", "a:custom", "b:custom"}},
				{http.MethodDelete, "", nil, []string{"self-hosted:read-only"}},
				{http.MethodPost, "", []string{"a b"}, []string{"self-hosted:read-only", "a b:custom"}},
				{http.MethodDelete, "/a%20b", nil, []string{"self-hosted:read-only"}},
				{http.MethodPut, "", []string{}, []string{"self-hosted:read-only"}},
			} {
				var body any
				if step.labels != nil {
					body = resttest.Fields{"labels": step.labels}
				}
				a := s.Want(s.Do(step.method, one+"/labels"+step.path, s.AdminToken, body), http.StatusOK).JSON(s)
				if got, _ := labelsOf(a); !slices.Equal(got, step.want) || a["total_count"] != float64(len(got)) {
					s.Errorf("%s %s %v: %v of %v, want %v", step.method, step.path, step.labels, got, a["total_count"], step.want)
				}
				shown := s.Want(s.Do(http.MethodGet, one, s.AdminToken, nil), http.StatusOK).JSON(s)
				if got, _ := labelsOf(shown); !slices.Equal(got, step.want) {
					s.Errorf("after %s %s %v: %v, want %v", step.method, step.path, step.labels, got, step.want)
				}
			}
			s.Want(s.Do(http.MethodDelete, one+"/labels/none", s.AdminToken, nil), http.StatusNotFound)
			s.Want(s.Do(http.MethodDelete, one+"/labels/Self-Hosted", s.AdminToken, nil), http.StatusUnprocessableEntity)
			s.Want(s.Do(http.MethodPut, scope+"/actions/runners/9999/labels", s.AdminToken, nil), http.StatusNotFound)
			for _, bad := range []any{nil, "a", []string{}, []string{""}, []string{"a,b"}, []string{strings.Repeat("x", 300)}, many(101)} {
				s.Want(s.Do(http.MethodPost, one+"/labels", s.AdminToken, resttest.Fields{"labels": bad}), http.StatusUnprocessableEntity)
			}
			s.Want(s.Do(http.MethodPut, one+"/labels", s.AdminToken, resttest.Fields{"labels": many(100)}), http.StatusUnprocessableEntity) // with its own, too many
			entries, err := s.Store.AuditEntries(s.Context(), store.AuditFilter{}, 1)
			s.Must(err)
			if len(entries) != 1 || entries[0].Data["runner_name"] != "box" || !strings.HasSuffix(string(entries[0].Action), ".update_self_hosted_runner_labels") {
				s.Errorf("the audit log has %v", entries)
			}
		}
	})
}

func many(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("label", i)
	}
	return list
}

func TestALabelHasOneNumberWhereverItIs(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild")
	add(s, actions.Scope{RepoID: s.Repo.ID}, "one")
	add(s, actions.Scope{OwnerID: guild.ID}, "two")
	three := add(s, actions.Scope{}, "three")
	s.Want(s.Do(http.MethodPut, fmt.Sprint(site, "/actions/runners/", three.ID, "/labels"), s.AdminToken, resttest.Fields{"labels": []string{"other", "GPU"}}), http.StatusOK)
	numbers := make(map[string]map[float64]bool)
	for _, scope := range []string{"/repos/alice/hello", "/orgs/guild", site} {
		list := s.Want(s.Do(http.MethodGet, scope+"/actions/runners", s.AdminToken, nil), http.StatusOK).JSON(t)["runners"].([]any)
		_, ids := labelsOf(list[0].(map[string]any))
		for name, id := range ids {
			name = strings.ToLower(name)
			if numbers[name] == nil {
				numbers[name] = make(map[float64]bool)
			}
			numbers[name][id] = true
		}
	}
	all := make(map[float64]bool)
	for name, ids := range numbers {
		if len(ids) != 1 {
			t.Errorf("%s has the numbers %v", name, ids)
		}
		for id := range ids {
			all[id] = true
		}
	}
	if len(numbers) != 3 || len(all) != 3 || all[0] {
		t.Errorf("numbers %v, want one each", numbers)
	}
}

func TestTheRunnerOfGitHubIsFoundToDownload(t *testing.T) {
	s := resttest.New(t)
	s.Organization("guild")
	for _, scope := range []string{"/repos/alice/hello", "/orgs/guild", site} {
		systems := make(map[string]bool)
		a := s.Want(s.Do(http.MethodGet, scope+"/actions/runners/downloads", s.AdminToken, nil), http.StatusOK)
		var list []map[string]any
		a.Into(t, &list)
		for _, app := range list {
			systems[fmt.Sprint(app["os"], "-", app["architecture"])] = true
			if url, file := app["download_url"].(string), app["filename"].(string); !strings.HasPrefix(url, "https://github.com/actions/runner/releases/download/v") || !strings.HasSuffix(url, "/"+file) {
				t.Errorf("%v", app)
			}
		}
		for _, want := range []string{"linux-x64", "linux-arm64", "osx-arm64", "win-x64"} {
			if !systems[want] {
				t.Errorf("%s has no runner for %s: %v", scope, want, systems)
			}
		}
	}
}
