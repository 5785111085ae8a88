package store_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// What uploads, downloads and sweeps ask must not become slower with every object.
func TestQueriesOfObjectsReadNoWholeTable(t *testing.T) {
	keys := []string{"a", "b", "c"}
	for name, ask := range map[string]func(context.Context, store.Explainer) error{
		"object": func(ctx context.Context, q store.Explainer) error {
			if _, err := q.Object(ctx, 1); actions.KindOf(err) != actions.NotFound {
				return err
			}
			return nil
		},
		"block": func(ctx context.Context, q store.Explainer) error {
			if _, err := q.Block(ctx, 1, "a"); actions.KindOf(err) != actions.NotFound {
				return err
			}
			return nil
		},
		"blocks": func(ctx context.Context, q store.Explainer) error { _, err := q.Blocks(ctx, 1); return err },
		"blobs of objects": func(ctx context.Context, q store.Explainer) error {
			_, err := q.ObjectBlobs(ctx, 9, 1, 2, 3)
			return err
		},
		"dropped objects": func(ctx context.Context, q store.Explainer) error { _, err := q.DroppedObjects(ctx, 9); return err },
		"stale objects": func(ctx context.Context, q store.Explainer) error {
			_, err := q.StaleObjects(ctx, time.Now(), 9)
			return err
		},
		"blobs without a row": func(ctx context.Context, q store.Explainer) error { _, err := q.Unowned(ctx, keys); return err },
	} {
		t.Run(name, func(t *testing.T) {
			q := storetest.Open(t).Explain()
			if err := ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if len(*q.Plans) == 0 {
				t.Error("no plan was seen")
			}
			whole := func(plan string) bool {
				return regexp.MustCompile(`^SCAN (object|log|summ|dead|[a-js-z]\b)`).MatchString(plan) && !regexp.MustCompile(`INDEX objects_(unsealed|dropped)`).MatchString(plan)
			}
			if slices.ContainsFunc(*q.Plans, whole) {
				t.Errorf("a whole table is read: %q", *q.Plans)
			}
		})
	}
}

func newObject(t *testing.T, st *store.Store) int64 {
	t.Helper()
	owner := &actions.Account{Login: "octo", Type: actions.User}
	if err := st.CreateAccount(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	repo := &actions.Repository{Owner: *owner, Name: "repo", DefaultBranch: "main"}
	if err := st.CreateRepository(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	o := &store.Object{RepoID: repo.ID, GUID: "g", SizeLimit: 100, CreatedAt: time.Now()}
	if err := st.CreateObject(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o.ID
}

// More than fit into one statement, and not as many as its placeholders.
func TestManyBlocksAreDroppedAndForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		id := newObject(t, st)
		var blocks []*store.Block
		var keys []string
		err := st.Update(t.Context(), func(tx *store.Tx) error {
			blocks, keys = nil, nil
			for i := range 1300 {
				b := &store.Block{ObjectID: id, Name: fmt.Sprint(i), Blob: fmt.Sprintf("blob-%04d", i), Size: 1}
				if _, _, err := tx.SaveBlock(t.Context(), b, time.Now()); err != nil {
					return err
				}
				blocks, keys = append(blocks, b), append(keys, b.Blob)
			}
			return tx.DropBlocks(t.Context(), id, blocks[100:], time.Now())
		})
		if err != nil {
			t.Fatal(err)
		}
		dead, err := st.DeadBlobs(t.Context(), 5000)
		if d := cmp.Diff(keys[100:], dead); d != "" || err != nil {
			t.Fatal(err, d)
		}
		o, err := st.Object(t.Context(), id)
		if err != nil || o.Blocks != 100 || o.Received != 100 {
			t.Errorf("the object holds %d blocks, %d bytes, %v", o.Blocks, o.Received, err)
		}
		err = st.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.ForgetBlobs(t.Context(), dead...); err != nil {
				return err
			}
			return tx.DropObjects(t.Context(), time.Now(), id)
		})
		if err != nil {
			t.Fatal(err)
		}
		if left, err := st.Unowned(t.Context(), append(keys, "other")); err != nil || len(left) != 1201 || left[0] != "blob-0100" {
			t.Errorf("%d blobs have no row, %v", len(left), err)
		}
		held, err := st.ObjectBlobs(t.Context(), 60, id)
		if err != nil || len(held) != 60 {
			t.Errorf("%d blobs of the object, %v", len(held), err)
		}
		if err := st.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.ForgetBlocks(t.Context(), held...); err != nil {
				return err
			}
			return tx.ForgetObjects(t.Context(), id)
		}); err != nil {
			t.Fatal(err)
		}
		if held, err := st.ObjectBlobs(t.Context(), 1, id); err != nil || len(held) != 0 {
			t.Errorf("left: %q, %v", held, err)
		}
	})
}

func TestBlobsOfLogsAreOwned(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		owner := &actions.Account{Login: "octo", Type: actions.User}
		if err := st.CreateAccount(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		addRepository(t, st, owner, "hello") // with parts of logs
		got, err := st.Unowned(t.Context(), []string{"hello0", "hello1", "hello2", "hello2"})
		if d := cmp.Diff([]string{"hello2"}, got); d != "" || err != nil {
			t.Error(err, d)
		}
	})
}
