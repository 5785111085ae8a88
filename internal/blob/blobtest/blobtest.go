// Package blobtest is the suite that every blob.Store must pass.
package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

// Run runs the suite; open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, blob.Store){
		"blob comes back as it was":                  comesBack,
		"reader may seek":                            seeks,
		"missing blob is NotFound":                   missing,
		"failed Put leaves nothing":                  failedPut,
		"longer than the limit is Invalid":           tooLong,
		"Delete removes, and twice is no error":      deletes,
		"blob that is open survives its Delete":      deleteWhileOpen,
		"List has every blob and Sweep keeps them":   lists,
		"keys that were not made here reach no file": badKeys,
		"concurrent Puts do not mix":                 concurrent,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Key returns a new key.
func Key(t testing.TB) string {
	t.Helper()
	key, err := blob.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const limit = 16 << 20

// Put puts content under a new key.
func Put(t testing.TB, s blob.Store, content string) (key string) {
	t.Helper()
	key = Key(t)
	size, err := s.Put(t.Context(), key, strings.NewReader(content), blob.PutOptions{Limit: limit})
	if err != nil || size != int64(len(content)) {
		t.Fatalf("Put returned %d, %v, want %d", size, err, len(content))
	}
	return key
}

// Get returns the content of a blob.
func Get(t testing.TB, s blob.Store, key string) string {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(o)
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatal(err)
	}
	if o.Size() != int64(len(content)) {
		t.Errorf("Size is %d, want %d", o.Size(), len(content))
	}
	return string(content)
}

func wantNotFound(t *testing.T, s blob.Store, key string) {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err == nil {
		_ = o.Close()
	}
	if actions.KindOf(err) != actions.NotFound {
		t.Errorf("open %q: got %v, want NotFound", key, err)
	}
}

func keys(t *testing.T, s blob.Store) map[string]int64 {
	t.Helper()
	got := map[string]int64{}
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[info.Key] = info.Size
	}
	return got
}

func comesBack(t *testing.T, s blob.Store) {
	t.Helper()
	for _, size := range []int{0, 1, 4096, 300_001} {
		random := make([]byte, size)
		_, _ = rand.Read(random)
		for _, relaxed := range []bool{false, true} {
			key := Key(t)
			// One byte at a time, then an end together with the last: a reader's rights.
			r := iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(random)))
			n, err := s.Put(t.Context(), key, r, blob.PutOptions{Limit: int64(size), Relaxed: relaxed})
			if err != nil || n != int64(size) {
				t.Fatalf("Put of %d bytes returned %d, %v", size, n, err)
			}
			if got := Get(t, s, key); got != string(random) {
				t.Errorf("%d bytes came back different", size)
			}
		}
	}
}

func seeks(t *testing.T, s blob.Store) {
	t.Helper()
	o, err := s.Open(t.Context(), Put(t, s, "0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := iotest.TestReader(o, []byte("0123456789")); err != nil {
		t.Error(err)
	}
	if _, err := o.Seek(7, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(o); err != nil || string(rest) != "789" {
		t.Errorf("from 7: %q, %v, want 789", rest, err)
	}
}

func missing(t *testing.T, s blob.Store) {
	t.Helper()
	Put(t, s, "another")
	wantNotFound(t, s, Key(t))
}

func failedPut(t *testing.T, s blob.Store) {
	t.Helper()
	boom := errors.New("boom")
	key := Key(t)
	r := io.MultiReader(strings.NewReader("some bytes"), iotest.ErrReader(boom))
	if _, err := s.Put(t.Context(), key, r, blob.PutOptions{Limit: limit}); !errors.Is(err, boom) {
		t.Errorf("got %v, want the reader's error", err)
	}
	wantNotFound(t, s, key)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Put(ctx, key, strings.NewReader("x"), blob.PutOptions{Limit: limit})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	wantNotFound(t, s, key)
	if got := keys(t, s); len(got) != 0 {
		t.Errorf("the list has %v", got)
	}
}

// endless is a reader without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func tooLong(t *testing.T, s blob.Store) {
	t.Helper()
	for _, o := range []blob.PutOptions{{Limit: 1 << 20}, {Limit: 0}} {
		key := Key(t)
		_, err := s.Put(t.Context(), key, endless{}, o)
		if actions.KindOf(err) != actions.Invalid {
			t.Errorf("limit %d: got %v, want Invalid", o.Limit, err)
		}
		wantNotFound(t, s, key)
	}
}

func deletes(t *testing.T, s blob.Store) {
	t.Helper()
	kept, key := Put(t, s, "kept"), Put(t, s, "gone")
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	wantNotFound(t, s, key)
	if got := Get(t, s, kept); got != "kept" {
		t.Errorf("the other blob is %q", got)
	}
}

func deleteWhileOpen(t *testing.T, s blob.Store) {
	t.Helper()
	key := Put(t, s, "content")
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
}

func lists(t *testing.T, s blob.Store) {
	t.Helper()
	want := map[string]int64{}
	for i := range 20 {
		want[Put(t, s, strings.Repeat("x", i))] = int64(i)
	}
	if err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for _, err := range s.List(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break // a caller may stop
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.List(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
}

func badKeys(t *testing.T, s blob.Store) {
	t.Helper()
	key := Put(t, s, "content")
	for _, bad := range []string{
		"", ".", "..", "/etc/passwd", "../" + key, key + "/..", key[:31], key + "a", strings.ToUpper(key),
		key[:30] + "/a", "../../../../../../etc/passwd/xyz", key[:31] + "\x00", key[:31] + "é", "tmp",
	} {
		wantNotFound(t, s, bad)
		if _, err := s.Put(t.Context(), bad, strings.NewReader("x"), blob.PutOptions{Limit: limit}); err == nil {
			t.Errorf("Put %q succeeded", bad)
		}
		if err := s.Delete(t.Context(), bad); err != nil {
			t.Errorf("Delete %q: %v", bad, err)
		}
	}
	if diff := cmp.Diff(map[string]int64{key: 7}, keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func concurrent(t *testing.T, s blob.Store) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			content := strings.Repeat(string(rune('a'+i)), 200_000)
			key := Key(t)
			_, err := s.Put(t.Context(), key, strings.NewReader(content), blob.PutOptions{Limit: limit})
			if err != nil {
				t.Error(err)
				return
			}
			o, err := s.Open(t.Context(), key)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(o)
			if err := errors.Join(err, o.Close()); err != nil || string(got) != content {
				t.Errorf("blob %d came back different (%v)", i, err)
			}
		})
	}
	wg.Wait()
}
