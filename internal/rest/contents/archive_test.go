package contents_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestTheFilesOfACommitComeInAnArchive(t *testing.T) {
	s := resttest.New(t)
	files := map[string]string{"README.md": "# Hello\n", "dir/run.sh": "exit 0\n"}
	first := s.Push(s.Repo, "main", files)
	gh := s.GoGitHub(s.AliceToken)
	top := "alice-hello-" + first[:7] + "/"
	want := map[string]string{top + "README.md": "# Hello\n", top + "dir/run.sh": "exit 0\n"}
	for _, ref := range []string{"", "main", "refs/heads/main", "heads/main", first} {
		for format, c := range map[github.ArchiveFormat]struct {
			contentType, ending string
			read                func(*testing.T, []byte) map[string]string
		}{
			github.Tarball: {"application/x-gzip", ".tar.gz", untar},
			github.Zipball: {"application/zip", ".zip", unzip},
		} {
			url, res, err := gh.Repositories.GetArchiveLink(t.Context(), "alice", "hello", format, &github.RepositoryContentGetOptions{Ref: ref}, 0)
			if err != nil || res.StatusCode != http.StatusFound {
				t.Errorf("%s of %q: %v, %v", format, ref, res, err)
				continue
			}
			a := s.Want(s.Site.Do(http.MethodGet, url.RequestURI(), "", nil), http.StatusOK)
			if got := c.read(t, a.Text); !maps.Equal(got, want) {
				t.Errorf("%s of %q has %v, want %v", format, ref, got, want)
			}
			for name, want := range map[string]string{
				"Content-Type": c.contentType, "Content-Disposition": "attachment; filename=alice-hello-" + first[:7] + c.ending,
			} {
				if got := a.Header.Get(name); got != want {
					t.Errorf("%s of %q: %s %q, want %q", format, ref, name, got, want)
				}
			}
			head := s.Want(s.Site.Do(http.MethodHead, url.RequestURI(), "", nil), http.StatusOK)
			if len(head.Text) != 0 || head.Header.Get("Content-Type") != c.contentType {
				t.Errorf("HEAD of %s: %v, and %d bytes", format, head.Header, len(head.Text))
			}
		}
	}
}

func TestAnArchiveIsNamedAfterTheTagBeforeIt(t *testing.T) {
	s := resttest.New(t)
	sha := s.Push(s.Repo, "main", map[string]string{"README.md": "# Hello\n"})
	dir := t.TempDir()
	s.RunGit(dir, "clone", "--quiet", s.Remote(s.Repo, s.AliceToken), ".")
	s.RunGit(dir, "tag", "release/v1")
	s.RunGit(dir, "push", "--quiet", "origin", "release/v1")
	for _, ref := range []string{"release/v1", "refs/tags/release/v1", "main"} {
		a := s.Want(s.Site.Do(http.MethodGet, location(s, "tarball/"+ref), "", nil), http.StatusOK)
		if got, want := a.Header.Get("Content-Disposition"), "attachment; filename=alice-hello-release-v1-0-g"+sha[:7]+".tar.gz"; got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

func TestAnArchiveIsForWhoMayReadTheRepository(t *testing.T) {
	s := resttest.New(t)
	s.Refused(s.Get(s.Path("tarball", "main")), http.StatusNotFound, "Not Found") // there is no commit
	sha := s.Push(s.Repo, "main", map[string]string{"README.md": "# Hello\n"})
	s.Refused(s.Get(s.Path("tarball", "none")), http.StatusNotFound, "Not Found")
	s.Refused(s.Do(http.MethodGet, s.Path("zipball", "main"), "", nil), http.StatusNotFound, "Not Found")
	other := s.Token(s.User("bob"), "repo")
	s.Refused(s.Do(http.MethodGet, s.Path("zipball", "main"), other, nil), http.StatusNotFound, "Not Found")

	path := location(s, "zipball/main")
	plain, query, _ := strings.Cut(path, "?")
	for name, path := range map[string]string{
		"without its signature": plain,
		"of another commit":     strings.Replace(path, sha, strings.Repeat("0", 40), 1),
		"in another format":     strings.Replace(path, "legacy.zip", "legacy.tar.gz", 1),
		"of another repository": strings.Replace(path, "/hello/", "/other/", 1),
		"of a page":             "/codeload/alice?" + query,
	} {
		if a := s.Site.Do(http.MethodGet, path, s.AliceToken, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", name, a.Status)
		}
	}
	s.Want(s.Site.Do(http.MethodPost, path, "", nil), http.StatusNotFound)
	s.Want(s.Site.Do(http.MethodGet, path, "", nil), http.StatusOK)
	s.Pass(6 * time.Minute)
	s.Want(s.Site.Do(http.MethodGet, path, "", nil), http.StatusNotFound)
}

func TestAnArchiveThatNoRefReachesIsNotThere(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"README.md": "# Hello\n"})
	lost := s.Push(s.Repo, "lost", map[string]string{"secret": "withdrawn\n"})
	dir := t.TempDir()
	s.RunGit(dir, "init", "--quiet")
	s.RunGit(dir, "push", "--quiet", s.Remote(s.Repo, s.AliceToken), ":refs/heads/lost")
	s.Refused(s.Do(http.MethodGet, s.Path("tarball", lost), s.Token(s.Alice, "repo"), nil), http.StatusNotFound, "Not Found")
}

// location is the path of what the server redirects to.
func location(s *resttest.Site, path string) string {
	s.Helper()
	to := s.Want(s.Get(s.Path(path)), http.StatusFound).Header.Get("Location")
	return strings.TrimPrefix(to, s.URL)
}

func untar(t *testing.T, text []byte) map[string]string {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for r := tar.NewReader(zr); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = string(data)
	}
}

func unzip(t *testing.T, text []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(data)
	}
	return all
}
