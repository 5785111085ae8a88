package blob

import "testing"

func TestKeysAreValidAndDifferent(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key := NewKey()
		if !ValidKey(key) || seen[key] {
			t.Fatalf("key %q is not valid or came twice", key)
		}
		seen[key] = true
	}
}
