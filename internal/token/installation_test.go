package token

import (
	"crypto/rand"
	"testing"
)

func TestAJobAlwaysGetsTheSameInstallationToken(t *testing.T) {
	keys, err := LoadKeys(t.TempDir(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	first, err := keys.Installation("2c1b0a99-1111-4222-8333-444455556666")
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.Installation("2c1b0a99-1111-4222-8333-444455556666")
	if err != nil || again != first {
		t.Errorf("second time: %q, %v; want %q", again, err, first)
	}
	other, err := keys.Installation("2c1b0a99-1111-4222-8333-444455556667")
	if err != nil || other == first {
		t.Errorf("another job: %q, %v; want another token", other, err)
	}
	if k, ok := KindOf(first); !ok || k != Installation {
		t.Errorf("KindOf(%q) = %q, %v; want %q", first, k, ok, Installation)
	}
}
