package object_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// newDurable is a fixture that waits for the disk, as a server does.
func newDurable(b *testing.B) *fixture {
	b.Helper()
	dir := b.TempDir()
	o := storetest.Options(b, "sqlite:"+filepath.Join(dir, "durable.db"))
	o.NoSync = false
	st, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	f := newFixture(b, st)
	b.Cleanup(func() { f.ok(st.Close()) })
	blobs, err := blobfs.New(filepath.Join(dir, "blobs"), blobfs.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.ok(blobs.Close()) })
	f.blobs = &counted{Store: blobs}
	f.Objects = object.New(object.Config{Store: st, Blobs: f.blobs, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	f.run()
	return f
}

// One object of 1 KiB from its beginning to durable, from 8 callers at once: what
// the limit of 1,000 artifacts a second has to leave room for.
func BenchmarkSmallObjects(b *testing.B) {
	f := newDurable(b)
	content := bytesOf(1, 1<<10)
	names := azureIDs(1)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := f.small(names, content); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}

func (f *fixture) small(names []string, content []byte) (id int64, err error) {
	ctx := f.t.Context()
	if err := f.store.Update(ctx, func(tx *store.Tx) (err error) {
		id, err = f.Begin(ctx, tx, f.repo, mega)
		return err
	}); err != nil {
		return 0, err
	}
	if err := f.PutBlock(ctx, id, names[0], bytes.NewReader(content), int64(len(content))); err != nil {
		return 0, err
	}
	if err := f.Commit(ctx, id, names); err != nil {
		return 0, err
	}
	s, err := f.Finish(ctx, id)
	if err != nil {
		return 0, err
	}
	return id, f.store.Update(ctx, func(tx *store.Tx) error { return f.Seal(ctx, tx, id, s) })
}

const benchBlock = 8 << 20

// 8 MiB blocks, four at a time, as the toolkit sends them; and the same bytes
// copied to one file with a flush at its end.
func BenchmarkLargeObject(b *testing.B) {
	for _, size := range []int64{256 << 20} {
		content := bytesOf(1, benchBlock)
		b.Run(fmt.Sprintf("file/%dMiB", size>>20), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				file, err := os.Create(filepath.Join(b.TempDir(), "file"))
				if err != nil {
					b.Fatal(err)
				}
				for range size / benchBlock {
					if _, err := io.Copy(file, onlyReader{bytes.NewReader(content)}); err != nil {
						b.Fatal(err)
					}
				}
				if err := file.Sync(); err != nil {
					b.Fatal(err)
				}
				_ = file.Close()
				_ = os.Remove(file.Name())
			}
		})
		b.Run(fmt.Sprintf("object/%dMiB", size>>20), func(b *testing.B) {
			f := newDurable(b)
			b.SetBytes(size)
			for b.Loop() {
				f.large(content, int(size/benchBlock))
			}
		})
	}
}

type onlyReader struct{ io.Reader }

func (f *fixture) large(content []byte, n int) {
	id, names := f.beginOf(1<<40), azureIDs(n)
	next := make(chan string)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for name := range next {
				if err := f.PutBlock(f.t.Context(), id, name, onlyReader{bytes.NewReader(content)}, benchBlock); err != nil {
					f.t.Error(err)
				}
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	wg.Wait()
	f.ok(f.Commit(f.t.Context(), id, names))
	f.seal(id)
	f.drop(id)
}

// What the sweeper of expired artifacts does, 200 objects at a time.
func BenchmarkDrop(b *testing.B) {
	f := newDurable(b)
	content, names := bytesOf(1, 1<<10), azureIDs(1)
	var ids []int64
	for range 200 {
		ids = append(ids, 0)
	}
	for b.Loop() {
		b.StopTimer()
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				id, err := f.small(names, content)
				if ids[i] = id; err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		b.StartTimer()
		f.drop(ids...)
	}
	b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds(), "objects/s")
}
