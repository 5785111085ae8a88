package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestAnEnvironmentHasOneNameInAnyCase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
		owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now, UpdatedAt: now}
		must(t, st.CreateAccount(ctx, owner))
		repo, _ := addRepository(t, st, owner, "one")
		other, _ := addRepository(t, st, owner, "two")
		save := func(e actions.Environment) *actions.Environment {
			e.RepoID, e.CreatedAt, e.UpdatedAt = repo.ID, now, now
			must(t, st.Update(ctx, func(tx *store.Tx) error { return tx.SaveEnvironment(ctx, &e) }))
			return &e
		}
		first := save(actions.Environment{Name: "Production", AdminsBypass: true})
		again := save(actions.Environment{
			Name: "production", WaitTimer: 5, Branches: actions.ProtectedBranches, PreventSelfReview: true,
			Reviewers: []actions.Reviewer{{Type: actions.UserReviewer, ID: owner.ID}},
		})
		if again.ID != first.ID || again.Name != "Production" {
			t.Errorf("saved as %+v after %+v", again, first)
		}
		save(actions.Environment{Name: "staging"})
		got, err := st.Environment(ctx, repo.ID, "PRODUCTION")
		must(t, err)
		if d := cmp.Diff(again, got); d != "" {
			t.Error(d)
		}
		list, total, err := st.Environments(ctx, repo.ID, store.Page{Number: 1, Size: 10})
		if err != nil || total != 2 || list[0].Name != "Production" || list[1].Name != "staging" {
			t.Errorf("%d, %v, %v", total, list, err)
		}
		protected, err := st.ProtectedEnvironments(ctx, repo.ID)
		if err != nil || len(protected) != 1 || protected[0].ID != first.ID {
			t.Errorf("%v, %v", protected, err)
		}
		if _, err := st.Environment(ctx, other.ID, "staging"); actions.KindOf(err) != actions.NotFound {
			t.Errorf("of another repository: %v", err)
		}
		remove := func() error {
			return st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, repo.ID, "PRODUCTION") })
		}
		must(t, remove())
		if err := remove(); actions.KindOf(err) != actions.NotFound {
			t.Errorf("removed again: %v", err)
		}
		must(t, st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, repo.ID, now) }))
		if n, err := st.Int(ctx, `select count(*) from environments`); err != nil || n != 0 {
			t.Errorf("%d environments are left, %v", n, err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
