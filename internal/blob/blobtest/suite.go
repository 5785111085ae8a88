package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func comesBack(t *testing.T, s blob.Store) {
	t.Helper()
	for _, size := range []int{0, 1, 4096, 32<<10 - 1, 32 << 10, 32<<10 + 1, 300_001} {
		for _, o := range []blob.PutOptions{
			{Limit: int64(size)},
			{Limit: int64(size), Size: int64(size)},
			{Limit: limit, Relaxed: true},
		} {
			content := random(size)
			// Not all at once, and the end together with the last: a reader's rights.
			r := iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(content)))
			b, err := s.Put(t.Context(), r, o)
			if err != nil || b.Size != int64(size) {
				t.Fatalf("Put of %d bytes, %+v, returned %+v, %v", size, o, b, err)
			}
			if age := time.Since(b.ModTime); age < -time.Minute || age > time.Minute {
				t.Errorf("put at %v", b.ModTime)
			}
			if Get(t, s, b.Key) != string(content) {
				t.Errorf("%d bytes came back different", size)
			}
		}
	}
}

// big is more than two parts of an upload in parts.
const big = 17<<20 + 5

func bigComesBack(t *testing.T, s blob.Store) {
	t.Helper()
	content := string(random(big))
	for _, o := range []blob.PutOptions{{}, {Size: big, Relaxed: true}} {
		if Get(t, s, PutWith(t, s, content, o)) != content {
			t.Errorf("%+v: came back different", o)
		}
	}
}

