package artifacts_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestFilesInsideOfAnArtifactAreListedAndRead(t *testing.T) {
	s := resttest.New(t)
	names := []string{"README.md", "deep/er/data.json", "sp ace ünï?#%.txt", "page.html", "no-extension", "UPPER.PNG"}
	var files []string
	for _, name := range names {
		files = append(files, name, "content of "+name)
	}
	files = append(files, "dir/", "")
	_, _, art := s.Dist(files...)
	path := s.Path("actions/artifacts", art.ID, "files")
	a := s.Want(s.Get(path+"?per_page=100"), http.StatusOK).JSON(t)
	if a["total_count"] != float64(len(names)+1) || a["truncated"] != false {
		t.Errorf("list: %v", a)
	}
	types := map[string]string{
		"README.md": "text/plain; charset=utf-8", "deep/er/data.json": "application/json; charset=utf-8", "sp ace ünï?#%.txt": "text/plain; charset=utf-8",
		"page.html": "application/octet-stream", "no-extension": "application/octet-stream", "UPPER.PNG": "image/png",
	}
	for i, v := range a["files"].([]any) {
		f := v.(map[string]any)
		if i == len(names) {
			if d := cmp.Diff(map[string]any{"path": "dir", "type": "directory", "size_in_bytes": 0.0, "url": nil}, f); d != "" {
				t.Error(d)
			}
			continue
		}
		text := "content of " + names[i]
		if f["path"] != names[i] || f["type"] != "file" || f["size_in_bytes"] != float64(len(text)) {
			t.Errorf("entry %d is %v", i, f)
		}
		file := s.Want(s.Get(f["url"].(string)), http.StatusOK)
		if string(file.Text) != text || file.Header.Get("Content-Type") != types[names[i]] {
			t.Errorf("%s: %v %q", names[i], file.Header, file.Text)
		}
		head := s.Want(s.Do(http.MethodHead, f["url"].(string), s.AliceToken, nil), http.StatusOK)
		if len(head.Text) > 0 || head.ContentLength != int64(len(text)) {
			t.Errorf("HEAD of %s: %d bytes", names[i], head.ContentLength)
		}
	}
	for _, name := range []string{"", "none", "dir", "dir/", "readme.md", "deep", "deep/er", "../README.md", "%2e%2e/README.md", "./README.md", "a%00b", "README.md/"} {
		s.Want(s.Get(path+"/"+name), http.StatusNotFound)
	}
	page := s.Want(s.Get(path+"?per_page=2&page=2"), http.StatusOK)
	if got := len(page.JSON(t)["files"].([]any)); got != 2 || !strings.Contains(page.Header.Get("Link"), `rel="next"`) {
		t.Errorf("%d files, %s", got, page.Header.Get("Link"))
	}
}

// Threat: an HTML or SVG file of an artifact runs script with the user's session.
func TestAFileOfAnArtifactIsNeverAPage(t *testing.T) {
	s := resttest.New(t)
	evil := `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`
	var files []string
	for _, name := range []string{"x.html", "x.svg", "x.xhtml", "x.xml", "x.js", "x.htm", "x.pdf", "x.txt", "x", "x.html\r\nSet-Cookie: a=b.txt"} {
		files = append(files, name, evil)
	}
	_, j, art := s.Dist(files...)
	raw := s.Upload(j, "raw.svg", "image/svg+xml", []byte(evil))
	paths := []string{s.Path("actions/artifacts", raw.ID, "files/raw.svg")}
	for i := 0; i < len(files)-2; i += 2 {
		paths = append(paths, s.Path("actions/artifacts", art.ID, "files")+"/"+url.PathEscape(files[i]))
	}
	for _, path := range paths {
		h := s.Want(s.Get(path), http.StatusOK).Header
		if ct := h.Get("Content-Type"); ct != "application/octet-stream" && ct != "text/plain; charset=utf-8" {
			t.Errorf("%s is %s", path, ct)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; ") {
			t.Errorf("%s: %v", path, h)
		}
	}
	odd := s.Get(s.Path("actions/artifacts", art.ID, "files") + "/" + url.PathEscape(files[len(files)-2]))
	if odd.StatusCode != http.StatusNotFound || odd.Header.Get("Set-Cookie") != "" {
		t.Errorf("a name with a line break: %d %v", odd.StatusCode, odd.Header)
	}
}

// Threat: zip slip and bombs in a preview.
func TestAHostileArchiveIsShownWithoutHarm(t *testing.T) {
	s := resttest.New(t)
	_, j, art := s.Dist("../../etc/passwd", "x", "/abs", "y", `..\win`, "z", "ok", "fine")
	path := s.Path("actions/artifacts", art.ID, "files")
	for _, v := range s.Want(s.Get(path), http.StatusOK).JSON(t)["files"].([]any) {
		f := v.(map[string]any)
		if p := f["path"].(string); strings.HasPrefix(p, "/") || strings.Contains(p, "..") || strings.Contains(p, `\`) {
			t.Errorf("shown as %q", p)
		}
		if (f["url"] != nil) != (f["path"] == "ok") {
			t.Errorf("%v", f)
		}
	}
	bomb := s.Upload(j, "bomb", "", s.Archive("zeros", strings.Repeat("\x00", 8<<20)))
	if a := s.Get(s.Path("actions/artifacts", bomb.ID, "files/zeros")); a.StatusCode == http.StatusOK && len(a.Text) != 8<<20 {
		t.Errorf("%d bytes", len(a.Text))
	}
	broken := s.Upload(j, "broken", "", []byte("PK\x03\x04 is not all of it"))
	for _, rest := range []string{"files", "files/a"} {
		s.Want(s.Get(s.Path("actions/artifacts", broken.ID, rest)), http.StatusUnprocessableEntity)
	}
	damaged := s.Archive("a", strings.Repeat("a text that repeats ", 1000))
	damaged[60] ^= 0xff
	art = s.Upload(j, "damaged", "", damaged)
	s.Want(s.Get(s.Path("actions/artifacts", art.ID, "files/a")), http.StatusUnprocessableEntity)
	long := s.Archive("a", string(noise(200<<10)))
	long[len(long)-1000] ^= 0xff
	art = s.Upload(j, "long", "", long)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v3"+s.Path("actions/artifacts", art.ID, "files/a"), nil)
	s.Must(err)
	r.Header.Set("Authorization", "token "+s.AliceToken)
	res, err := http.DefaultClient.Do(r)
	s.Must(err)
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("a damaged file ends after %d bytes as if it were whole", len(text))
	}
}

// noise are bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
