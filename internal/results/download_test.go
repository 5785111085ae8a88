package results_test

import (
	"context"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// upload uploads an artifact of a new job, and returns it as the store has it.
func (s *site) upload(in wire.CreateArtifactRequest, content []byte) *actions.Artifact {
	s.T.Helper()
	c := s.client(s.Job("build"))
	to, err := c.CreateAs(s.T.Context(), in)
	if err == nil {
		err = c.PutBlocks(s.T.Context(), to, content, 100)
	}
	if err != nil {
		s.T.Fatal(err)
	}
	id, err := c.Finalize(s.T.Context(), in.Name, len(content), "")
	if err != nil {
		s.T.Fatal(err)
	}
	art, err := s.Store.Artifact(s.T.Context(), id)
	if err != nil {
		s.T.Fatal(err)
	}
	return art
}

func (s *site) urlOf(art *actions.Artifact) string {
	s.T.Helper()
	url, err := s.Results.ArtifactURL(s.T.Context(), s.URL, art)
	if err != nil {
		s.T.Fatal(err)
	}
	return url
}

// ask sends a request with headers to a signed URL.
func (s *site) ask(method, url string, header map[string]string) (int, string, http.Header) {
	s.T.Helper()
	var headers []string
	for k, v := range header {
		headers = append(headers, k+": "+v)
	}
	a := s.Do(method, url, "", nil, headers...)
	return a.StatusCode, string(a.Text), a.Header
}

// BLOB-6: the content type decides what clients do, and the file's name is there twice.
// Threat: HTML/SVG artifact opened in the browser runs script with the user's session.
func TestADownloadIsAFileAndNoPage(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct{ name, mime, contentType, file string }{
		{"dist", "", "application/zip", "dist.zip"},
		{"dist.zip", "application/zip", "application/zip", "dist.zip"},
		{"page.html", "text/html", "text/html", "page.html"},
		{"image.svg", "image/svg+xml; charset=utf-8", "image/svg+xml; charset=utf-8", "image.svg"},
		{"zwei %\"; x=ü😀.txt", "text/plain", "text/plain", "zwei %\"; x=ü😀.txt"},
		{"evil", "text/html\r\nSet-Cookie: a=b", "application/octet-stream", "evil"},
		{"word", "zip", "application/octet-stream", "word"},
	} {
		name := strings.ReplaceAll(c.name, `"`, "'") // which no name has
		file := strings.ReplaceAll(c.file, `"`, "'")
		url := s.urlOf(s.upload(wire.CreateArtifactRequest{Name: name, MimeType: c.mime}, []byte("<script>alert(1)</script>")))
		status, body, h := s.ask(http.MethodGet, url, nil)
		if status != http.StatusOK || body != "<script>alert(1)</script>" || h.Get("Content-Length") != "25" || h.Get("Accept-Ranges") != "bytes" {
			t.Errorf("%s: %d %q %v", name, status, body, h)
		}
		for header, want := range map[string]string{
			"Content-Type": c.contentType, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
			"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "Set-Cookie": "", "Access-Control-Allow-Origin": "",
		} {
			if got := h.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		kind, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if err != nil || kind != "attachment" || params["filename"] != file {
			t.Errorf("%s: %s is read as %v, %v", name, h.Get("Content-Disposition"), params, err)
		}
	}
}

// BLOB-7: storage clients and browsers ask for parts, each with a header of its own.
func TestPartsOfADownload(t *testing.T) {
	s := newServer(t)
	content := noise(1050) // in 11 blocks
	art := s.upload(wire.CreateArtifactRequest{Name: "dist"}, content)
	url, tag, text := s.urlOf(art), `"`+art.Digest+`"`, string(content)
	for _, c := range []struct {
		name, method string
		header       map[string]string
		status       int
		body         string
		contentRange string
	}{
		{"HEAD", "HEAD", nil, 200, "", ""},
		{"middle", "GET", map[string]string{"Range": "bytes=95-204"}, 206, text[95:205], "bytes 95-204/1050"},
		{"from", "GET", map[string]string{"Range": "bytes=1000-"}, 206, text[1000:], "bytes 1000-1049/1050"},
		{"last", "GET", map[string]string{"Range": "bytes=-1"}, 206, text[1049:], "bytes 1049-1049/1050"},
		{"BuildKit's", "GET", map[string]string{"X-Ms-Range": "bytes=500-"}, 206, text[500:], "bytes 500-1049/1050"},
		{"both", "GET", map[string]string{"Range": "bytes=1-1", "X-Ms-Range": "bytes=2-2"}, 206, text[1:2], "bytes 1-1/1050"},
		{"HEAD of a part", "HEAD", map[string]string{"Range": "bytes=1-1"}, 206, "", "bytes 1-1/1050"},
		{"behind", "GET", map[string]string{"Range": "bytes=1050-"}, 416, "invalid range: failed to overlap\n", "bytes */1050"},
		{"nonsense", "GET", map[string]string{"Range": "bytes=x"}, 416, "invalid range\n", ""},
		{"several", "GET", map[string]string{"Range": "bytes=0-1,5-6"}, 200, text, ""},
		{"if same", "GET", map[string]string{"Range": "bytes=1-1", "If-Range": tag}, 206, text[1:2], "bytes 1-1/1050"},
		{"if another", "GET", map[string]string{"Range": "bytes=1-1", "If-Range": `"sha256:0"`}, 200, text, ""},
		{"known", "GET", map[string]string{"If-None-Match": tag}, 304, "", ""},
		{"another known", "GET", map[string]string{"If-None-Match": `"x"`}, 200, text, ""},
		{"must be another", "GET", map[string]string{"If-Match": `"x"`}, 412, "", ""},
	} {
		status, body, h := s.ask(c.method, url, c.header)
		if status != c.status || body != c.body || h.Get("Content-Range") != c.contentRange {
			t.Errorf("%s: %d, %d bytes, %q; want %d, %d bytes, %q", c.name, status, len(body), h.Get("Content-Range"), c.status, len(c.body), c.contentRange)
		}
		if status == http.StatusOK && h.Get("Etag") != tag {
			t.Errorf("%s: ETag %s, want %s", c.name, h.Get("Etag"), tag)
		}
	}
	if _, _, h := s.ask(http.MethodHead, url, nil); h.Get("Content-Length") != "1050" {
		t.Errorf("HEAD: Content-Length %s", h.Get("Content-Length"))
	}
	empty := s.urlOf(s.upload(wire.CreateArtifactRequest{Name: "empty"}, nil))
	if status, body, h := s.ask(http.MethodGet, empty, nil); status != http.StatusOK || body != "" || h.Get("Content-Length") != "0" {
		t.Errorf("empty: %d %q %v", status, body, h)
	}
}

// Threat: signed URL replayed after 1 minute (downloads), for another method, another
// range, another host. A download's URL is for all of one object, so there are no
// other ranges; after its minute none is served.
func TestADownloadURLIsGoodForAMinute(t *testing.T) {
	s := newServer(t)
	url := s.urlOf(s.upload(wire.CreateArtifactRequest{Name: "dist"}, []byte("content")))
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch} {
		if status, code := s.send(method, url, "x"); status != http.StatusForbidden || code != "AuthenticationFailed" {
			t.Errorf("%s: %d %s", method, status, code)
		}
	}
	if a := s.Do(http.MethodGet, url, "", nil, "Host: other.localhost"); a.StatusCode != http.StatusForbidden {
		t.Errorf("on another host: %d", a.StatusCode)
	}
	if elsewhere, err := s.Results.ArtifactURL(t.Context(), "https://ci.example", &actions.Artifact{Status: actions.ArtifactLive, ID: 1, ObjectID: 1, ExpiresAt: s.Now().Add(time.Hour)}); err != nil {
		t.Error(err)
	} else if status, _ := s.send(http.MethodGet, strings.Replace(elsewhere, "https://ci.example", s.URL, 1), ""); status != http.StatusForbidden {
		t.Errorf("of another host: %d", status)
	}
	for range 2 { // a client may try again
		if got := s.get(url); got != "content" {
			t.Errorf("got %q", got)
		}
	}
	s.Pass(time.Minute)
	for method, header := range map[string]map[string]string{http.MethodGet: nil, http.MethodHead: nil, "GET ": {"Range": "bytes=0-1"}} {
		if status, _, h := s.ask(strings.TrimSpace(method), url, header); status != http.StatusForbidden || h.Get("X-Ms-Error-Code") != "AuthenticationFailed" {
			t.Errorf("%s after a minute: %d", method, status)
		}
	}
}

// Threat: expired or deleted object: 410 for artifacts, bytes really gone.
func TestADownloadEndsWithItsArtifact(t *testing.T) {
	s := newServer(t)
	deleted := s.upload(wire.CreateArtifactRequest{Name: "deleted"}, noise(500))
	expired := s.upload(wire.CreateArtifactRequest{Name: "expired", ExpiresAt: wire.At(s.Now().Add(25 * time.Hour))}, noise(500))
	s.Pass(25*time.Hour - 30*time.Second)
	urlOfDeleted, urlOfExpired := s.urlOf(deleted), s.urlOf(expired)
	s.wantDownload(urlOfDeleted, http.StatusOK)
	s.wantDownload(urlOfExpired, http.StatusOK)
	if err := s.Artifacts.Delete(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	s.Pass(30 * time.Second)
	s.wantDownload(urlOfDeleted, http.StatusNotFound)
	s.wantDownload(urlOfExpired, http.StatusGone)
	if err := s.Artifacts.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantDownload(urlOfExpired, http.StatusGone)
	if _, err := s.Results.ArtifactURL(t.Context(), s.URL, expired); actions.KindOf(err) != actions.Gone {
		t.Errorf("URL of an expired artifact: %v", err)
	}
	if err := s.Objects.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Kept(); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
}

// wantDownload asks for a URL in each way in which it can be read.
func (s *site) wantDownload(url string, want int) {
	s.T.Helper()
	for _, c := range []struct {
		method string
		header map[string]string
		part   bool
	}{{"GET", nil, false}, {"HEAD", nil, false}, {"GET", map[string]string{"Range": "bytes=0-1"}, true}, {"HEAD", map[string]string{"X-Ms-Range": "bytes=0-1"}, true}} {
		status, body, h := s.ask(c.method, url, c.header)
		if want == http.StatusOK && c.part && status == http.StatusPartialContent || status == want && want == http.StatusOK {
			continue
		}
		if status != want || h.Get("X-Ms-Error-Code") != "BlobNotFound" || c.method == "GET" && !strings.Contains(body, "<Code>BlobNotFound</Code>") {
			s.T.Errorf("%s %v: %d %.100q, want %d", c.method, c.header, status, body, want)
		}
	}
}

// A reader that is slow gets all there is; one that hangs up costs nothing.
func TestADownloadThatBreaksOffLeavesTheServerWhole(t *testing.T) {
	s := newServer(t)
	c := s.client(s.Job("build"))
	content := noise(8 << 20)
	if _, err := c.Upload(t.Context(), "large", content, 1<<20); err != nil {
		t.Fatal(err)
	}
	list, err := c.List(t.Context(), "large", 0)
	if err != nil {
		t.Fatal(err)
	}
	url, err := c.SignedURL(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+strings.TrimPrefix(url, s.URL)+" HTTP/1.1\r\nHost: "+strings.TrimPrefix(s.URL, "http://")+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, conn, 100_000); err != nil {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := c.Get(ctx, url)
	if err != nil || resultstest.Digest(got) != resultstest.Digest(content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
