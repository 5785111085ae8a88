package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// wantTotals compares what lists say with what the table of runs holds.
func wantTotals(t *testing.T, st *store.Store, repoID int64, when string) {
	t.Helper()
	total := func(f store.RunFilter) int {
		t.Helper()
		f.RepoID = repoID
		_, n, err := st.Runs(t.Context(), f, store.Page{Number: 99, Size: 1}) // a page that cannot know
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, workflow := range []int64{0, 1, 2} {
		for _, status := range []string{"", "queued", "completed", "success", "failure"} {
			want, err := st.Int(t.Context(), `select count(*) from runs where repo_id = $1 and (workflow_id = $2 or $2 = 0)
				and ($3 = '' or status = $3 or conclusion = $3)`, repoID, workflow, status)
			if err != nil {
				t.Fatal(err)
			}
			if got := total(store.RunFilter{WorkflowID: workflow, Status: status}); int64(got) != want {
				t.Errorf("%s: %d runs of workflow %d, status %q; there are %d", when, got, workflow, status, want)
			}
		}
	}
}

func TestListsOfRunsKnowHowManyThereAre(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now}
		if err := st.CreateAccount(ctx, owner); err != nil {
			t.Fatal(err)
		}
		repo := &actions.Repository{Owner: *owner, Name: "one", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
		if err := st.CreateRepository(ctx, repo); err != nil {
			t.Fatal(err)
		}
		update := func(fn func(*store.Tx) error) {
			t.Helper()
			if err := st.Update(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		var runs []*actions.Run
		for i := range 20 {
			update(func(tx *store.Tx) error {
				w := &actions.Workflow{RepoID: repo.ID, Path: []string{"a.yml", "b.yml"}[i%2], State: actions.Active, CreatedAt: now, UpdatedAt: now}
				if err := tx.SaveWorkflow(ctx, w); err != nil {
					return err
				}
				run := &actions.Run{RepoID: repo.ID, WorkflowID: w.ID, Event: "push", Actor: *owner, Triggering: *owner, Attempt: 1, Status: actions.Queued, CreatedAt: now}
				runs = append(runs[:i], run)
				return tx.CreateRun(ctx, run, &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: *owner}, &actions.RunSource{})
			})
		}
		wantTotals(t, st, repo.ID, "new")
		for i, run := range runs[:15] {
			run.Status, run.Conclusion = actions.Completed, []actions.Conclusion{actions.Success, actions.Failure, actions.Success}[i%3]
			update(func(tx *store.Tx) error { return tx.UpdateRun(ctx, run) })
		}
		wantTotals(t, st, repo.ID, "ended")
		for _, run := range runs[:4] {
			run.Status, run.Conclusion = actions.Queued, ""
			update(func(tx *store.Tx) error { return tx.UpdateRun(ctx, run) })
			update(func(tx *store.Tx) error { return tx.UpdateRun(ctx, run) }) // nothing changes
		}
		wantTotals(t, st, repo.ID, "again")
		for _, run := range runs[2:12] {
			update(func(tx *store.Tx) error { return tx.DeleteRun(ctx, repo.ID, run.ID, now) })
		}
		wantTotals(t, st, repo.ID, "deleted")
	})
}

func TestRunsOfAnOlderDatabaseAreCounted(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		makeOld(t, url, 3, `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'octo', 'octo', 'User', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (1, 1, 'r', 'r', 0, 'main', 1, 1);
insert into workflows (id, repo_id, path, name, state, created_at, updated_at) values (1, 1, 'a.yml', 'A', 'active', 1, 1), (2, 1, 'b.yml', 'B', 'active', 1, 1);
insert into runs (repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, actor_id, attempt, triggering_id, status, conclusion, created_at, started_at, updated_at)
  values (1, 1, 1, 'A', 't', 'a.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'completed', 'success', 1, 1, 1),
    (1, 1, 2, 'A', 't', 'a.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'completed', 'success', 1, 1, 1),
    (1, 2, 1, 'B', 't', 'b.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'completed', 'failure', 1, 1, 1),
    (1, 2, 2, 'B', 't', 'b.yml', 'push', 'refs/heads/main', 'main', '', '{}', 1, 1, 1, 'queued', '', 1, 1, 1);
`)
		wantTotals(t, storetest.OpenURL(t, url), 1, "migrated")
	})
}

func TestAFilteredListOfRunsEndsAtAThousand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now}
		repo := &actions.Repository{Name: "one", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
		w := &actions.Workflow{Path: "a.yml", State: actions.Active, CreatedAt: now, UpdatedAt: now}
		const made = store.MostFound + 3
		err := st.Update(ctx, func(tx *store.Tx) error {
			if err := tx.CreateAccount(ctx, owner); err != nil {
				return err
			}
			repo.Owner = *owner
			if err := tx.CreateRepository(ctx, repo); err != nil {
				return err
			}
			w.RepoID = repo.ID
			if err := tx.SaveWorkflow(ctx, w); err != nil {
				return err
			}
			for i := range made {
				run := &actions.Run{
					RepoID: repo.ID, WorkflowID: w.ID, Event: "push", Actor: *owner, Triggering: *owner, Attempt: 1, Status: actions.Queued,
					CreatedAt: now.Add(time.Duration(i) * time.Second),
				}
				if err := tx.CreateRun(ctx, run, &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: *owner}, &actions.RunSource{}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what        string
			f           store.RunFilter
			page        store.Page
			rows, total int
		}{
			{"all", store.RunFilter{}, store.Page{Number: 11, Size: 100}, 3, made},
			{"of a workflow", store.RunFilter{WorkflowID: w.ID}, store.Page{Number: 1, Size: 10}, 10, made},
			{"of an event", store.RunFilter{Event: "push"}, store.Page{Number: 1, Size: 10}, 10, store.MostFound},
			{"the last page", store.RunFilter{Event: "push"}, store.Page{Number: 10, Size: 100}, 100, store.MostFound},
			{"behind it", store.RunFilter{Event: "push"}, store.Page{Number: 11, Size: 100}, 0, store.MostFound},
			{"of a time", store.RunFilter{From: now, To: now.Add(4 * time.Second)}, store.Page{Number: 1, Size: 2}, 2, 5},
		} {
			c.f.RepoID = repo.ID
			runs, total, err := st.Runs(ctx, c.f, c.page)
			if err != nil || len(runs) != c.rows || total != c.total {
				t.Errorf("%s: %d runs of %d, %v; want %d of %d", c.what, len(runs), total, err, c.rows, c.total)
			}
		}
	})
}
