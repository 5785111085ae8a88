package token

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/understudy-ci/understudy/internal/actions"
)

// No text is taken for an assertion but the one that the holder of the key has
// signed, and that has one hash however it is written.
func FuzzNoAssertionIsMadeWithoutTheKey(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, honest()).SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	audiences := []string{testURL}
	want, err := VerifyAssertion(text, testClient, &key.PublicKey, audiences, testNow)
	if err != nil {
		f.Fatal(err)
	}
	head, signature, claims := text[:strings.IndexByte(text, '.')], text[strings.LastIndexByte(text, '.'):], text[strings.IndexByte(text, '.'):strings.LastIndexByte(text, '.')]
	none := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
	for _, s := range []string{
		text, none + claims + ".", none + claims + signature, head + claims + ".", head + ".e30" + signature, head + claims + signature + "=", head + claims + signature + ".x",
		"..", "", "a.b.c", strings.Repeat("a.", 1000), strings.Repeat("a", maxToken+1),
	} {
		f.Add(s, uint16(0), byte(0))
	}
	for at := range uint16(8) {
		f.Add(text, at*100, byte(1))
	}
	f.Fuzz(func(t *testing.T, given string, at uint16, flip byte) {
		b := []byte(given)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= flip
		}
		if client, err := AssertionClient(string(b)); err == nil && client == "" || err != nil && actions.KindOf(err) != actions.Unauthorized {
			t.Errorf("%q is of %q, %v", b, client, err)
		}
		for _, now := range []time.Time{testNow, testNow.Add(-time.Hour), testNow.Add(time.Hour)} {
			got, err := VerifyAssertion(string(b), testClient, &key.PublicKey, audiences, now)
			switch {
			case err != nil && actions.KindOf(err) != actions.Unauthorized:
				t.Errorf("%q: %v", b, err)
			case err == nil && (!now.Equal(testNow) || !bytes.Equal(got.Hash, want.Hash)):
				t.Errorf("%q is taken at %v", b, now)
			}
		}
	})
}
