package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestAnOrganizationSelectsOnlyItsOwnRepositories(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		owned := func(login string, n int) (owner *actions.Account, ids []int64) {
			owner = &actions.Account{Login: login, Type: actions.Organization, CreatedAt: now, UpdatedAt: now}
			check(st.CreateAccount(ctx, owner))
			for i := range n {
				r := &actions.Repository{Owner: *owner, Name: "r" + string(rune('a'+i)), DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
				check(st.CreateRepository(ctx, r))
				ids = append(ids, r.ID)
			}
			return owner, ids
		}
		org, own := owned("guild", 12)
		_, foreign := owned("others", 1)
		sel := actions.Selection{For: actions.SelectedForSecret, OrgID: org.ID, Name: "TOKEN"}
		change := func(c actions.SelectionChange) error {
			return st.Update(ctx, func(tx *store.Tx) error { return tx.ChangeSelection(ctx, sel, c) })
		}
		want := func(ids ...int64) {
			t.Helper()
			list, total, err := st.SelectedRepositories(ctx, sel, store.Page{Number: 1, Size: 100})
			check(err)
			var got []int64
			for _, r := range list {
				got = append(got, r.ID)
			}
			if !slices.Equal(got, ids) || total != len(ids) {
				t.Errorf("selected %v of %d, want %v", got, total, ids)
			}
			for _, id := range append(own, foreign...) {
				if in, err := st.IsSelected(ctx, sel, id); err != nil || in != slices.Contains(ids, id) {
					t.Errorf("repository %d is selected: %t, %v", id, in, err)
				}
			}
		}
		want()
		check(change(actions.SelectionChange{Set: append([]int64{own[3]}, own...)}))
		want(own...)
		check(change(actions.SelectionChange{Set: own[:1]}))
		for c, kind := range map[*actions.SelectionChange]actions.Kind{
			{Set: []int64{own[1], foreign[0]}}: actions.Invalid,
			{Set: []int64{own[1], 1 << 40}}:    actions.Invalid,
			{Set: make([]int64, 10_001)}:       actions.Invalid,
			{Add: foreign[0]}:                  actions.NotFound,
			{Remove: foreign[0]}:               actions.NotFound,
			{Remove: own[5]}:                   "",
		} {
			if err := change(*c); actions.KindOf(err) != kind && (err != nil || kind != "") {
				t.Errorf("%+v: %v, want kind %q", c, err, kind)
			}
		}
		want(own[0])
		check(change(actions.SelectionChange{Add: own[2]}))
		check(change(actions.SelectionChange{Add: own[2]}))
		want(own[0], own[2])
		check(st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, own[0], now) }))
		want(own[2])
		check(change(actions.SelectionChange{Remove: own[2]}))
		want()
	})
}
