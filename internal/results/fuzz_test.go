package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A download is all of an object or the one part of it that the answer names, however
// the ranges are written.
func FuzzADownloadIsTheRangeThatItSays(f *testing.F) {
	for _, s := range []string{
		"", "bytes=0-", "bytes=0-3", "bytes=4-4", "bytes=-2", "bytes=-0", "bytes=9-", "bytes=10-", "bytes=5-2", "bytes=0-1,3-4", "bytes=0-99999999999999999999",
		"bytes=--1", "bytes= 1 - 2 ", "bites=0-1", "bytes=0-0,", "bytes=,0-0", "bytes=18446744073709551615-", "bytes=\x00-1",
	} {
		f.Add(s, "")
		f.Add("", s)
		f.Add("bytes=1-2", s)
	}
	const content = "0123456789"
	f.Fuzz(func(t *testing.T, standard, ms string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for name, value := range map[string]string{"Range": standard, "X-Ms-Range": ms} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		http.ServeContent(w, oneRange(r), "", time.Time{}, strings.NewReader(content))
		body := w.Body.String()
		switch w.Code {
		case http.StatusOK:
			if body != content {
				t.Errorf("all of it is %q", body)
			}
		case http.StatusPartialContent:
			var first, last, total int
			if _, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); err != nil || total != len(content) || body != content[first:last+1] {
				t.Errorf("%q is %q (%v)", w.Header().Get("Content-Range"), body, err)
			}
		case http.StatusRequestedRangeNotSatisfiable:
			if strings.Contains(body, content) {
				t.Errorf("the refusal has the content: %q", body)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
		if strings.Contains(w.Header().Get("Content-Type"), "multipart") {
			t.Error("the answer has several parts")
		}
	})
}

// Pieces that older clients upload begin at no negative place and have no negative
// size, and what is not to be understood is the client's fault.
func FuzzPiecesAreWithinBounds(f *testing.F) {
	for _, s := range []string{
		"bytes 0-99/100", "bytes 0-99/*", "bytes 0--1/0", "bytes 5-3/9", "bytes 9223372036854775807-9223372036854775807/*", "bytes 0-9223372036854775807/*",
		"bytes -1-5/*", "bytes 0-999999999999999999/999999999999999999", "bytes 0-0", "0-1/2", "", "bytes +1-+2/*", "bytes ٣-٤/٥",
	} {
		f.Add(s, int64(-1), "", "")
		f.Add(s, int64(100), "gzip", "-5")
		f.Add(s, int64(0), "GZip", "12")
	}
	f.Fuzz(func(t *testing.T, text string, length int64, encoding, original string) {
		if first, size, err := contentRange(text); err == nil {
			if first < 0 || size <= 0 || first+(size-1) < first {
				t.Errorf("%q: %d bytes from %d", text, size, first)
			}
		} else if actions.KindOf(err) != actions.Malformed {
			t.Errorf("%q: %v", text, err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/", nil)
		r.ContentLength = max(length, -1)
		r.Header = http.Header{"Content-Range": {text}, "Content-Encoding": {encoding}, "X-Tfs-Filelength": {original}}
		p, size, err := pieceOf(r)
		switch {
		case err != nil && actions.KindOf(err) != actions.Malformed:
			t.Errorf("%q: %v", text, err)
		case err == nil && (p.Offset < 0 || size < 0 || p.Total < 0 || r.ContentLength >= 0 && size != r.ContentLength):
			t.Errorf("%q: %d bytes, piece %+v", text, size, p)
		}
	})
}

// The content type of an artifact may stand in a header and means the same there.
func FuzzContentTypesFitIntoAHeader(f *testing.F) {
	for _, s := range []string{
		"application/zip", "text/plain; charset=utf-8", "text/html;a=\"b\\\"c\"", "text/plain\r\nSet-Cookie: a=b", "a/b; x*=UTF-8''%E2%82%AC", "text", "/", "a/b;;;", "A/B; Q=1; q=2",
		"a/b; x=" + strings.Repeat("é", 100), "image/svg+xml", "\x00/\x00", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		got := artifactType(asked)
		kind, params, err := mime.ParseMediaType(got)
		if err != nil || !strings.Contains(kind, "/") || len(got) > 1024 || strings.ContainsFunc(got, func(c rune) bool { return c > unicode.MaxASCII || unicode.IsControl(c) && c != '\t' }) {
			t.Fatalf("%q became %q (%v)", asked, got, err)
		}
		if again := artifactType(mime.FormatMediaType(kind, params)); len(got) <= 255 && again != got {
			t.Errorf("%q became %q, and that %q", asked, got, again)
		}
	})
}

// What storage clients add to a signed query is one thing to do, with one name of a
// block, or is refused; and bytes count only if they are what their sum says.
func FuzzWhatAPutBringsIsKnown(f *testing.F) {
	for _, s := range []string{"comp=block&blockid=YQ==", "comp=block&blockid=YQ%3D%3D", "comp=blocklist", "comp=block&comp=blocklist", "blockid=YQ==", "comp=%zz", "comp=block", "a;b", ""} {
		f.Add(s, "XrY7u+Ae7tCTyyK7j1rNww==", []byte("hello world"))
		f.Add(s, "", []byte(nil))
		f.Add(s, "YQ==", []byte("x"))
	}
	f.Fuzz(func(t *testing.T, query, sum string, sent []byte) {
		comp, block, err := compOf(query)
		if err != nil && actions.KindOf(err) != actions.Malformed {
			t.Errorf("%q: %v", query, err)
		}
		if err == nil && ((comp == compBlock) != (block != "") || len(block) > maxBlockID) {
			t.Errorf("%q is %q of block %q", query, comp, block)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/", bytes.NewReader(sent))
		content, err := checked(r, sum)
		if err != nil {
			return
		}
		if got, err := io.ReadAll(content); err == nil && !bytes.Equal(got, sent) || err != nil && !errors.Is(err, errMD5) {
			t.Errorf("%q became %q, %v", sent, got, err)
		}
	})
}