func keysDiffer(t *testing.T, s blob.Store) {
	t.Helper()
	seen := map[string]bool{}
	for range 10 {
		key := Put(t, s, "the same")
		if seen[key] {
			t.Errorf("key %q came twice", key)
		}
		seen[key] = true
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

func seeksInBig(t *testing.T, s blob.Store) {
	t.Helper()
	content := string(random(300_000))
	o, err := s.Open(t.Context(), Put(t, s, content))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for _, c := range []struct{ from, n int }{{0, 10}, {10, 1000}, {200_000, 100_000}, {5, 5}, {299_999, 1}, {300_000, 0}} {
		if _, err := o.Seek(int64(c.from), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, c.n)
		if _, err := io.ReadFull(o, got); err != nil || string(got) != content[c.from:c.from+c.n] {
			t.Errorf("%d bytes from %d: %v, or others", c.n, c.from, err)
		}
	}
	if end, err := o.Seek(0, io.SeekEnd); err != nil || end != 300_000 {
		t.Errorf("the end is at %d, %v", end, err)
	}
	if n, err := o.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if _, err := o.Seek(-1, io.SeekStart); err == nil {
		t.Error("seek before the start succeeded")
	}
}

func flushes(t *testing.T, s blob.Store) {
	t.Helper()
	want := map[string]string{}
	var list []string
	for i := range 20 {
		content := strings.Repeat(fmt.Sprint(i), i*i*200)
		key := PutWith(t, s, content, blob.PutOptions{Relaxed: i%3 > 0})
		want[key], list = content, append(list, key)
	}
	for range 2 {
		if err := s.Flush(t.Context(), list...); err != nil {
			t.Fatal(err)
		}
	}
	for key, content := range want {
		if Get(t, s, key) != content {
			t.Errorf("blob of %d bytes came back different", len(content))
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Errorf("flush of nothing: %v", err)
	}
}

func missing(t *testing.T, s blob.Store) {
	t.Helper()
	Put(t, s, "another")
	WantNotFound(t, s, blob.NewKey())
}

func failedPut(t *testing.T, s blob.Store) {
	t.Helper()
	boom := errors.New("boom")
	for _, before := range []int{0, 5, 300_000, big} {
		r := io.MultiReader(bytes.NewReader(random(before)), iotest.ErrReader(boom))
		if _, err := s.Put(t.Context(), r, blob.PutOptions{Limit: limit}); !errors.Is(err, boom) {
			t.Errorf("got %v, want the reader's error", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Put(ctx, strings.NewReader("x"), blob.PutOptions{Limit: limit})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	wantNothing(t, s)
}

func wantNothing(t *testing.T, s blob.Store) {
	t.Helper()
	if got := Keys(t, s); len(got) != 0 {
		t.Errorf("the list has %v", got)
	}
}

func probes(t *testing.T, s blob.Store) {
	t.Helper()
	for range 2 {
		if err := s.Writable(t.Context()); err != nil {
			t.Errorf("a store that takes blobs is not writable: %v", err)
		}
	}
	wantNothing(t, s)
}

func cutBody(t *testing.T, s blob.Store) {
	t.Helper()
	for _, size := range []int{100, 300_000, big} {
		for _, declared := range []int{0, size} {
			r := io.MultiReader(bytes.NewReader(random(size-1)), iotest.ErrReader(io.ErrUnexpectedEOF))
			_, err := s.Put(t.Context(), r, blob.PutOptions{Limit: limit, Size: int64(declared)})
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d declared, %d sent: got %v, want the reader's error", declared, size-1, err)
			}
		}
	}
	wantNothing(t, s)
}

// endless is a reader without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Threat: endless chunked body.
func tooLong(t *testing.T, s blob.Store) {
	t.Helper()
	for _, o := range []blob.PutOptions{{Limit: 1 << 20}, {Limit: 100}, {}, {Limit: 12 << 20}, {Limit: 100, Size: 1 << 40}} {
		_, err := s.Put(t.Context(), endless{}, o)
		if actions.KindOf(err) != actions.Invalid {
			t.Errorf("%+v: got %v, want Invalid", o, err)
		}
	}
	wantNothing(t, s)
}

// Threat: size declared falsely.
func wrongSize(t *testing.T, s blob.Store) {
	t.Helper()
	for _, c := range []struct{ declared, size int }{{10, 9}, {10, 11}, {10, 300_000}, {300_000, 10}, {300_000, 299_999}, {300_000, 300_001}, {1, 0}} {
		_, err := s.Put(t.Context(), bytes.NewReader(random(c.size)), blob.PutOptions{Limit: limit, Size: int64(c.declared)})
		if actions.KindOf(err) != actions.Malformed {
			t.Errorf("%d declared, %d sent: got %v, want Malformed", c.declared, c.size, err)
		}
	}
	wantNothing(t, s)
}

func deletes(t *testing.T, s blob.Store) {
	t.Helper()
	large := strings.Repeat("x", 100_000)
	kept := Put(t, s, "kept")
	small, big := Put(t, s, "gone"), Put(t, s, large)
	alsoKept := Put(t, s, "also kept")
	for range 2 {
		for _, key := range []string{small, big} {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			WantNotFound(t, s, key)
		}
		if err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]int64{kept: 4, alsoKept: 9}, Keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if got := Get(t, s, kept) + Get(t, s, alsoKept); got != "keptalso kept" {
		t.Errorf("the other blobs are %q", got)
	}
}

func deleteWhileOpen(t *testing.T, s blob.Store) {
	t.Helper()
	for _, content := range []string{"content", strings.Repeat("content", 100_000)} {
		key := Put(t, s, content)
		o, err := s.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o)
		if actions.KindOf(err) != actions.NotFound && (err != nil || string(got) != content) {
			t.Errorf("read %.20q, %v", got, err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

func lists(t *testing.T, s blob.Store) {
	t.Helper()
	want := map[string]int64{}
	for i := range 20 {
		want[Put(t, s, strings.Repeat("x", i*i*i*10))] = int64(i * i * i * 10)
	}
	if err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, Keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for b, err := range s.List(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		if age := time.Since(b.ModTime); age < -time.Minute || age > time.Minute {
			t.Errorf("put at %v", b.ModTime)
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

// Threat: a name used as a path.
func badKeys(t *testing.T, s blob.Store) {
	t.Helper()
	small, large := Put(t, s, "content"), Put(t, s, strings.Repeat("x", 100_000))
	bad := []string{
		"", ".", "..", "/", "/etc/passwd", "../../../../../../etc/passwd/xyz", "tmp", "packs", "a", "a/a",
		blob.NewKey(), strings.Repeat("a", 40), strings.Repeat("7", 40), strings.Repeat("a", 1<<16), "%2e%2e/x", "../x",
	}
	for _, key := range []string{small, large} {
		bad = append(bad, "../"+key, "./"+key, key+"/", key+"/..", key[:1]+"/"+key, "/"+key, key+"a", key[1:], key[:len(key)-1], key+"\x00",
			key[:len(key)-1]+"\x00", key[:len(key)-2]+"é", strings.ToUpper(key), key+"\n", " "+key, key+"?versionId=1", key+"%00")
		for i := range key { // another letter at each position
			other := byte('a')
			if key[i] == other {
				other = 'b'
			}
			bad = append(bad, key[:i]+string(other)+key[i+1:])
		}
	}
	for _, key := range bad {
		WantNotFound(t, s, key)
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete %q: %v", key, err)
		}
	}
	if diff := cmp.Diff(map[string]int64{small: 7, large: 100_000}, Keys(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if Get(t, s, small) != "content" {
		t.Error("the blob has changed")
	}
}

func concurrent(t *testing.T, s blob.Store) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for round := range 5 {
				content := strings.Repeat(string(rune('a'+i)), 1+i*round*500)
				b, err := s.Put(t.Context(), strings.NewReader(content), blob.PutOptions{Limit: limit, Relaxed: i%2 == 0})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := read(t, s, b.Key); err != nil || got != content {
					t.Errorf("blob of %d came back different: %v", i, err)
				}
				switch i % 4 {
				case 0:
					err = s.Flush(t.Context(), b.Key)
				case 1:
					err = s.Delete(t.Context(), b.Key)
				case 2:
					err = s.Sweep(t.Context(), time.Now().Add(-time.Hour))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(Keys(t, s)); got != 12*5 {
		t.Errorf("%d blobs are left, want %d", got, 12*5)
	}
}
