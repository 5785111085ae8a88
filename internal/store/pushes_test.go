package store_test

import (
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// The intent of a push is one that an older program has left, which kept no runs
// with it.
func TestAPushMakesARunOfAWorkflowForOneRefOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		makeOld(t, url, 5, `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'octo', 'octo', 'User', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (1, 1, 'r', 'r', 0, 'main', 1, 1);
insert into pushes (id, repo_id, actor_id, updates, created_at) values (7, 1, 1, '[]', 1);
`)
		st, ctx := storetest.OpenURL(t, url), t.Context()
		left, err := st.Pushes(ctx)
		if err != nil || len(left) != 1 || left[0].ID != 7 {
			t.Fatal(left, err)
		}
		makes := func(push int64, ref, path string) (first bool) {
			t.Helper()
			if err := st.Update(ctx, func(tx *store.Tx) (err error) {
				first, err = tx.CreatePushRun(ctx, push, ref, path)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return first
		}
		const main, other = "refs/heads/main", "refs/heads/other"
		for _, c := range []struct {
			push      int64
			ref, path string
			want      bool
		}{
			{7, main, "a.yml", true},
			{7, main, "a.yml", false},
			{7, main, "b.yml", true},
			{7, other, "a.yml", true},
			{8, main, "a.yml", false}, // there is no such push
		} {
			if got := makes(c.push, c.ref, c.path); got != c.want {
				t.Errorf("push %d makes the run of %s at %s: %t, want %t", c.push, c.path, c.ref, got, c.want)
			}
		}
		paths, err := st.PushRuns(ctx, 7, main)
		if slices.Sort(paths); err != nil || !slices.Equal(paths, []string{"a.yml", "b.yml"}) {
			t.Errorf("runs of the push at main: %q, %v", paths, err)
		}
		for _, want := range []bool{true, false} {
			if open, err := st.HasPush(ctx, 7); err != nil || open != want {
				t.Errorf("the intent is there: %t, %v; want %t", open, err, want)
			}
			if mine, err := st.DeletePush(ctx, 7); err != nil || mine != want {
				t.Errorf("the intent ends now: %t, %v; want %t", mine, err, want)
			}
		}
		if makes(7, main, "c.yml") {
			t.Error("a push whose intent has ended makes a run")
		}
	})
}
