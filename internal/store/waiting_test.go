package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestPrivateRepositoriesWithWaitingJobsAreListedByTheirOldest(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		sql := `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'octo', 'octo', 'User', 1, 1), (2, 'guild', 'guild', 'Organization', 1, 1);
insert into label_sets (id, key, labels) values (1, 'x', '["x"]'), (2, 'y', '["y"]');`
		for _, r := range []struct{ id, owner, private int }{{1, 1, 1}, {2, 1, 0}, {3, 2, 1}, {4, 1, 1}, {5, 1, 1}} {
			sql += fmt.Sprintf(`
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (%[1]d, %[2]d, 'r%[1]d', 'r%[1]d', %[3]d, 'main', 1, 1);
insert into workflows (id, repo_id, path, name, state, created_at, updated_at) values (%[1]d, %[1]d, 'ci.yml', 'CI', 'active', 1, 1);
insert into runs (id, repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, actor_id, attempt, triggering_id, status, created_at, started_at, updated_at)
  values (%[1]d, %[1]d, %[1]d, 1, 'CI', 't', 'ci.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'queued', 1, 1, 1);`, r.id, r.owner, r.private)
		}
		for i, j := range []struct {
			repo, owner, set int
			status, wait     string
		}{
			{2, 1, 1, "queued", ""}, // public
			{4, 1, 1, "completed", ""},
			{1, 1, 1, "queued", "max-parallel"},
			{3, 2, 1, "queued", ""},
			{5, 1, 2, "queued", ""}, // other labels
			{4, 1, 1, "queued", ""},
			{1, 1, 1, "queued", ""},
			{3, 2, 1, "queued", ""},
		} {
			sql += fmt.Sprintf(`
insert into jobs (id, run_id, repo_id, owner_id, attempt, guid, key, idx, total, name, label_set_id, labels, wait, timeout, cancel_timeout, status, created_at, queued_at)
  values (%[1]d, %[2]d, %[2]d, %[3]d, 1, 'guid-%[1]d', 'j%[1]d', 0, 1, 'a', %[4]d, '[]', '%[6]s', 1, 1, '%[5]s', 1, 1);`, i+1, j.repo, j.owner, j.set, j.status, j.wait)
		}
		makeOld(t, url, 13, sql)
		st := storetest.OpenURL(t, url)
		for _, c := range []struct {
			scope  actions.Scope
			set    int64
			public bool
			limit  int
			want   []int64
		}{
			{actions.Scope{}, 1, false, 10, []int64{3, 4, 1}},
			{actions.Scope{}, 1, false, 2, []int64{3, 4}},
			{actions.Scope{}, 2, false, 10, []int64{5}},
			{actions.Scope{OwnerID: 1}, 1, false, 10, []int64{4, 1}},
			{actions.Scope{OwnerID: 2}, 1, false, 10, []int64{3}},
			{actions.Scope{OwnerID: 2}, 2, false, 10, nil},
			{actions.Scope{}, 1, true, 10, []int64{2, 3, 4, 1}},
			{actions.Scope{OwnerID: 1}, 1, true, 2, []int64{2, 4}},
		} {
			list, err := st.WaitingRepositories(t.Context(), &store.LabelSet{ID: c.set}, c.scope, &actions.Access{Public: c.public}, c.limit)
			var got []int64
			for _, w := range list {
				got = append(got, w.RepoID)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("label set %d, %+v, at most %d: %v, %v, want %v", c.set, c.scope, c.limit, got, err, c.want)
			}
		}
	})
}

// Whether there was a server before is seen by its accounts: it has an admin.
func TestAnOlderServerGoesOnToAllowPublicRepositories(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want []store.Setting
	}{
		"new": {"select 1", nil},
		"old": {
			`insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'admin', 'admin', 'User', 1, 1)`,
			[]store.Setting{{Key: "allows_public_repositories", Value: "true"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachURL(t, func(t *testing.T, url string) {
				makeOld(t, url, 13, c.sql)
				st := storetest.OpenURL(t, url)
				got, err := st.Settings(t.Context(), 0, 0)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%+v, %v, want %+v", got, err, c.want)
				}
			})
		})
	}
}
