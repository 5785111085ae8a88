package db_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func openBench(b *testing.B) *db.DB {
	b.Helper()
	o := storetest.Options(b, "sqlite:"+filepath.Join(b.TempDir(), "test.db"))
	o.Migrations, o.NoSync = testSchema, false
	s, err := db.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkUpdateParallel is durable transactions of one read and one write, by
// so many callers at a time.
func BenchmarkUpdateParallel(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := openBench(b)
			ctx := b.Context()
			var n atomic.Int64
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					name := fmt.Sprint(n.Add(1))
					err := s.Update(ctx, func(tx *db.Tx) error {
						if _, err := integer(ctx, tx, `select count(*) from items where name = $1`, name); err != nil {
							return err
						}
						_, err := db.Exec(ctx, tx, insertItem, name, 1)
						return err
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkUpdateRelaxed(b *testing.B) {
	s := openBench(b)
	ctx := b.Context()
	if _, err := db.Exec(ctx, s, insertItem, "a", 1); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		err := s.UpdateRelaxed(ctx, func(tx *db.Tx) error {
			return db.ExecOne(ctx, tx, `update items set n = n + 1 where name = $1`, "a")
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s := openBench(b)
	ctx := b.Context()
	if _, err := db.Exec(ctx, s, insertItem, "a", 1); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := integer(ctx, s, `select n from items where name = $1`, "a"); err != nil {
				b.Error(err)
			}
		}
	})
}
