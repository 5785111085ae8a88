package token

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

const (
	testClient = "1c9a2a4e-7d7d-4d0e-8e5b-6e1d8f0c9a11"
	testURL    = "http://127.0.0.1:3000/_runner/token"
)

// honest are the claims of an official runner: no iat, five minutes.
func honest() jwt.RegisteredClaims {
	return jwt.RegisteredClaims{
		Issuer: testClient, Subject: testClient, Audience: jwt.ClaimStrings{testURL}, ID: "j1",
		NotBefore: jwt.NewNumericDate(testNow), ExpiresAt: jwt.NewNumericDate(testNow.Add(5 * time.Minute)),
	}
}

// AUTH-1: both algorithms, ±5 minutes.
func TestRunnersAssertionIsAccepted(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []jwt.SigningMethod{jwt.SigningMethodRS256, jwt.SigningMethodPS256} {
		text, err := jwt.NewWithClaims(m, honest()).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		client, err := AssertionClient(text)
		if err != nil || client != testClient {
			t.Errorf("client %q (%v), want %q", client, err, testClient)
		}
		for _, skew := range []time.Duration{-4 * time.Minute, 0, 9 * time.Minute} {
			got, err := VerifyAssertion(text, client, &key.PublicKey, []string{"http://other/", testURL}, testNow.Add(skew))
			want := Assertion{ClientID: testClient, Hash: got.Hash, Expires: testNow.Add(10 * time.Minute)}
			if diff := cmp.Diff(want, got); err != nil || diff != "" || len(got.Hash) != sha256.Size {
				t.Errorf("%s, %v late: %v\n%s", m.Alg(), skew, err, diff)
			}
			rewritten := text[:len(text)-1] + otherEnd(text[len(text)-1])
			if again, err := VerifyAssertion(rewritten, client, &key.PublicKey, []string{testURL}, testNow.Add(skew)); err == nil && !bytes.Equal(again.Hash, got.Hash) {
				t.Error("the same assertion with its signature written in another way has another hash")
			}
		}
	}
}

// otherEnd is another last character of base64 that stands for the same bytes: of a
// signature of 256 bytes it has two bits that count.
func otherEnd(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, c)
	return alphabet[i^1 : i^1+1]
}

func TestBadAssertionsAreUnauthorized(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		method jwt.SigningMethod
		key    any
		change func(*jwt.RegisteredClaims)
		clock  bool // the answer tells the time
	}{
		{"key of another", jwt.SigningMethodRS256, foreign, nil, false},
		{"alg none", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, false},
		{"public key as HMAC secret", jwt.SigningMethodHS256, key.N.Bytes(), nil, false},
		{"RS512", jwt.SigningMethodRS512, key, nil, false},
		{"issuer of another", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.Issuer = "x" }, false},
		{"subject of another", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.Subject = "x" }, false},
		{"other server", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.Audience[0] = "http://evil/" }, false},
		{"no audience", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.Audience = nil }, false},
		{"no expiry", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }, false},
		{"expired", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.ExpiresAt.Time = testNow.Add(-6 * time.Minute) }, true},
		{"from the future", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.NotBefore.Time = testNow.Add(6 * time.Minute) }, true},
		{"lives for a day", jwt.SigningMethodRS256, key, func(c *jwt.RegisteredClaims) { c.ExpiresAt.Time = testNow.Add(24 * time.Hour) }, true},
	} {
		c := honest()
		if test.change != nil {
			test.change(&c)
		}
		text, err := jwt.NewWithClaims(test.method, c).SignedString(test.key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = VerifyAssertion(text, testClient, &key.PublicKey, []string{testURL}, testNow)
		wantUnauthorized(t, test.name, err)
		if err != nil && strings.Contains(err.Error(), "Current server time is") != test.clock {
			t.Errorf("%s: got %q; tells the time: want %v", test.name, err, test.clock)
		}
	}
	for _, text := range []string{"", "x", "a.b.c", strings.Repeat("a", maxToken+1)} {
		_, err := AssertionClient(text)
		wantUnauthorized(t, text[:min(len(text), 10)], err)
		_, err = VerifyAssertion(text, testClient, &key.PublicKey, []string{testURL}, testNow)
		wantUnauthorized(t, text[:min(len(text), 10)], err)
	}
}
