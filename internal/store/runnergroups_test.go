package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// What runners and jobs of before there were groups have become: of the default one.
func TestADatabaseFromBeforeRunnerGroupsGoesOnWithTheDefaultOne(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		sql := `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'a', 'a', 'Organization', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (1, 1, 'r', 'r', 1, 'main', 1, 1);
insert into workflows (id, repo_id, path, name, state, created_at, updated_at) values (1, 1, 'ci.yml', 'CI', 'active', 1, 1);
insert into runs (id, repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, actor_id, attempt, triggering_id, status, created_at, started_at, updated_at)
  values (1, 1, 1, 1, 'CI', 't', 'ci.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'queued', 1, 1, 1);
insert into runners (id, owner_id, name, labels, client_id, public_key, created_at) values (1, 1, 'box', '[{"Name":"x"}]', 'c', '', 1);
insert into label_sets (id, key, runner_group, labels) values (1, 'x', 'DEFAULT', '["x"]'), (2, 'x` + "\n" + `gpu', 'gpu', '["x"]');`
		for i, j := range []struct {
			set, runner   int
			group, status string
		}{{1, 0, "DEFAULT", "queued"}, {1, 0, "", "queued"}, {2, 0, "gpu", "queued"}, {1, 1, "default", "completed"}} {
			sql += fmt.Sprintf(`
insert into jobs (id, run_id, repo_id, owner_id, attempt, guid, key, idx, total, name, label_set_id, labels, runner_group, timeout, cancel_timeout, status, runner_id, created_at, queued_at)
  values (%[1]d, 1, 1, 1, 1, 'guid-%[1]d', 'j%[1]d', 0, 1, 'a', %[2]d, '["x"]', '%[3]s', 1, 1, '%[4]s', %[5]d, 1, 1);`, i+1, j.set, j.group, j.status, j.runner)
		}
		makeOld(t, url, 16, sql)
		st := storetest.OpenURL(t, url)
		ctx, org := t.Context(), actions.Scope{OwnerID: 1}
		r, err := st.Runner(ctx, 1)
		if err != nil || r.GroupID != actions.DefaultGroupID || r.Group != actions.DefaultGroup {
			t.Errorf("the runner is in %d %q, %v", r.GroupID, r.Group, err)
		}
		ended, err := st.Job(ctx, 4)
		if err != nil || ended.RunnerGroupID != actions.DefaultGroupID || ended.RunnerGroup != actions.DefaultGroup {
			t.Errorf("the job was done by a runner of %d %q, %v", ended.RunnerGroupID, ended.RunnerGroup, err)
		}
		sets, err := st.WaitingLabelSets(ctx)
		slices.SortFunc(sets, func(a, b *store.LabelSet) int { return int(a.ID - b.ID) })
		if err != nil || len(sets) != 2 || sets[0].Group != "" || sets[1].Group != "gpu" {
			t.Fatalf("label sets %v, %v", sets, err)
		}
		for i, want := range []int{2, 1} {
			jobs, err := st.NextJobs(ctx, sets[i], org, 9)
			if err != nil || len(jobs) != want {
				t.Errorf("%d jobs wait for the group %q (%v), want %d", len(jobs), sets[i].Group, err, want)
			}
		}
		first, err := st.WaitingJob(ctx, 1)
		if err != nil || first.Group != "" {
			t.Errorf("the job that named the default group names %q, %v", first.Group, err)
		}
		groups, err := st.RunnerGroups(ctx, org)
		if err != nil || len(groups) != 1 || !groups[0].Default() || groups[0].Visibility != actions.GroupForAll || groups[0].Restricted {
			t.Errorf("groups %v, %v", groups, err)
		}
		fresh := &actions.RunnerGroup{Scope: org, Name: "gpu", Visibility: actions.GroupForAll}
		if err := st.Update(ctx, func(tx *store.Tx) error { return tx.CreateRunnerGroup(ctx, fresh) }); err != nil || fresh.ID <= actions.DefaultGroupID {
			t.Errorf("the first group has the number %d, %v", fresh.ID, err)
		}
		ids, err := st.LabelIDs(ctx, []string{"X", "y"})
		if err != nil || ids["x"] == 0 || ids["y"] == 0 || ids["x"] == ids["y"] {
			t.Errorf("labels have the numbers %v, %v", ids, err)
		}
	})
}

// What a group is restricted to is looked for in the database, which has no other jobs to
// tell.
func TestJobsOfSomeWorkflowsAreFoundAmongMany(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		const sha = "abababababababababababababababababababab"
		sql := `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'Octo', 'octo', 'Organization', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (1, 1, 'Hello', 'hello', 1, 'main', 1, 1);
insert into workflows (id, repo_id, path, name, state, created_at, updated_at) values (1, 1, 'ci.yml', 'CI', 'active', 1, 1);
insert into label_sets (id, key, labels) values (1, 'x', '["x"]');`
		for i, r := range []struct{ path, ref string }{
			{"ci.yml", "refs/heads/main"}, {"ci.yml", "refs/tags/v1"}, {"cd.yml", "refs/heads/main"}, {"ci.yml", "refs/heads/dev"},
		} {
			sql += fmt.Sprintf(`
insert into runs (id, repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, actor_id, attempt, triggering_id, status, created_at, started_at, updated_at)
  values (%[1]d, 1, 1, %[1]d, 'CI', 't', '%[2]s', 'push', '%[3]s', '', '%[4]s', '{}', 1, 1, 1, 'queued', 1, 1, 1);
insert into jobs (id, run_id, repo_id, owner_id, attempt, guid, key, idx, total, name, label_set_id, labels, timeout, cancel_timeout, status, created_at, queued_at)
  values (%[1]d, %[1]d, 1, 1, 1, 'guid-%[1]d', 'j', 0, 1, 'a', 1, '["x"]', 1, 1, 'queued', 1, 1);`, i+1, r.path, r.ref, sha)
		}
		makeOld(t, url, 16, sql)
		st := storetest.OpenURL(t, url)
		for _, c := range []struct {
			workflows []string
			want      []int64
		}{
			{[]string{"octo/hello/ci.yml@main"}, []int64{1}},
			{[]string{"OCTO/HELLO/ci.yml@refs/heads/main", "octo/hello/ci.yml@v1"}, []int64{1, 2}},
			{[]string{"octo/hello/ci.yml@ABABABABABABABABABABABABABABABABABABABAB"}, []int64{1, 2, 4}},
			{[]string{"octo/hello/CI.yml@main", "octo/other/ci.yml@main"}, nil},
			{nil, nil},
		} {
			a, set := &actions.Access{Restricted: true, Workflows: c.workflows}, &store.LabelSet{ID: 1}
			repos, err := st.WaitingRepositories(t.Context(), set, actions.Scope{OwnerID: 1}, a, 9)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, w := range repos {
				jobs, err := st.NextJobsOf(t.Context(), set, w.RepoID, a.Of(w.Repo), 9)
				if err != nil {
					t.Fatal(err)
				}
				for _, j := range jobs {
					got = append(got, j.ID)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q: jobs %v, want %v", c.workflows, got, c.want)
			}
		}
	})
}
