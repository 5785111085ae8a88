package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// BenchmarkArtifactLists reads first pages of a repository with few artifacts and
// with a million: the time must be the same.
func BenchmarkArtifactLists(b *testing.B) {
	for _, size := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := seedArtifacts(b, size)
			ctx, page := b.Context(), store.Page{Number: 1, Size: 30}
			for _, list := range []struct {
				name string
				read func() (int, int, error)
			}{
				{"repository", func() (int, int, error) {
					l, n, err := s.RepoArtifacts(ctx, s.repo.ID, "", page)
					return len(l), n, err
				}},
				{"name", func() (int, int, error) {
					l, n, err := s.RepoArtifacts(ctx, s.repo.ID, "artifact-7", page)
					return len(l), n, err
				}},
				{"run", func() (int, int, error) {
					l, n, err := s.RunArtifacts(ctx, s.runs[1].ID, store.ArtifactFilter{}, page)
					return len(l), n, err
				}},
			} {
				b.Run(list.name, func(b *testing.B) {
					for b.Loop() {
						if rows, total, err := list.read(); err != nil || rows != 30 || total < 30 {
							b.Fatalf("%d rows of %d, %v", rows, total, err)
						}
					}
				})
			}
			b.Run("deep", func(b *testing.B) {
				last := store.Page{Number: size / 30, Size: 30}
				for b.Loop() {
					if l, _, err := s.RepoArtifacts(ctx, s.repo.ID, "", last); err != nil || len(l) != 30 {
						b.Fatalf("%d rows, %v", len(l), err)
					}
				}
			})
		})
	}
}

// seedArtifacts makes a repository with so many artifacts of 20 names: 100 of one
// run, the others of another.
func seedArtifacts(b *testing.B, n int) *shelf {
	b.Helper()
	st := storetest.OpenURL(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	s := newShelf(b, st)
	err := st.Update(b.Context(), func(tx *store.Tx) error {
		now := time.Now().UnixMicro()
		for _, statement := range []string{
			`with recursive n (i) as (select 1 union all select i + 1 from n where i < $3)
				insert into artifacts (repo_id, run_id, attempt, job_id, name, content_type, object_id, status, size, digest, created_at, updated_at, expires_at)
				select $1, case when i % ($3 / 100) = 0 then $2 else $4 end, i, $5, 'artifact-' || (i % 20), '` + actions.ZipType + `', i, 'live', 1024, 'sha256:', $6, $6, $6 + i from n`,
			`insert into usages (repo_id, artifacts, artifact_bytes) select $1, $3, $3 * 1024 where $2 + $4 + $5 + $6 > 0`,
			`insert into artifact_names (repo_id, name, total) select $1, name, count(*) from artifacts where $2 + $3 + $4 + $5 + $6 > 0 group by name`,
		} {
			if _, err := tx.ExecText(b.Context(), statement, s.repo.ID, s.runs[1].ID, n, s.runs[0].ID, s.jobs[0].ID, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}
