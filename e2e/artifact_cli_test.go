package e2e_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A shelf is a repository with artifacts, and the command line that reads them.
type shelf struct {
	*repository
	in  *inside
	env []string // of the command: where the server is, and a token
}

// newShelf has a job that is still in progress, so that it may add artifacts.
func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := startServer(t, "--runners", "0")
	r := s.newRepository("hello")
	r.newRunner("own", "mine")
	b := &shelf{repository: r, in: r.enter("mine")}
	b.env = append(environment(t), "UNDERSTUDY_URL="+s.url, "UNDERSTUDY_TOKEN="+s.token, "UNDERSTUDY_REPO=admin/hello")
	return b
}

// put uploads an archive of names and texts in turn, not compressed.
func (b *shelf) put(name string, files ...string) {
	b.t.Helper()
	var body bytes.Buffer
	z := zip.NewWriter(&body)
	for i := 0; i < len(files); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		b.t.Fatal(err)
	}
	if err := b.in.upload(b.t.Context(), &upload{name: name, content: body.Bytes()}, 8<<20); err != nil {
		b.t.Fatal(err)
	}
}

// artifact runs the command, which must end with a code, and returns what it prints.
func (b *shelf) artifact(code int, args ...string) string {
	b.t.Helper()
	got, out := execute(b.t, b.env, append([]string{"artifact"}, args...)...)
	if got != code {
		b.t.Fatalf("artifact %v ends with %d, want %d:\n%s", args, got, code, out)
	}
	if strings.Contains(out, b.token) {
		b.t.Errorf("artifact %v prints the token:\n%s", args, out)
	}
	return out
}

// files are all below a directory, hidden ones too.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, name) // it is below
			all[rel] = string(read(t, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestArtifactsByTheCommandLine(t *testing.T) {
	t.Parallel()
	b := newShelf(t)
	b.put("dist", "a.txt", "hello", "deep/b.txt", "world")
	b.put("logs-linux", "l", "1")
	run := fmt.Sprint(b.in.run.ID)

	table := b.artifact(0, "list")
	if lines := strings.Split(strings.TrimSpace(table), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "NAME ") || !strings.HasPrefix(lines[1], "logs-linux ") || !strings.Contains(lines[2], " in 90 days ") {
		t.Errorf("the table is\n%s", table)
	}
	var listed []artifact
	if out := b.artifact(0, "list", "--json", "--run", run, "d*"); json.Unmarshal([]byte(out), &listed) != nil || len(listed) != 1 || listed[0].Name != "dist" {
		t.Errorf("the list is\n%s", out)
	}

	dir := t.TempDir()
	out := b.artifact(0, "download", "--run", run, "--dir", dir)
	want := map[string]string{"dist/a.txt": "hello", "dist/deep/b.txt": "world", "logs-linux/l": "1"}
	if d := cmp.Diff(want, files(t, dir)); d != "" || !strings.Contains(out, "SHA-256 verified, 2 files in") {
		t.Errorf("downloaded %s\n%s", d, out)
	}
	if out := b.artifact(1, "download", "--run", run, "--dir", dir); !strings.Contains(out, "is there already: remove it, or give another --dir") {
		t.Errorf("downloaded twice: %s", out)
	}
	kept := t.TempDir()
	b.artifact(0, "download", "dist", "--zip", "--dir", kept)
	if got := files(t, kept); len(got) != 1 || got["dist.zip"] != string(b.download(&listed[0])) {
		t.Errorf("kept %d files", len(got))
	}
	if out := b.artifact(1, "download", "dits"); !strings.Contains(out, "it has logs-linux, dist") {
		t.Errorf("a wrong name: %s", out)
	}
	if out := b.artifact(1, "delete", "dist"); !strings.Contains(out, "give --run ID too") {
		t.Errorf("delete by name alone: %s", out)
	}
	b.artifact(0, "delete", "dist", "--run", run)
	b.artifact(0, "delete", fmt.Sprint(b.artifacts()[0].ID))
	if left := b.artifacts(); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	b.in.leave()
}

func TestAWrongFlagPrintsNothingThatAProgramWouldRead(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), program, "artifact", "list", "--run", "seven")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil || len(out) > 0 || !strings.Contains(stderr.String(), `--run: expected a valid 64 bit int but got "seven"`) || strings.Contains(stderr.String(), "--json") {
		t.Errorf("%v, on standard output %q, on standard error\n%s", err, out, &stderr)
	}
}

func TestLimitsOfNothingAreRefused(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--artifact-days", "--artifact-size", "--cache-days", "--cache-quota"} {
		code, out := execute(t, nil, "serve", "--data", filepath.Join(t.TempDir(), "data"), flag, "0")
		if code == 0 || !strings.Contains(out, flag+" must be more than 0: leave it out for the default") {
			t.Errorf("%s 0: ends with %d:\n%s", flag, code, out)
		}
	}
}

