package results_test

import (
	"bytes"
	"crypto/md5" // as storage clients do
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// open begins an artifact of a new job.
func (s *site) open(name string) (c *resultstest.Client, to string) {
	s.T.Helper()
	c = s.client(s.Job("build"))
	to, err := c.Create(s.T.Context(), name)
	if err != nil {
		s.T.Fatal(err)
	}
	return c, to
}

// wantContent finalizes an artifact and reads it.
func wantContent(t *testing.T, c *resultstest.Client, name, want string) {
	t.Helper()
	if _, err := c.Finalize(t.Context(), name, len(want), resultstest.Digest([]byte(want))); err != nil {
		t.Errorf("finalize: %v", err)
		return
	}
	if got, err := c.Download(t.Context(), name); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func id(name string) string { return base64.StdEncoding.EncodeToString([]byte(name)) }

// Threat: partial or out-of-order block upload, repeated block ids, commit listing
// unknown blocks.
func TestOnlyTheListSaysWhatABlobIs(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	put := func(name, content string) {
		t.Helper()
		if err := c.PutBlock(t.Context(), to, id(name), []byte(content)); err != nil {
			t.Error(err)
		}
	}
	list := func(names ...string) error {
		for i := range names {
			names[i] = id(names[i])
		}
		return c.PutList(t.Context(), to, names)
	}
	put("3", "!")
	put("1", "lost body of a ")
	put("2", "world")
	put("unlisted", "nothing of this")
	put("1", "hello ") // a retry: the last body wins
	wantRefused(t, "unknown block", list("1", "4"), http.StatusBadRequest, "InvalidBlockList")
	wantRefused(t, "nothing but unknown blocks", list("x"), http.StatusBadRequest, "InvalidBlockList")
	for range 3 { // its answer was lost
		if err := list("1", "2", "3"); err != nil {
			t.Errorf("list: %v", err)
		}
	}
	wantContent(t, c, "dist", "hello world!")
}

// BLOB-3: BuildKit's ids are 64 bytes of any value; "opaque" is all that is known.
func TestIDsOfBlocksMayBeAnyBytes(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	var ids []string
	for i := range 20 {
		ids = append(ids, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(i * 13), 0xff, '/', '\'', 0}, 12)))
	}
	var want strings.Builder
	for i, id := range ids {
		if err := c.PutBlock(t.Context(), to, id, fmt.Append(nil, i, ";")); err != nil {
			t.Error(err)
		}
		fmt.Fprint(&want, i, ";")
	}
	if err := c.PutList(t.Context(), to, ids); err != nil {
		t.Error(err)
	}
	wantContent(t, c, "dist", want.String())
}

func TestABlobInOneRequest(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	for _, content := range []string{"first", "second"} { // a retry with another body: the last wins
		if err := c.PutWhole(t.Context(), to, []byte(content)); err != nil {
			t.Error(err)
		}
	}
	wantContent(t, c, "dist", "second")
}

// BLOB-1, BLOB-2: the Go SDK sorts the parameters, and others append some.
func TestStorageClientsMaySortAndAppendParameters(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("comp", "block")
	q.Set("blockid", id("1"))
	q.Set("timeout", "30")
	u.RawQuery = q.Encode()
	if err := c.Put(t.Context(), u.String(), []byte("x"), http.Header{"X-Ms-Version": {"2026-04-06"}, "X-Ms-Client-Request-Id": {"1"}, "Accept": {"application/xml"}}); err != nil {
		t.Error(err)
	}
	if err := c.PutList(t.Context(), "http://"+u.Host+u.Path+"?comp=x", nil); err == nil {
		t.Error("a list without a signature is taken")
	}
	if err := c.PutList(t.Context(), to, []string{id("1")}); err != nil {
		t.Error(err)
	}
	wantContent(t, c, "dist", "x")
}

