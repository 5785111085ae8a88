package token

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	testHost = "ci.example:3000"
	testPath = "/ci/_blobs/logs/abc123"
)

func testGrant() Grant {
	return Grant{
		Host: testHost, Purpose: "step-log", Methods: []string{"GET", "HEAD"}, Object: "abc123.7", RepoID: 42,
		Expires: testNow.Add(time.Minute),
	}
}

func signedQuery(t testing.TB, k *Keys, g Grant) string {
	t.Helper()
	q, err := k.SignURL(testPath, g)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func wantForbidden(t *testing.T, what string, err error) {
	t.Helper()
	if actions.KindOf(err) != actions.Forbidden {
		t.Errorf("%s: got %v, want Forbidden", what, err)
	}
}

func TestSignedURLComesBackAsItWas(t *testing.T) {
	k := testKeys(t)
	q := signedQuery(t, k, testGrant())
	for _, method := range []string{"GET", "HEAD"} {
		got, err := k.VerifyURL(method, testHost, testPath, q, testNow.Add(59*time.Second))
		if diff := cmp.Diff(testGrant(), got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", method, err, diff)
		}
	}
	_, err := k.VerifyURL("PUT", testHost, testPath, q, testNow)
	wantForbidden(t, "another method", err)
	_, err = k.VerifyURL("GET", testHost, testPath, q, testNow.Add(time.Minute))
	wantForbidden(t, "expired", err)
	_, err = testKeys(t).VerifyURL("GET", testHost, testPath, q, testNow)
	wantForbidden(t, "another server's key", err)
}

// results.md §4.1: clients split at "=", append parameters and sort them.
func TestSignedURLSurvivesStorageClients(t *testing.T) {
	k := testKeys(t)
	g := testGrant()
	g.Methods = []string{"PUT"}
	q := signedQuery(t, k, g)
	values, err := url.ParseQuery(q)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range values {
		if v[0] == "" || strings.ContainsAny(v[0], "=%+/") {
			t.Errorf("%s=%q does not survive", name, v[0])
		}
	}
	values.Set("comp", "block")
	values.Set("blockid", "YWJj==")
	for _, query := range []string{values.Encode(), q + "&comp=blocklist&timeout=30", "comp=appendblock&" + q, q + "&&x"} {
		if _, err := k.VerifyURL("PUT", testHost, testPath, query, testNow); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestEveryAlteredByteIsRefused(t *testing.T) {
	k := testKeys(t)
	q := signedQuery(t, k, testGrant())
	for i := range q {
		for _, c := range []byte("A0%&=;+.\x00") {
			if q[i] == c {
				continue
			}
			altered := q[:i] + string(c) + q[i+1:]
			_, err := k.VerifyURL("GET", testHost, testPath, altered, testNow)
			wantForbidden(t, altered, err)
		}
		_, err := k.VerifyURL("GET", testHost, testPath, q[:i]+q[i+1:], testNow)
		wantForbidden(t, "shorter at "+q[i:], err)
	}
	for i := range testPath {
		_, err := k.VerifyURL("GET", testHost, testPath[:i]+"x"+testPath[i+1:], q, testNow)
		wantForbidden(t, "path", err)
	}
}

// threats.md: fields moved between parameters, double parameters, other encodings.
func TestOtherWritingsOfASignedURLAreRefused(t *testing.T) {
	k := testKeys(t)
	q := signedQuery(t, k, testGrant())
	for name, query := range map[string]string{
		"empty":              "",
		"signature twice":    q + "&sig=AAAA",
		"object twice":       q + "&object=other",
		"object twice first": "object=other&" + q,
		"encoded name":       q + "&%6Fbject=other",
		"only encoded name":  strings.Replace(q, "object=", "%6Fbject=", 1),
		"encoded value":      strings.Replace(q, "object=abc", "object=%61bc", 1),
		"bad encoding":       q + "&%zz=1",
		"moved field":        strings.NewReplacer("purpose=step-log", "purpose=step-logGET", "methods=GET.HEAD", "methods=.HEAD").Replace(q),
		"no signature":       q[:strings.Index(q, "sig=")],
		"padded signature":   q + "=",
	} {
		_, err := k.VerifyURL("GET", testHost, testPath, query, testNow)
		wantForbidden(t, name, err)
	}
	for _, path := range []string{"/ci//_blobs/logs/abc123", "/ci/_blobs/logs/abc12%33", "/ci/_blobs/x/../logs/abc123", testPath + "/", ""} {
		_, err := k.VerifyURL("GET", testHost, path, q, testNow)
		wantForbidden(t, path, err)
	}
}

func TestNamesThatClientsMightRewriteAreNotSigned(t *testing.T) {
	k := testKeys(t)
	for _, object := range []string{"", "a/b", "a b", "a%2Fb", "a&sig=x", "ä"} {
		g := testGrant()
		g.Object = object
		if q, err := k.SignURL(testPath, g); err == nil {
			t.Errorf("object %q was signed: %s", object, q)
		}
	}
	for _, path := range []string{"", "relative", "/a b", "/a?b"} {
		if q, err := k.SignURL(path, testGrant()); err == nil {
			t.Errorf("path %q was signed: %s", path, q)
		}
	}
}

func FuzzOnlyOurOwnQueriesAreAccepted(f *testing.F) {
	k := testKeys(f)
	q := signedQuery(f, k, testGrant())
	f.Add(testPath, q)
	f.Add(testPath, q+"&comp=block")
	f.Add("/x", "sig=&purpose=a&methods=GET&object=b&repo=1&expires=9999999999")
	f.Fuzz(func(t *testing.T, path, query string) {
		g, err := k.VerifyURL("GET", testHost, path, query, testNow)
		if err != nil {
			return
		}
		if diff := cmp.Diff(testGrant(), g); path != testPath || diff != "" {
			t.Errorf("%q %q was accepted:\n%s", path, query, diff)
		}
	})
}

func BenchmarkVerifyURL(b *testing.B) {
	k := testKeys(b)
	q := signedQuery(b, k, testGrant())
	for b.Loop() {
		if _, err := k.VerifyURL("GET", testHost, testPath, q, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyJob(b *testing.B) {
	k := testKeys(b)
	text, err := k.SignJob(testJob(), testNow)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.Job(text, testNow); err != nil {
			b.Fatal(err)
		}
	}
}
