package token

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strconv"
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
		Host: testHost, Purpose: "step-log", Methods: []string{"GET", "HEAD"}, Object: "abc123.7", GUID: "6f9619ff-8b86", RepoID: 42,
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

// Threat: signed URL replayed after 1 minute, for another method, on another host.
func TestSignedURLIsGoodOnItsHostAlone(t *testing.T) {
	k := testKeys(t)
	q := signedQuery(t, k, testGrant())
	for _, host := range []string{"", "evil.example", "ci.example", "ci.example:3001", "CI.example:3000", "ci.example:3000.", testHost + testPath, testHost[:len(testHost)-1]} {
		_, err := k.VerifyURL("GET", host, testPath, q, testNow)
		wantForbidden(t, host, err)
	}
	// The border between host and path is signed, too.
	_, err := k.VerifyURL("GET", testHost+"/ci", strings.TrimPrefix(testPath, "/ci"), q, testNow)
	wantForbidden(t, "moved border", err)
	g := testGrant()
	g.Host = ""
	if q, err := k.SignURL(testPath, g); err == nil {
		t.Errorf("signed for no host: %s", q)
	}
}

// Threat: signed URL fields shifted between parameters so that the MAC still
// matches. Of grants that differ in anything, none has the other's signature.
func TestNoTwoGrantsShareASignature(t *testing.T) {
	k := testKeys(t)
	words := []string{"a", "aa", "a.a", "1", "11", "GET", "GET.PUT"}
	guids := []string{"a", "a.a", "1", "a~a"}
	seen := make(map[string]string)
	for _, host := range words {
		for _, purpose := range words {
			for _, object := range words {
				for _, methods := range [][]string{{"GET"}, {"GET", "PUT"}, {"GETPUT"}} {
					for i, n := range []int64{1, 11, 111, 1} {
						g := Grant{Host: host, Purpose: purpose, Methods: methods, Object: object, GUID: guids[i], RepoID: n, Expires: time.Unix(111/n, 0)}
						q := signedQuery(t, k, g)
						sig := q[strings.Index(q, "&sig=")+5:]
						if other, ok := seen[sig]; ok {
							t.Fatalf("%s and %s on %s have one signature", other, q, host)
						}
						seen[sig] = q
					}
				}
			}
		}
	}
}

// Storage clients sort and append; no order changes what is granted (SES-1).
func TestTheOrderOfParametersDoesNotMatter(t *testing.T) {
	k := testKeys(t)
	params := strings.Split(signedQuery(t, k, testGrant()), "&")
	params = append(params, "comp=block", "blockid=QUJD%3D", "timeout=30", "x")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rng.Shuffle(len(params), func(i, j int) { params[i], params[j] = params[j], params[i] })
		query := strings.Join(params, "&")
		g, err := k.VerifyURL("GET", testHost, testPath, query, testNow)
		if diff := cmp.Diff(testGrant(), g); err != nil || diff != "" {
			t.Fatalf("%s: %v\n%s", query, err, diff)
		}
		for i := range params { // a parameter of ours a second time, a different one or the same
			if _, err := k.VerifyURL("GET", testHost, testPath, query+"&"+params[i], testNow); err == nil != strings.ContainsAny(params[i][:1], "cbtx") {
				t.Fatalf("%s twice: %v", params[i], err)
			}
		}
	}
}

// BLOB-1: clients split at "=", append parameters and sort them.
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

// Threat: signed URL fields shifted between parameters so that the MAC still matches.
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

// Threat: signature checked after parsing or on a decoded copy.
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
		"encoded twice":      strings.Replace(q, "object=abc", "object=%2561bc", 1),
		"encoded separator":  strings.Replace(q, "&object=", "%26object=", 1),
		"encoded equals":     strings.Replace(q, "object=", "object%3D", 1),
		"semicolons":         strings.ReplaceAll(q, "&", ";"),
		"upper case":         strings.Replace(q, "purpose=", "PURPOSE=", 1),
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

func TestWhatIsSignedHasANameThatIsNotGivenOutTwice(t *testing.T) {
	k := testKeys(t)
	for what, change := range map[string]func(*Grant){
		"no GUID":                     func(g *Grant) { g.GUID = "" },
		"a border inside the numbers": func(g *Grant) { g.Object = "abc~123" },
	} {
		g := testGrant()
		change(&g)
		if q, err := k.SignURL(testPath, g); err == nil {
			t.Errorf("%s: signed: %s", what, q)
		}
	}
	got, err := k.VerifyURL("GET", testHost, testPath, signedQuery(t, k, testGrant()), testNow)
	if err != nil || !got.IsOf(testGrant().GUID, testNow, time.Minute) || got.IsOf("9f0b1c52-5d50", testNow.Add(-time.Hour), time.Minute) {
		t.Errorf("%+v, %v: it is of its row %t, of another with its number %t", got, err,
			got.IsOf(testGrant().GUID, testNow, time.Minute), got.IsOf("9f0b1c52-5d50", testNow.Add(-time.Hour), time.Minute))
	}
}

// A version before this one has signed numbers alone. An upload that goes on when the
// server is replaced by a newer one has such a URL.
func TestAURLOfAnEarlierVersionIsForWhatWasThere(t *testing.T) {
	k, g := testKeys(t), testGrant()
	g.GUID = ""
	for _, c := range []struct {
		made time.Time // the row
		want bool
	}{{testNow.Add(-time.Hour), true}, {testNow, true}, {testNow.Add(2 * time.Second), false}} {
		if is := g.IsOf("6f9619ff-8b86", c.made, time.Minute); is != c.want {
			t.Errorf("a row that was made %v after the signature: %t", c.made.Sub(testNow), is)
		}
	}
	values := []string{g.Purpose, strings.Join(g.Methods, "."), g.Object, "42", strconv.FormatInt(g.Expires.Unix(), 10)}
	var q strings.Builder
	for i, name := range urlParams {
		q.WriteString(name + "=" + values[i] + "&")
	}
	q.WriteString("sig=" + base64.RawURLEncoding.EncodeToString(k.urlMAC(testHost, testPath, values)))
	got, err := k.VerifyURL("GET", testHost, testPath, q.String(), testNow)
	if diff := cmp.Diff(g, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
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