// Threat: signed URL fields shifted, signature checked on a decoded copy, replayed
// for another method or host: all ways to write an upload's URL but the one.
func TestAlteredUploadURLsAreRefused(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	_, other := s.open("other")
	if err := c.PutWhole(t.Context(), to, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(to, "?")
	_, otherQuery, _ := strings.Cut(other, "?")
	object := func(q string) string {
		_, rest, _ := strings.Cut(q, "object=")
		value, _, _ := strings.Cut(rest, "&")
		return "object=" + value
	}
	for name, u := range map[string]string{
		"no query":         path,
		"another object":   path + "?" + strings.Replace(query, object(query), object(otherQuery), 1),
		"object twice":     to + "&" + object(otherQuery),
		"object twice 2":   path + "?" + object(otherQuery) + "&" + query,
		"encoded object":   path + "?" + strings.Replace(query, "object=", "object=%3", 1),
		"encoded name":     path + "?" + strings.Replace(query, "object=", "%6fbject=", 1),
		"encoded twice":    path + "?" + strings.Replace(query, "purpose=artifact", "purpose=%2561rtifact", 1),
		"encoded path":     strings.Replace(path, "artifact-upload", "artifact%2Dupload", 1) + "?" + query,
		"other path":       strings.Replace(path, "upload", "download", 1) + "?" + query,
		"other purpose":    path + "?" + strings.Replace(query, "artifact-upload", "log", 1),
		"later expiry":     path + "?" + strings.Replace(query, "expires=", "expires=9", 1),
		"other repository": path + "?" + strings.Replace(query, "repo=", "repo=1", 1),
	} {
		wantRefused(t, name, c.PutWhole(t.Context(), u, []byte("evil")), http.StatusForbidden, "AuthenticationFailed")
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		if status, code := s.send(method, to, ""); status != http.StatusForbidden || code != "AuthenticationFailed" {
			t.Errorf("%s: %d %s", method, status, code)
		}
	}
	if a := s.Do(http.MethodPut, to, "", "evil", "Host: other.localhost"); a.StatusCode != http.StatusForbidden {
		t.Errorf("on another host: %d %s", a.StatusCode, a.Text)
	}
	wantContent(t, c, "dist", "mine")
}

func TestAnUploadURLEndsAfterADay(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	s.Pass(24*time.Hour - time.Minute)
	if err := c.PutWhole(t.Context(), to, []byte("slow")); err != nil {
		t.Error(err)
	}
	s.Pass(2 * time.Minute)
	wantRefused(t, "after a day", c.PutWhole(t.Context(), to, []byte("x")), http.StatusForbidden, "AuthenticationFailed")
}

// A second Create of a job begins anew; the first URL must not write into it.
func TestTheURLOfAnUploadThatBeganAnewIsDead(t *testing.T) {
	s := newServer(t)
	c, old := s.open("dist")
	to, err := c.Create(t.Context(), "dist")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.PutWhole(t.Context(), to, []byte("new")); err != nil {
		t.Error(err)
	}
	wantRefused(t, "old URL", c.PutWhole(t.Context(), old, []byte("old")), http.StatusNotFound, "BlobNotFound")
	wantContent(t, c, "dist", "new")
}

func TestPutsThatCannotBeServed(t *testing.T) {
	s := newServer(t)
	c, to := s.open("dist")
	block := to + "&comp=block&blockid="
	sum := func(text string) string {
		m := md5.Sum([]byte(text)) // see above
		return base64.StdEncoding.EncodeToString(m[:])
	}
	for _, p := range []struct {
		name, url, body string
		header          http.Header
		status          int
		code            string
	}{
		{"no id", to + "&comp=block", "x", nil, 400, "InvalidBlockId"},
		{"empty id", block, "x", nil, 400, "InvalidBlockId"},
		{"id of 65 bytes", block + url.QueryEscape(id(strings.Repeat("x", 65))), "x", nil, 400, "InvalidBlockId"},
		{"id that is no base64", block + "..%2F..%2Fetc", "x", nil, 400, "InvalidBlockId"},
		{"two ids", block + "YQ%3D%3D&blockid=Yg%3D%3D", "x", nil, 400, "InvalidQueryParameterValue"},
		{"two comps", to + "&comp=block&comp=blocklist&blockid=YQ%3D%3D", "x", nil, 400, "InvalidQueryParameterValue"},
		{"append", to + "&comp=appendblock", "x", nil, 400, "InvalidQueryParameterValue"},
		{"page", to + "&comp=page", "x", nil, 400, "InvalidQueryParameterValue"},
		{"metadata", to + "&comp=metadata", "", nil, 400, "InvalidQueryParameterValue"},
		{"semicolon", to + "&comp=block;blockid=YQ%3D%3D", "x", nil, 400, "InvalidQueryParameterValue"},
		{"bad escape", to + "&x=%zz", "x", nil, 400, "InvalidQueryParameterValue"},
		{"copy of something else", to, "", http.Header{"X-Ms-Copy-Source": {"http://169.254.169.254/"}}, 400, "UnsupportedHeader"},
		{"append blob", to, "", http.Header{"X-Ms-Blob-Type": {"AppendBlob"}}, 400, "InvalidHeaderValue"},
		{"other MD5", block + "YQ%3D%3D", "x", http.Header{"Content-Md5": {sum("y")}}, 400, "Md5Mismatch"},
		{"MD5 of nothing", block + "YQ%3D%3D", "", http.Header{"Content-Md5": {sum("y")}}, 400, "Md5Mismatch"},
		{"no MD5", block + "YQ%3D%3D", "x", http.Header{"Content-Md5": {"eA=="}}, 400, "InvalidMd5"},
		{"MD5", block + "YQ%3D%3D", "x", http.Header{"Content-Md5": {sum("x")}}, 201, ""},
		{"empty block", block + "Yg%3D%3D", "", nil, 201, ""},
		{"list that is none", to + "&comp=blocklist", "x", nil, 400, "InvalidXmlDocument"},
		{"list of 24 MB", to + "&comp=blocklist", "<BlockList>" + strings.Repeat("<!-- -->", 3<<20), nil, 413, "RequestBodyTooLarge"},
		{"list", to + "&comp=blocklist", "<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>", nil, 201, ""},
	} {
		err := c.Put(t.Context(), p.url, []byte(p.body), p.header)
		if p.status != http.StatusCreated {
			wantRefused(t, p.name, err, p.status, p.code)
		} else if err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
	wantContent(t, c, "dist", "x")
}

// Threat: endless chunked body: cut at the configured limit.
func TestBlocksHaveLimits(t *testing.T) {
	s := newServer(t, servertest.WithDeps(func(d *servertest.Deps) { d.Limits.Objects = object.Limits{Block: 1000, Blocks: 3} }))
	c, to := s.open("dist")
	block := to + "&comp=block&blockid=" + url.QueryEscape(id("1"))
	wantRefused(t, "declared", c.Put(t.Context(), block, noise(1001), nil), http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, block, struct{ *endless }{new(endless)}) // chunked
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.HTTP.Do(req)
	if err == nil { // the server may hang up before the client has sent all
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("endless: %d, %v", resp.StatusCode, err)
		}
	}
	for i := range 3 {
		if err := c.PutBlock(t.Context(), to, id(fmt.Sprint(i)), []byte("x")); err != nil {
			t.Error(err)
		}
	}
	wantRefused(t, "too many", c.PutBlock(t.Context(), to, id("4"), []byte("x")), http.StatusConflict, "BlockCountExceedsLimit")
	if err := c.PutBlock(t.Context(), to, id("0"), []byte("y")); err != nil {
		t.Errorf("one of them again: %v", err)
	}
	if err := c.PutList(t.Context(), to, []string{id("0"), id("1")}); err != nil {
		t.Error(err)
	}
	wantContent(t, c, "dist", "yx")
}

// endless is a body without an end.
type endless struct{}

func (*endless) Read(p []byte) (int, error) { return len(p), nil }
