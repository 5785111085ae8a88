// Package blobtest is the suite that every blob.Store must pass.
package blobtest

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

// limit is more than any blob of the suite has.
const limit = 64 << 20

// Run runs the suite; open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, blob.Store){
		"blob comes back as it was":                  comesBack,
		"big blob comes back as it was":              bigComesBack,
		"no two blobs share a key":                   keysDiffer,
		"reader may seek":                            seeks,
		"reader of a big blob may seek":              seeksInBig,
		"relaxed blob can be flushed":                flushes,
		"missing blob is NotFound":                   missing,
		"failed Put leaves nothing":                  failedPut,
		"cut body leaves nothing":                    cutBody,
		"longer than the limit is Invalid":           tooLong,
		"not of the declared length is Malformed":    wrongSize,
		"Delete removes, and twice is no error":      deletes,
		"blob that is open never changes":            deleteWhileOpen,
		"List has every blob and Sweep keeps them":   lists,
		"keys that were not made here reach nothing": badKeys,
		"probe leaves nothing":                       probes,
		"concurrent users do not disturb each other": concurrent,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Put puts content and returns its key.
func Put(t testing.TB, s blob.Store, content string) (key string) {
	t.Helper()
	return PutWith(t, s, content, blob.PutOptions{})
}

// PutWith puts content with options, whose limit need not be set.
func PutWith(t testing.TB, s blob.Store, content string, o blob.PutOptions) (key string) {
	t.Helper()
	o.Limit = max(o.Limit, int64(len(content)))
	b, err := s.Put(t.Context(), strings.NewReader(content), o)
	if err != nil || b.Size != int64(len(content)) {
		t.Fatalf("Put returned %+v, %v, want %d bytes", b, err, len(content))
	}
	return b.Key
}

// Get returns the content of a blob.
func Get(t testing.TB, s blob.Store, key string) string {
	t.Helper()
	content, err := read(t, s, key)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func read(t testing.TB, s blob.Store, key string) (string, error) {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(o)
	if err == nil && o.Size() != int64(len(content)) {
		t.Errorf("Size is %d, want %d", o.Size(), len(content))
	}
	return string(content), errors.Join(err, o.Close())
}

// WantNotFound fails the test if the blob can be opened.
func WantNotFound(t testing.TB, s blob.Store, key string) {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err == nil {
		_ = o.Close()
	}
	if actions.KindOf(err) != actions.NotFound {
		t.Errorf("open %q: got %v, want NotFound", key, err)
	}
}

// Keys lists the blobs: their sizes by key.
func Keys(t testing.TB, s blob.Store) map[string]int64 {
	t.Helper()
	got := map[string]int64{}
	for b, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[b.Key] = b.Size
	}
	return got
}
