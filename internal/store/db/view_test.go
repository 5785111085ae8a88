package db_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// A view that asked the pool for a second connection, to prepare a statement,
// waited forever when every connection was held by another view that did.
func TestManyViewsWithNewStatementsDoNotWaitForEachOther(t *testing.T) {
	st := openTest(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range 64 {
		wg.Go(func() {
			<-gate
			err := st.View(ctx, func(tx *db.Tx) error {
				for j := range 5 {
					if _, err := integer(ctx, tx, fmt.Sprint("select ", i, " + ", j)); err != nil {
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
