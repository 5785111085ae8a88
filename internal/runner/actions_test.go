package runner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, h := range headers {
		body := h.Linkname
		if h.Typeflag == tar.TypeReg {
			h.Linkname, h.Size = "", int64(len(body))
		} else {
			body = ""
		}
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file is a regular file; archive takes its content from Linkname.
func file(name, content string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content, Mode: mode}
}

func TestActionIsResolvedFetchedAndUnpacked(t *testing.T) {
	s := newServer(t)
	s.archive = pack(t,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "0123"}},
		tar.Header{Typeflag: tar.TypeDir, Name: "hello-0123/", Mode: 0o755},
		file("hello-0123/action.yml", "name: hello", 0o644), file("hello-0123/bin/run.sh", "true", 0o755),
		tar.Header{Typeflag: tar.TypeSymlink, Name: "hello-0123/bin/link", Linkname: "../action.yml"},
	)
	runJob(t, s, func(ctx context.Context, j *worker.Job) {
		infos, err := j.Actions.Resolve(ctx, []wire.ActionRef{{Action: "octo/hello", Version: "v1"}})
		if err != nil {
			t.Error(err)
			return
		}
		dir := filepath.Join(j.ActionsDir, "octo", "hello", "v1")
		if err := j.Actions.Fetch(ctx, infos["octo/hello@v1"], dir); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "bin", "link")); err != nil || string(b) != "name: hello" {
			t.Errorf("link: %q, %v", b, err)
		}
		if info, err := os.Stat(filepath.Join(dir, "bin", "run.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
			t.Errorf("run.sh: %v, %v", info, err)
		}
	})
}

func TestActionThatIsNotThereFailsWithTheServersMessage(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(ctx context.Context, j *worker.Job) {
		_, err := j.Actions.Resolve(ctx, []wire.ActionRef{{Action: "octo/none", Version: "v1"}})
		if err == nil || err.Error() != "Unable to resolve action octo/none, repository not found" {
			t.Errorf("got %v", err)
		}
	})
}

func TestHostileArchiveIsRefusedAndLeavesNothing(t *testing.T) {
	for name, b := range map[string][]byte{
		"a path that climbs":         pack(t, file("x/../../evil", "", 0o644)),
		"an absolute path":           pack(t, file("/etc/evil", "", 0o644)),
		"two directories at the top": pack(t, file("x/a", "", 0o644), file("y/a", "", 0o644)),
		"a file at the top":          pack(t, file("x", "", 0o644)),
		"a link that climbs":         pack(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "x/l", Linkname: "../../etc"}),
		"links that climb together": pack(t, file("x/p/q/f", "", 0o644),
			tar.Header{Typeflag: tar.TypeSymlink, Name: "x/p/q/s", Linkname: "../.."}, tar.Header{Typeflag: tar.TypeSymlink, Name: "x/t", Linkname: "p/q/s/../etc"}),
		"a link below a link": pack(t,
			tar.Header{Typeflag: tar.TypeSymlink, Name: "x/a", Linkname: "."}, tar.Header{Typeflag: tar.TypeSymlink, Name: "x/a/l", Linkname: "../etc"}),
		"an absolute link":             pack(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "x/l", Linkname: "/etc"}),
		"a hard link":                  pack(t, tar.Header{Typeflag: tar.TypeLink, Name: "x/l", Linkname: "x/a"}),
		"a device":                     pack(t, tar.Header{Typeflag: tar.TypeChar, Name: "x/l"}),
		"a file over a link":           pack(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "x/l", Linkname: "a"}, file("x/l", "", 0o644)),
		"a file below a file":          pack(t, file("x/a", "", 0o644), file("x/a/b", "", 0o644)),
		"something that is no archive": []byte("<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.archive = b
			runJob(t, s, func(ctx context.Context, j *worker.Job) {
				dir := filepath.Join(j.ActionsDir, "a")
				err := j.Actions.Fetch(ctx, wire.ActionInfo{Name: "octo/a", Version: "v1", TarURL: s.http.URL + "/archive"}, dir)
				if err == nil || !strings.Contains(err.Error(), "octo/a@v1") {
					t.Errorf("got %v", err)
				}
				if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("left: %v", err)
				}
			})
		})
	}
}

func TestTokenOfTheJobStaysOnItsServer(t *testing.T) {
	s := newServer(t)
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, ok := r.BasicAuth(); ok && pass != "theirs" {
			t.Errorf("another server got %s:%s", user, pass)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(foreign.Close)
	runJob(t, s, func(ctx context.Context, j *worker.Job) {
		for _, auth := range []*wire.ActionAuthentication{nil, {Token: "theirs"}} {
			info := wire.ActionInfo{Name: "octo/hello", Version: "v1", TarURL: foreign.URL + "/a?sig=hidden", Authentication: auth}
			err := j.Actions.Fetch(ctx, info, filepath.Join(j.ActionsDir, "x"))
			if statusOf(err) != http.StatusNotFound || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v", err)
			}
		}
	})
}
