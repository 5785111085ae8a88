package contents_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestFilesAreRead(t *testing.T) {
	s := resttest.New(t)
	sha, _ := s.Pushed()
	s.Push(s.Repo, "feature/x", map[string]string{"dir/ä b#c.txt": "umlaut\n"})
	gh := s.GoGitHub(s.AliceToken)
	for _, c := range []struct{ path, ref, want string }{
		{"README.md", "", "# Hello\n"},
		{"README.md", "main", "# Hello\n"},
		{"README.md", "refs/heads/main", "# Hello\n"},
		{"README.md", sha, "# Hello\n"},
		{".github/workflows/hello.yml", sha, resttest.HelloWorkflow},
		{"dir/ä b#c.txt", "feature/x", "umlaut\n"},
	} {
		file, _, _, err := gh.Repositories.GetContents(t.Context(), "alice", "hello", c.path, &github.RepositoryContentGetOptions{Ref: c.ref})
		if err != nil {
			t.Errorf("%s at %s: %v", c.path, c.ref, err)
			continue
		}
		if got, err := file.GetContent(); err != nil || got != c.want {
			t.Errorf("%s at %s: got %q, %v", c.path, c.ref, got, err)
		}
		if file.GetSHA() == "" || file.GetPath() != c.path {
			t.Errorf("%s: %v", c.path, file)
		}
	}
	raw := s.Want(s.Get(s.Path("contents/README.md"), "Accept: application/vnd.github.raw+json"), http.StatusOK)
	if got, want := string(raw.Text), "# Hello\n"; got != want {
		t.Errorf("raw %q, want %q", got, want)
	}
}

// Twelve clients that did not read held 1.9 GB: each had a file of 100 MB in the
// server's memory.
func TestALargeFileIsInNobodysMemory(t *testing.T) {
	s := resttest.New(t)
	const size = 64 << 20
	text := strings.Repeat("some text, and more of it\n", size/26+1)[:size]
	s.Push(s.Repo, "main", map[string]string{"large": text})
	before := allocated()
	res := open(t, s, http.MethodGet, "")
	defer res.Body.Close()
	if res.ContentLength != size {
		t.Errorf("length %d, want %d", res.ContentLength, size)
	}
	if n, err := io.CopyN(io.Discard, res.Body, size/2); err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if grown := allocated() - before; grown > size/2 {
		t.Errorf("%d bytes were allocated for a file of %d", grown, size)
	}
	half, err := io.ReadAll(res.Body)
	if err != nil || string(half) != text[size/2:] {
		t.Errorf("the second half: %d bytes, %v", len(half), err)
	}
	head := open(t, s, http.MethodHead, "")
	defer head.Body.Close()
	etag := head.Header.Get("ETag")
	if head.ContentLength != size || etag == "" || etag != res.Header.Get("ETag") {
		t.Errorf("HEAD: length %d, ETag %q, that of GET %q", head.ContentLength, etag, res.Header.Get("ETag"))
	}
	known := open(t, s, http.MethodGet, etag)
	defer known.Body.Close()
	if known.StatusCode != http.StatusNotModified {
		t.Errorf("what the reader has: status %d, want 304", known.StatusCode)
	}
}

// open asks for the file large as it is.
func open(t *testing.T, s *resttest.Site, method, etag string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+servertest.API+s.Path("contents/large"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.github.raw+json")
	r.Header.Set("Authorization", "Bearer "+s.AliceToken)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	res, err := http.DefaultClient.Do(r) // which keeps no copy of answers, as that of tests does
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// allocated is how many bytes were allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestBlobsHaveGitsName(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"empty": ""})
	if got, want := s.Want(s.Get(s.Path("contents/empty")), http.StatusOK).JSON(t)["sha"], "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFilesThatCannotBeAreNotFound(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	for _, path := range []string{
		"contents/none", "contents/README.md?ref=none", "contents/README.md?ref=--help", "contents/..%2F..%2Fconfig", "contents/%00",
		"contents/.git/config", "contents/README.md?ref=HEAD:README.md", "contents/README.md/x", "contents/README.md?ref=..",
	} {
		s.Refused(s.Get(s.Path(path)), http.StatusNotFound, "Not Found")
	}
	s.Want(s.Do(http.MethodGet, s.Path("contents/README.md"), s.Token(s.User("bob"), "repo"), nil), http.StatusNotFound)
}
