package store_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A job that an older server held back waits for the same now.
func TestAJobThatWasHeldBackWaitsForMaxParallel(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		makeOld(t, url, 2, `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'octo', 'octo', 'User', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (1, 1, 'r', 'r', 0, 'main', 1, 1);
insert into workflows (id, repo_id, path, name, state, created_at, updated_at) values (1, 1, 'ci.yml', 'CI', 'active', 1, 1);
insert into runs (id, repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, actor_id, attempt, triggering_id, status, created_at, started_at, updated_at)
  values (1, 1, 1, 1, 'CI', 't', 'ci.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'queued', 1, 1, 1);
insert into label_sets (id, key, labels) values (1, 'x', '["x"]');
insert into jobs (run_id, repo_id, owner_id, attempt, guid, key, idx, total, name, label_set_id, labels, held, timeout, cancel_timeout, status, created_at, queued_at)
  values (1, 1, 1, 1, 'one', 'a', 0, 2, 'a (1)', 1, '["x"]', 0, 1, 1, 'queued', 1, 1),
    (1, 1, 1, 1, 'two', 'a', 1, 2, 'a (2)', 1, '["x"]', 1, 1, 1, 'queued', 1, 0);
`)
		st := storetest.OpenURL(t, url)
		jobs, err := st.Jobs(t.Context(), 1, 1)
		if err != nil || len(jobs) != 2 {
			t.Fatal(jobs, err)
		}
		if !jobs[0].Ready() || jobs[1].Ready() || jobs[1].Wait.Reason != actions.MaxParallel {
			t.Errorf("the jobs wait for %q and %q, want nothing and max-parallel", jobs[0].Wait, jobs[1].Wait)
		}
		next, err := st.NextJobs(t.Context(), &store.LabelSet{ID: 1}, actions.Scope{}, 10)
		if err != nil || len(next) != 1 || next[0].GUID != "one" {
			t.Errorf("runners are offered %+v, %v, want the first job", next, err)
		}
	})
}
