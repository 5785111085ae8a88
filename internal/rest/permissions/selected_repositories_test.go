package permissions_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// Selected repositories say what the caller may do with each and how it merges, as far as
// the token reaches.
func TestSelectedRepositoriesSayWhatTheTokenMay(t *testing.T) {
	d := newDesk(resttest.New(t))
	const selected = ofOrg + "/repositories"
	d.put(ofOrg, resttest.Fields{"enabled_repositories": "selected"}, http.StatusNoContent)
	d.put(selected, resttest.Fields{"selected_repository_ids": []int64{d.tool.ID, d.site.ID}}, http.StatusNoContent)
	for _, c := range []struct {
		scopes []string
		want   map[string][]any // by name: push, allow_squash_merge
	}{
		{[]string{"admin:org", "repo"}, map[string][]any{"tool": {true, true}, "site": {true, true}}},
		{[]string{"admin:org", "public_repo"}, map[string][]any{"tool": {nil, nil}, "site": {true, true}}},
		{[]string{"admin:org"}, map[string][]any{"tool": {nil, nil}, "site": {false, nil}}},
	} {
		got := make(map[string][]any)
		for _, v := range d.Want(d.Do(http.MethodGet, selected, d.Token(d.Alice, c.scopes...), nil), http.StatusOK).JSON(d)["repositories"].([]any) {
			repo := v.(map[string]any)
			may, _ := repo["permissions"].(map[string]any)
			got[repo["name"].(string)] = []any{may["push"], repo["allow_squash_merge"]}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v: %s", c.scopes, diff)
		}
	}
}
