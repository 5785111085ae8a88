package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A view that asked the pool for a second connection, to prepare a statement,
// waited for ever when every connection was held by another view that did.
func TestManyViewsWithNewStatementsDoNotWaitForEachOther(t *testing.T) {
	st := storetest.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range 64 {
		wg.Go(func() {
			<-gate
			err := st.View(ctx, func(tx *store.Tx) error {
				for j := range 5 { // each filter makes another text
					f := store.RunFilter{RepoID: 1, Branch: "b"}
					if i%2 == 0 {
						f.Event = "push"
					}
					if j%2 == 0 {
						f.HeadSHA = fmt.Sprint(i)
					}
					if _, _, err := tx.Runs(ctx, f, store.Page{Number: 1, Size: 1}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(gate)
	wg.Wait()
}
