package token

import (
	"bytes"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTokensHaveGitHubsShapes(t *testing.T) {
	for kind, shape := range map[Kind]string{
		Classic:      `^ghp_[0-9A-Za-z]{36}$`,
		FineGrained:  `^github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}$`,
		Installation: `^ghs_[0-9A-Za-z]{36}$`,
		Registration: `^A[A-Z2-7]{28}$`,
	} {
		re := regexp.MustCompile(shape)
		seen := map[string]bool{}
		for range 200 {
			text, err := New(kind, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if !re.MatchString(text) {
				t.Fatalf("%s does not match %s", text, shape)
			}
			if got, ok := KindOf(text); !ok || got != kind {
				t.Fatalf("KindOf(%s) = %q, %v", text, got, ok)
			}
			if seen[text] {
				t.Fatalf("%s came twice", text)
			}
			seen[text] = true
		}
	}
}

func TestEveryLetterIsAboutEquallyLikely(t *testing.T) {
	count := map[rune]int{}
	const tokens = 4000
	for range tokens {
		text, err := New(Classic, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range text[4 : 4+plainSize] {
			count[c]++
		}
	}
	want := tokens * plainSize / len(base62)
	for _, c := range base62 {
		if n := count[c]; n < want*8/10 || n > want*12/10 {
			t.Errorf("%c came %d times, want about %d", c, n, want)
		}
	}
}

func TestWordsThatAreNoTokensAreKnownWithoutTheStore(t *testing.T) {
	good, err := New(Classic, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other := "a"
	if good[10:11] == other {
		other = "b"
	}
	for _, text := range []string{
		"", "ghp_", "A", "github_pat_", good + "x", good[:len(good)-1], "ghs_" + good[5:],
		good[:10] + other + good[11:], strings.ToUpper(good), good[:10] + "\x00" + good[11:],
		"A" + strings.Repeat("a", 28), "github_pat_" + strings.Repeat("x", 82), "eyJhbGciOi.x.y",
	} {
		if kind, ok := KindOf(text); ok {
			t.Errorf("KindOf(%q) = %q, want none", text, kind)
		}
	}
}

// The last six characters are the CRC-32 of the ones before, in base 62.
func TestChecksumIsPaddedCRC32InBase62(t *testing.T) {
	for body, want := range map[string]int{"123456789": 0xcbf43926, "": 0} {
		got, n := checksum(body), 0
		for _, c := range got {
			n = n*62 + strings.IndexRune(base62, c)
		}
		if n != want || len(got) != checksumSize {
			t.Errorf("checksum of %q is %q, which means %#x, want %#x", body, got, n, want)
		}
	}
}

func TestFailureOfRandomnessIsAnError(t *testing.T) {
	boom := errors.New("boom")
	for _, kind := range []Kind{Classic, FineGrained, Registration} {
		if _, err := New(kind, iotest.ErrReader(boom)); !errors.Is(err, boom) {
			t.Errorf("%s: got %v, want boom", kind, err)
		}
		if _, err := New(kind, bytes.NewReader(make([]byte, 25))); err == nil {
			t.Errorf("%s: made of 25 bytes only", kind)
		}
	}
}

func TestHashIsSHA256(t *testing.T) {
	if len(Hash("x")) != 32 || !bytes.Equal(Hash("x"), Hash("x")) || bytes.Equal(Hash("x"), Hash("y")) {
		t.Error("not a hash")
	}
}
