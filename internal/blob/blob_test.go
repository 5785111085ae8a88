package blob

import (
	"bytes"
	"crypto/rand"
	"testing"
)

func TestKeysAreValidAndDifferent(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key, err := NewKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !ValidKey(key) || seen[key] {
			t.Fatalf("key %q is not valid or came twice", key)
		}
		seen[key] = true
	}
	if _, err := NewKey(bytes.NewReader([]byte("short"))); err == nil {
		t.Error("a key was made of too little randomness")
	}
}
