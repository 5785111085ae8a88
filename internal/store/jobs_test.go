package store_test

import (
	"fmt"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestJobsHaveIDsInTheirOrderHoweverMany(t *testing.T) {
	for _, n := range []int{1, 8, 9, 43} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				s := newShelf(t, st)
				jobs := make([]*actions.Job, n)
				for i := range jobs {
					j := *s.jobs[0]
					j.ID, j.GUID, j.Name = 0, fmt.Sprint("job-", n-i), fmt.Sprint("build ", i)
					j.Labels = []string{fmt.Sprint("label-", i%3)}
					jobs[i] = &j
				}
				if err := st.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateJobs(t.Context(), jobs) }); err != nil {
					t.Fatal(err)
				}
				for i, want := range jobs {
					if i > 0 && want.ID <= jobs[i-1].ID {
						t.Errorf("job %d has id %d, the one before it %d", i, want.ID, jobs[i-1].ID)
					}
					got, err := st.Job(t.Context(), want.ID)
					if err != nil {
						t.Fatal(err)
					}
					if got.GUID != want.GUID || got.Name != want.Name || got.Labels[0] != want.Labels[0] {
						t.Errorf("job %d is %s %q %q, want %s %q %q", want.ID, got.GUID, got.Name, got.Labels, want.GUID, want.Name, want.Labels)
					}
				}
			})
		})
	}
}
