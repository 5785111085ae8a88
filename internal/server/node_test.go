package server

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A registry has packages of Node.js by their versions.
type registry struct {
	*httptest.Server
	packages map[string][]byte
	lies     bool // the packages are not what it says
}

func newRegistry(t *testing.T, versions ...string) *registry {
	t.Helper()
	name, err := nodePackageName(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	r := &registry{packages: map[string][]byte{}}
	for _, v := range versions {
		r.packages[v] = nodePackageOf(v)
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if v, ok := strings.CutPrefix(q.URL.Path, "/tgz/"); ok {
			_, _ = w.Write(r.packages[v])
			return
		}
		if q.URL.Path != "/"+name {
			http.NotFound(w, q)
			return
		}
		doc := map[string]map[string]any{"versions": {}}
		for v, p := range r.packages {
			sum := sha512.Sum512(p)
			if r.lies {
				sum[0] ^= 1
			}
			doc["versions"][v] = map[string]any{"dist": map[string]string{"tarball": r.URL + "/tgz/" + v, "integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}}
		}
		_ = json.NewEncoder(w).Encode(doc)
	}))
	t.Cleanup(r.Close)
	return r
}

// nodePackageOf is a package whose program only says its version.
func nodePackageOf(version string) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	text := fmt.Sprintf("#!/bin/sh\necho v%s\n", version)
	for name, content := range map[string]string{"package/bin/node": text, "package/package.json": "{}"} {
		_ = tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))})
		_, _ = tw.Write([]byte(content))
	}
	_ = tw.Close()
	_ = zw.Close()
	return b.Bytes()
}

func TestNodeIsInstalledFromItsPackage(t *testing.T) {
	r := newRegistry(t, "24.1.0", "24.10.0", "24.9.9", "24.11.0-rc.1", "20.5.0", "240.0.0")
	to := filepath.Join(t.TempDir(), "node")
	for _, c := range []struct{ wanted, want, dir string }{{"24", "24.10.0", "node24"}, {"20.5.0", "20.5.0", "node20"}, {"24.1", "24.1.0", "node24"}} {
		got, err := InstallNode(t.Context(), NodeInstall{To: to, Version: c.wanted, Registry: r.URL})
		if err != nil || got != c.want {
			t.Fatalf("%s: %s, %v; want %s", c.wanted, got, err, c.want)
		}
		program := filepath.Join(to, c.dir, "bin", "node")
		if out, err := exec.CommandContext(t.Context(), program, "--version").Output(); err != nil || string(out) != "v"+c.want+"\n" {
			t.Errorf("%s says %q, %v", program, out, err)
		}
		for dir := program; dir != to; dir = filepath.Dir(dir) { // jobs may have another user
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o055 != 0o055 {
				t.Errorf("%s: %v, %v", dir, info.Mode(), err)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(to, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAPackageThatIsNotWhatTheRegistrySaysIsNotInstalled(t *testing.T) {
	lying := newRegistry(t, "24.1.0")
	lying.lies = true
	other := newRegistry(t, "24.1.0")
	other.packages["24.1.0"] = nodePackageOf("24.0.0")
	broken := newRegistry(t, "24.1.0")
	broken.packages["24.1.0"] = []byte("no archive")
	for name, url := range map[string]string{
		"another digest": lying.URL, "another version inside": other.URL, "no archive": broken.URL, "no such version": newRegistry(t, "20.0.0").URL,
		"no registry": "http://127.0.0.1:1", "no URL": "file:///etc", "no package": newRegistry(t).URL + "/x",
	} {
		to := t.TempDir()
		if got, err := InstallNode(t.Context(), NodeInstall{To: to, Version: "24", Registry: url}); err == nil {
			t.Errorf("%s: %s is installed", name, got)
		}
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
	if _, err := nodePackageName("plan9", "mips"); actions.KindOf(err) != actions.Invalid {
		t.Errorf("a system without packages: %v", err)
	}
}
