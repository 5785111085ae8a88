package token

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestAKeyOfOIDCTokensIsReadAsItWasKept(t *testing.T) {
	made, err := NewIDKey(rand.Reader, testNow)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewIDKey(rand.Reader, testNow)
	if err != nil {
		t.Fatal(err)
	}
	private, err := made.Private()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadIDKey(made.Certificate(), private)
	if err != nil || read.ID() != made.ID() || made.ID() == other.ID() {
		t.Fatalf("%v, %v, want %s", read, err, made.ID())
	}
	text, err := read.Sign(map[string]any{"sub": "x", "exp": testNow.Add(time.Minute).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	for key, good := range map[*IDKey]bool{made: true, other: false} {
		_, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return key.cert.PublicKey.(*rsa.PublicKey), nil }, jwt.WithTimeFunc(func() time.Time { return testNow }))
		if (err == nil) != good {
			t.Errorf("by the key %s: %v, want it to be good: %t", key.ID(), err, good)
		}
	}
	for what, parts := range map[string][2][]byte{
		"the private key of another": {other.Certificate(), private}, "no certificate": {nil, private}, "no private key": {made.Certificate(), nil}, "words": {[]byte("x"), []byte("y")},
	} {
		if _, err := ReadIDKey(parts[0], parts[1]); err == nil {
			t.Errorf("%s: it is a key", what)
		}
	}
}

func TestTheTokenOfAJobSaysWhetherItMayAskForOIDCTokens(t *testing.T) {
	k := testKeys(t)
	for _, may := range []bool{true, false} {
		j := testJob()
		j.IDTokens = may
		text, err := k.SignJob(j, testNow)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.Job(text, testNow)
		if err != nil || got.IDTokens != may || got.PlanGUID != j.PlanGUID || got.GUID != j.GUID {
			t.Errorf("%+v, %v, want that it may: %t", got, err, may)
		}
	}
}
