package db_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// With hundreds that wait, any of them would otherwise be as likely to be next.
func TestWhoIsAloneInAShareDoesNotWaitForTheCrowdOfAnother(t *testing.T) {
	const crowd = 20
	each(t, func(t *testing.T, st *db.DB) {
		var mu sync.Mutex
		var order []string
		ask := func(who string) error {
			return st.View(db.WithShare(t.Context(), db.Share(who)), func(*db.Tx) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, who)
				return nil
			})
		}
		var wg sync.WaitGroup
		join := func(who string, n int) {
			wg.Go(func() {
				if err := ask(who); err != nil {
					t.Error(err)
				}
			})
			for st.Waiting(db.Share(who)) < n {
				runtime.Gosched()
			}
		}
		free, busy := occupy(t, st, "crowd")
		for i := range crowd {
			join("crowd", i+1)
		}
		join("alone", 1)
		free[0]()
		wg.Wait()
		for _, f := range free {
			f()
		}
		busy.Wait()
		if i := slices.Index(order, "alone"); i != 0 || len(order) != crowd+1 {
			t.Errorf("the order is %q, want who is alone first", order)
		}
	})
}

func TestAStatementThatIsGivenUpLeavesTheLine(t *testing.T) {
	each(t, func(t *testing.T, st *db.DB) {
		free, busy := occupy(t, st, "")
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := integer(ctx, st, "select 1")
			failed <- err
		}()
		for st.Waiting("") == 0 {
			runtime.Gosched()
		}
		cancel()
		if err := <-failed; err == nil || st.Waiting("") != 0 {
			t.Errorf("%v, and %d wait, want an error and nobody", err, st.Waiting(""))
		}
		for _, f := range free {
			f()
		}
		busy.Wait()
		if n, err := integer(t.Context(), st, "select 1"); n != 1 || err != nil {
			t.Errorf("a statement after that: %d, %v", n, err)
		}
	})
}

// occupy holds every connection in a share, until it is
// made free.
func occupy(t *testing.T, st *db.DB, s db.Share) (free []func(), busy *sync.WaitGroup) {
	t.Helper()
	busy = new(sync.WaitGroup)
	var in sync.WaitGroup
	for range storetest.Options(t, "").MaxConns {
		over := make(chan struct{})
		end := sync.OnceFunc(func() { close(over) })
		t.Cleanup(end)
		free = append(free, end)
		in.Add(1)
		busy.Go(func() {
			err := st.View(db.WithShare(t.Context(), s), func(*db.Tx) error {
				in.Done()
				<-over
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	in.Wait()
	return free, busy
}