func TestTheCommandLineFindsItsToken(t *testing.T) {
	t.Parallel()
	b := newShelf(t)
	b.put("dist", "a", "b")
	b.in.leave()
	file, env := filepath.Join(b.data, "admin-token"), b.env
	b.env = append(environment(t), "UNDERSTUDY_REPO=admin/hello", "UNDERSTUDY_URL="+b.url)
	b.artifact(0, "list", "--token-file", file)
	beside := exec.CommandContext(t.Context(), program, "artifact", "list")
	beside.Dir, beside.Env = filepath.Dir(b.data), b.env
	if out, err := beside.CombinedOutput(); err != nil || !strings.Contains(string(out), "dist") {
		t.Errorf("beside the data directory: %v\n%s", err, out)
	}
	if out := b.artifact(1, "list"); !strings.Contains(out, "check the name, -R admin/hello and --url") {
		t.Errorf("without a token: %s", out)
	}
	if out := b.artifact(1, "list", "--token", "ghp_wrong"); !strings.Contains(out, "does not know this token") || strings.Contains(out, "ghp_wrong") {
		t.Errorf("with a wrong token: %s", out)
	}
	b.env = env
	b.do(http.MethodPatch, b.api, map[string]any{"private": false}, nil)
	b.env = append(environment(t), "UNDERSTUDY_REPO=admin/hello", "UNDERSTUDY_URL="+b.url)
	b.artifact(0, "list")
	if out := b.artifact(1, "download", "dist", "--dir", t.TempDir()); !strings.Contains(out, "this needs a token, also where the repository is public") {
		t.Errorf("a download without a token: %s", out)
	}
}

// A toll stands before a server and may stop or change what is downloaded.
type toll struct {
	url    string
	passed atomic.Int64                  // downloads that were begun
	stop   atomic.Pointer[chan struct{}] // downloads wait for it, but the first two; nil to let all pass
	flip   atomic.Bool                   // change a byte
}

func newToll(t *testing.T, server string) *toll {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	g := &toll{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.Out.Host = p.In.Host // URLs lead here
		},
		ModifyResponse: func(res *http.Response) error {
			if !g.flip.Load() || !strings.HasPrefix(res.Request.URL.Path, "/_blobs/") {
				return nil
			}
			body, err := io.ReadAll(res.Body)
			if len(body) > 0 {
				body[len(body)/2] ^= 1
			}
			res.Body = io.NopCloser(bytes.NewReader(body))
			return err
		},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_blobs/") {
			if n, wait := g.passed.Add(1), g.stop.Load(); wait != nil && n > 2 {
				select {
				case <-*wait:
				case <-r.Context().Done():
					return
				}
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	g.url = front.URL
	return g
}

func TestADownloadThatWasKilledGoesOnAlsoWhenTheServerWasKilled(t *testing.T) {
	t.Parallel()
	b := newShelf(t)
	content := make([]byte, 50<<20)
	for r, i := rand.NewChaCha8([32]byte{7}), 0; i < len(content); i += 8 {
		copy(content[i:], fmt.Appendf(nil, "%08x", r.Uint64()))
	}
	b.put("big", "numbers", string(content))
	b.in.leave()
	g := newToll(t, b.url)
	wait := make(chan struct{})
	g.stop.Store(&wait)
	dir := t.TempDir()
	b.env = append(b.env, "UNDERSTUDY_URL="+g.url)
	args := []string{"artifact", "download", "big", "--dir", dir}
	p := spawn(t, b.env, filepath.Join(dir, "..", "out"), filepath.Join(dir, "..", "err"), args...)
	until(t, "two pieces are not there", func() bool {
		var note struct{ Done []byte }
		text, err := os.ReadFile(filepath.Join(dir, firstOf(t, dir, ".artifact-*.part.json")))
		return err == nil && json.Unmarshal(text, &note) == nil && len(note.Done) > 0 && bits.OnesCount8(note.Done[0]) == 2
	})
	p.kill()
	b.kill()
	b.start()
	close(wait)
	g.passed.Store(0)
	if out := b.artifact(0, args[1:]...); !strings.Contains(out, "SHA-256 verified") {
		t.Errorf("printed %s", out)
	}
	if n := g.passed.Load(); n != 5 {
		t.Errorf("%d of 7 pieces were asked for again, after 2", n)
	}
	if got := files(t, dir); len(got) != 1 || got["big/numbers"] != string(content) {
		t.Errorf("there are %d files", len(got))
	}

	g.flip.Store(true)
	other := t.TempDir()
	if out := b.artifact(1, "download", "big", "--dir", other); !strings.Contains(out, "the bytes are wrong") {
		t.Errorf("with bytes that were changed on the way: %s", out)
	}
	if got := files(t, other); len(got) != 0 {
		t.Errorf("there are %d files", len(got))
	}
}

// firstOf is the first name in a directory that fits a pattern, or one that is not there.
func firstOf(t *testing.T, dir, pattern string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		return "none"
	}
	return filepath.Base(all[0])
}
