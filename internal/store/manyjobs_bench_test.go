package store_test

import (
	"fmt"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// BenchmarkManyJobs writes as many jobs as a file of 19 matrices of 250 has. Others
// wait for that long.
func BenchmarkManyJobs(b *testing.B) {
	s := seedArtifacts(b, 1)
	made := 0
	for b.Loop() {
		jobs := make([]*actions.Job, 19*250)
		for i := range jobs {
			made++
			j := *s.jobs[0]
			j.GUID, j.Name = fmt.Sprint("job-", made), fmt.Sprintf("build (%d)", i)
			j.Matrix = fmt.Appendf(nil, `{"n":%d}`, i)
			jobs[i] = &j
		}
		if err := s.Update(b.Context(), func(tx *store.Tx) error { return tx.CreateJobs(b.Context(), jobs) }); err != nil {
			b.Fatal(err)
		}
	}
}
