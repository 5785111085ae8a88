package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestBlobsOfKeptActionsHaveAnOwnerUntilTheyAreReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		keep := func(a actions.KeptAction) *actions.KeptAction {
			t.Helper()
			a.Name, a.SHA, a.KeptAt = "octo/tool", strings.Repeat("a", 40), now
			if err := st.Update(ctx, func(tx *store.Tx) error { return tx.KeepAction(ctx, &a) }); err != nil {
				t.Fatal(err)
			}
			return &a
		}
		unowned := func(want ...string) {
			t.Helper()
			got, err := st.Unowned(ctx, []string{"p1", "a1", "p2", "a2", "other"})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("without a row: %v, %v; want %v", got, err, want)
			}
		}
		first := keep(actions.KeptAction{Origin: actions.Imported, Pack: actions.KeptBlob{Key: "p1", Size: 1}, Archive: actions.KeptBlob{Key: "a1", Size: 2}})
		unowned("a2", "other", "p2")
		second := keep(actions.KeptAction{Origin: actions.Fetched, Host: "https://x", Pack: actions.KeptBlob{Key: "p2", Size: 3}, Archive: actions.KeptBlob{Key: "a2", Size: 4}})
		unowned("other") // the old ones are to be deleted
		if dead, err := st.DeadBlobs(ctx, 10); err != nil || !slices.Equal(dead, []string{"a1", "p1"}) {
			t.Errorf("dead: %v, %v", dead, err)
		}
		kept, err := st.KeptAction(ctx, first.ID)
		if err != nil || second.ID != first.ID || kept.Origin != actions.Imported || kept.Host != "" || kept.Pack.Key != "p2" {
			t.Errorf("%+v, %v; want what was imported to stay that", kept, err)
		}
		if n, err := st.FetchedBytes(ctx); err != nil || n != 0 {
			t.Errorf("fetched: %d, %v", n, err)
		}
	})
}
