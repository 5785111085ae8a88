package store_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
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
		if err != nil || len(left) != 1 || left[0].RepoID != 1 {
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

func TestWhatBecameOfAPushIsNotedOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		makeOld(t, url, 7, `
insert into accounts (id, login, login_key, type, created_at, updated_at) values (1, 'octo', 'octo', 'User', 1, 1);
insert into repositories (id, owner_id, name, name_key, private, default_branch, created_at, updated_at) values (1, 1, 'r', 'r', 0, 'main', 1, 1);
insert into pushes (id, repo_id, actor_id, updates, created_at) values (-7, 1, 1, '[]', 1);
`)
		st, ctx := storetest.OpenURL(t, url), t.Context()
		u := actions.RefUpdate{Ref: "refs/heads/main", Before: actions.ZeroSHA, After: strings.Repeat("a", 40)}
		p := &actions.Push{RepoID: 1, ActorID: 1, Updates: []actions.RefUpdate{u, {Ref: "refs/heads/other"}}, CreatedAt: time.Now()}
		if err := st.CreatePush(ctx, p); err != nil {
			t.Fatal(err)
		}
		for _, applied := range [][]actions.RefUpdate{{u}, nil, p.Updates} {
			if err := st.SettlePush(ctx, p.ID, applied); err != nil {
				t.Fatal(err)
			}
		}
		open, err := st.RepoPushes(ctx, 1, math.MinInt64, 10)
		if err != nil || len(open) != 2 || open[0].Settled || !open[1].Settled || !slices.Equal(open[1].Updates, []actions.RefUpdate{u}) {
			t.Errorf("intents %+v, %v; want what was noted first, and that of the older program as it was", open, err)
		}
		if err := st.SettlePush(ctx, -7, nil); err != nil {
			t.Fatal(err)
		}
		if open, err := st.RepoPushes(ctx, 1, math.MinInt64, 10); err != nil || len(open) != 1 {
			t.Errorf("%d intents are left (%v), want one: the other has moved nothing", len(open), err)
		}
	})
}
