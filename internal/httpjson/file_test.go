package httpjson_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// served is a server of one file; a content that fails is answered by its error.
func served(t *testing.T, name string, size int64, content func() io.Reader) *httptest.Server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := httpjson.SendFile(w, r, httpjson.File{Name: name, Size: size, Content: content()}, log); err != nil {
			_ = httpjson.WriteError(w, err, "d")
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func fetch(t *testing.T, method, url string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// Threat: an HTML or SVG file opened in the browser runs script with the user's session.
func TestAnUntrustedFileIsSavedAndNeverShown(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "application/octet-stream", "a.svg": "application/octet-stream", "a.xml": "application/octet-stream", "a.js": "application/octet-stream",
		"a": "application/octet-stream", "": "application/octet-stream", ".txt": "text/plain; charset=utf-8", "A.TXT": "text/plain; charset=utf-8",
		"a.txt.html": "application/octet-stream", "a.json": httpjson.ContentType, "a.png": "image/png", "a.PDF": "application/octet-stream",
	} {
		s := served(t, name, 4, func() io.Reader { return strings.NewReader("evil") })
		res, body, err := fetch(t, http.MethodGet, s.URL)
		h := res.Header
		if err != nil || string(body) != "evil" || h.Get("Content-Type") != want || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; ") {
			t.Errorf("%q: %v %q %v", name, h, body, err)
		}
	}
}

func TestAFileThatFailsNeverLooksWhole(t *testing.T) {
	broken := actions.Errorf(actions.Invalid, "it is damaged")
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		text := bytes.Repeat([]byte("x"), size)
		good := served(t, "a", int64(size), func() io.Reader { return iotest.DataErrReader(bytes.NewReader(text)) })
		if res, body, err := fetch(t, http.MethodGet, good.URL); err != nil || !bytes.Equal(body, text) || res.ContentLength != int64(size) {
			t.Errorf("%d bytes: %d came, %v", size, len(body), err)
		}
		if res, body, err := fetch(t, http.MethodHead, good.URL); err != nil || len(body) > 0 || res.ContentLength != int64(size) {
			t.Errorf("HEAD of %d bytes: %d, %d came, %v", size, res.ContentLength, len(body), err)
		}
		bad := served(t, "a", int64(size), func() io.Reader { return io.MultiReader(bytes.NewReader(text), iotest.ErrReader(broken)) })
		res, body, err := fetch(t, http.MethodGet, bad.URL)
		refused := res.StatusCode == http.StatusUnprocessableEntity && strings.Contains(string(body), "it is damaged") &&
			res.Header.Get("Content-Disposition") == "" && res.Header.Get("Content-Length") == strconv.Itoa(len(body))
		if !refused && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes that fail: %d, %d came, %v", size, res.StatusCode, len(body), err)
		}
	}
}
