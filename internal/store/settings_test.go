package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestSettingsOfOtherScopesAreNotListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		save := func(sc actions.Scope, value string) store.Setting {
			t.Helper()
			s := store.Setting{Scope: sc, Key: "key", Value: value}
			if err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveSetting(t.Context(), s) }); err != nil {
				t.Fatal(err)
			}
			return s
		}
		save(actions.Scope{OwnerID: 7}, "0")
		site, owner, repo := save(actions.Scope{}, "1"), save(actions.Scope{OwnerID: 7}, "2"), save(actions.Scope{RepoID: 7}, "3")
		for _, c := range []struct {
			owner, repo int64
			want        []store.Setting
		}{{0, 0, []store.Setting{site}}, {7, 0, []store.Setting{site, owner}}, {7, 7, []store.Setting{site, owner, repo}}, {8, 8, []store.Setting{site}}} {
			got := map[actions.Scope]store.Setting{}
			list, err := st.Settings(t.Context(), c.owner, c.repo)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				got[s.Scope] = s
			}
			want := map[actions.Scope]store.Setting{}
			for _, s := range c.want {
				want[s.Scope] = s
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("of repository %d, account %d: %s", c.repo, c.owner, d)
			}
		}
	})
}

func TestSettingsAreFoundByTheirScope(t *testing.T) {
	q := storetest.Open(t).Explain()
	if _, err := q.Settings(t.Context(), 1, 1); err != nil {
		t.Fatal(err)
	}
	for _, plan := range *q.Plans {
		if strings.HasPrefix(plan, "SCAN") {
			t.Errorf("%s, of %q", plan, *q.Plans)
		}
	}
}

func TestWhatAnOlderDatabaseHasSetIsKept(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		makeOld(t, url, 6, `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'octo', 'octo', 'User', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at, artifact_days, cache_gb, cache_days) values
  (1, 1, 'all', 'all', 0, 'main', 1, 1, 30, 10000, 365), (2, 1, 'none', 'none', 0, 'main', 1, 1, 0, 0, 0), (3, 1, 'one', 'one', 1, 'main', 1, 1, 400, 0, 0);
`)
		st := storetest.OpenURL(t, url)
		for id, want := range map[int64]map[string]string{
			1: {"retention_days": "30", "cache_bytes": "10737418240000", "cache_days": "365"}, 2: {}, 3: {"retention_days": "400"},
		} {
			list, err := st.Settings(t.Context(), 1, id)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, s := range list {
				if s.Scope.RepoID == id {
					got[s.Key] = s.Value
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("repository %d: %s", id, d)
			}
		}
		if r, err := st.Repository(t.Context(), 3); err != nil || !r.Private || r.DefaultBranch != "main" {
			t.Errorf("the repository that set it: %+v, %v", r, err)
		}
	})
}
