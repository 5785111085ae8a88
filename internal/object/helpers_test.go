package object_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/store"
)

// A fixture is a repository whose objects are kept in a directory.
type fixture struct {
	*object.Objects
	t     testing.TB
	store *store.Store
	dir   string
	blobs *counted
	repo  int64
	clock atomic.Int64 // added to the time, in nanoseconds
}

// counted is a blob store that counts what is read of it, and notes what is
// flushed.
type counted struct {
	blob.Store
	read    atomic.Int64
	flushed sync.Map // of keys
}

func (c *counted) Flush(ctx context.Context, keys ...string) error {
	if err := c.Store.Flush(ctx, keys...); err != nil {
		return err
	}
	for _, key := range keys {
		c.flushed.Store(key, true)
	}
	return nil
}

type countedObject struct {
	blob.Object
	s *counted
}

func (c *counted) Open(ctx context.Context, key string) (blob.Object, error) {
	o, err := c.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return countedObject{o, c}, nil
}

func (o countedObject) Read(p []byte) (int, error) {
	n, err := o.Object.Read(p)
	o.s.read.Add(int64(n))
	return n, err
}

func newFixture(t testing.TB, st *store.Store, change ...func(*object.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, store: st, dir: t.TempDir()}
	now := time.Now()
	owner := &actions.Account{Login: "octo-" + uuid.NewString()[:8], Type: actions.User, CreatedAt: now, UpdatedAt: now}
	if err := st.CreateAccount(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	repo := &actions.Repository{Owner: *owner, Name: "repo", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	if err := st.CreateRepository(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	f.repo = repo.ID
	f.open(st, change...)
	return f
}

// open makes the objects, as a server does that starts.
func (f *fixture) open(st *store.Store, change ...func(*object.Config)) {
	f.t.Helper()
	blobs, err := blobfs.New(f.dir, blobfs.Options{NoSync: true, Now: f.now})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := blobs.Close(); err != nil {
			f.t.Error(err)
		}
	})
	f.store, f.blobs = st, &counted{Store: blobs}
	c := object.Config{Store: st, Blobs: f.blobs, Log: slog.New(slog.NewTextHandler(f.t.Output(), nil)), Now: f.now}
	for _, fn := range change {
		fn(&c)
	}
	f.Objects = object.New(c)
}

func (f *fixture) now() time.Time { return time.Now().Add(time.Duration(f.clock.Load())) }

const mega = 1 << 20

// begin makes an object of at most 64 MiB.
func (f *fixture) begin() int64 {
	f.t.Helper()
	return f.beginOf(64 * mega)
}

func (f *fixture) beginOf(limit int64) (id int64) {
	f.t.Helper()
	f.update(func(tx *store.Tx) (err error) {
		id, err = f.Begin(f.t.Context(), tx, f.repo, limit)
		return err
	})
	return id
}

func (f *fixture) update(fn func(tx *store.Tx) error) {
	f.t.Helper()
	if err := f.store.Update(f.t.Context(), fn); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// is checks the kind of an error.
func (f *fixture) is(want actions.Kind, err error) {
	f.t.Helper()
	if got := actions.KindOf(err); got != want {
		f.t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func (f *fixture) put(id int64, name string, content []byte) {
	f.t.Helper()
	f.ok(f.PutBlock(f.t.Context(), id, name, bytes.NewReader(content), int64(len(content))))
}

func (f *fixture) seal(id int64) object.Sum {
	f.t.Helper()
	s, err := f.Finish(f.t.Context(), id)
	f.ok(err)
	f.flushed(id)
	f.update(func(tx *store.Tx) error { return f.Seal(f.t.Context(), tx, id, s) })
	return s
}

// flushed checks that power loss takes nothing of an object that is finished.
func (f *fixture) flushed(id int64) {
	f.t.Helper()
	obj, err := f.store.Object(f.t.Context(), id)
	f.ok(err)
	blocks, err := f.store.Blocks(f.t.Context(), id)
	f.ok(err)
	for _, b := range blocks {
		if _, ok := f.blobs.flushed.Load(b.Blob); !ok && slices.Contains(obj.List, b.Seq) {
			f.t.Errorf("block %q was not flushed", b.Name)
		}
	}
}

func (f *fixture) drop(ids ...int64) {
	f.t.Helper()
	f.update(func(tx *store.Tx) error { return f.Drop(f.t.Context(), tx, ids...) })
}

func (f *fixture) content(id int64) []byte {
	f.t.Helper()
	r, err := f.Open(f.t.Context(), id)
	f.ok(err)
	b, err := io.ReadAll(r)
	f.ok(err)
	f.ok(r.Close())
	if r.Size() != int64(len(b)) {
		f.t.Errorf("size %d was promised of %d", r.Size(), len(b))
	}
	return b
}

// holds checks that a sealed object is content, by its sum and by its bytes.
func (f *fixture) holds(id int64, s object.Sum, content []byte) {
	f.t.Helper()
	sum := sha256.Sum256(content)
	if s.SHA256 != hex.EncodeToString(sum[:]) || s.Size != int64(len(content)) {
		f.t.Errorf("the sum is %v of %d bytes, want %x of %d", s.SHA256, s.Size, sum, len(content))
	}
	if !bytes.Equal(f.content(id), content) {
		f.t.Error("the content is another")
	}
}

// keys lists the blobs that are there.
func (f *fixture) keys() (keys []string) {
	f.t.Helper()
	for info, err := range f.blobs.List(f.t.Context()) {
		f.ok(err)
		keys = append(keys, info.Key)
	}
	slices.Sort(keys)
	return keys
}

func (f *fixture) wantBlobs(n int) {
	f.t.Helper()
	if got := len(f.keys()); got != n {
		f.t.Errorf("%d blobs are there, want %d", got, n)
	}
}

// nothingLeft checks that neither blobs nor rows of them are left.
func (f *fixture) nothingLeft() {
	f.t.Helper()
	f.wantBlobs(0)
	dead, err := f.store.DeadBlobs(f.t.Context(), 10)
	f.ok(err)
	dropped, err := f.store.DroppedObjects(f.t.Context(), 10)
	f.ok(err)
	if len(dead)+len(dropped) > 0 {
		f.t.Errorf("left: dead blobs %v, dropped objects %v", dead, dropped)
	}
}

// run runs the loops until the test ends.
func (f *fixture) run() {
	ctx, cancel := context.WithCancel(f.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Run(ctx); err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(func() { cancel(); wg.Wait() })
}

// azureID is the name of a block as Azure's SDK for JavaScript makes it (BLOB-3).
func azureID(i int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "5f0c0a4e-5d0e-4f7e-9a76-000000000001%012d", i))
}

func azureIDs(n int) (names []string) {
	for i := range n {
		names = append(names, azureID(i))
	}
	return names
}

func bytesOf(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((i*7 + i>>8 + seed*31) % 251)
	}
	return b
}
