package artifactcli

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const zipType = "application/zip"

func TestAnArtifactIsFetchedInPiecesAndExtracted(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{"a.txt": "hello", "deep/er/b.bin": string(random(1 << 20)), "ünï.txt": ""}
	w.put(7, "dist", zipType, archive(t, files))
	dir := filepath.Join(t.TempDir(), "new")
	text, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 4, Limits: Limits{Files: 10, Bytes: 2 << 20}})
	w.must(err)
	want := map[string]string{}
	for name, body := range files {
		want["dist/"+name] = body
	}
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Errorf("not what was uploaded (-want +got):\n%s", d)
	}
	if !strings.Contains(text, "SHA-256 verified, 3 files in "+filepath.Join(dir, "dist")) {
		t.Errorf("printed %q", text)
	}
	if n := w.count("GET storage bytes="); n < 10 {
		t.Errorf("%d ranges of pieces", n)
	}
	if n := w.count("GET api /api/v3/repos/octo/hello/actions/artifacts/101/zip"); n != 1 {
		t.Errorf("%d redirects were asked for, want 1", n)
	}
}

// Threat: a token is sent to a host that a redirect chooses.
func TestTheTokenGoesToTheServerOnly(t *testing.T) {
	w := newWorld(t)
	w.put(7, "dist", zipType, archive(t, map[string]string{"a": string(random(300 << 10))}))
	_, err := w.save(w.client(), Options{Run: 7, Dir: t.TempDir(), Workers: 2, Limits: Limits{Files: 10, Bytes: 1 << 20}})
	w.must(err)
	if w.leaked {
		t.Error("the storage has seen the token")
	}
	var seen atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.Store(seen.Load() || r.Header.Get("Authorization") != "")
	}))
	defer other.Close()
	w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
		http.Redirect(rw, r, other.URL+r.URL.Path, http.StatusFound)
		return true
	}
	var s session
	for _, err := range []error{
		w.client().Print(t.Context(), s.terminal(), Query{}, false),
		w.client().Delete(t.Context(), &Artifact{ID: 101}),
	} {
		if err == nil || !strings.Contains(err.Error(), "is not the REST API") || strings.Contains(err.Error(), testToken) {
			t.Errorf("a redirect of the API: %v", err)
		}
	}
	if seen.Load() {
		t.Error("another host has seen the token")
	}
}

func TestAKilledDownloadGoesOnWhereItWas(t *testing.T) {
	w := newWorld(t)
	a := w.put(7, "big", "application/octet-stream", random(2<<20))
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var got atomic.Int64
	w.bytes = func(rw http.ResponseWriter, r *http.Request) bool {
		if got.Add(1) > 8 {
			cancel() // as a kill would, in the middle
			<-r.Context().Done()
			return true
		}
		return false
	}
	var s session
	err := w.client().Save(ctx, s.terminal(), Options{Run: 7, Dir: dir, Workers: 2})
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "goes on where it was") {
		t.Fatalf("interrupted: %v", err)
	}
	w.bytes = nil
	w.forget()
	text, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 2})
	w.must(err)
	if n := w.count("GET storage"); n > 32-6 {
		t.Errorf("%d of 32 pieces were fetched again, after 8", n)
	}
	if got := tree(t, dir); len(got) != 1 || got["big"] != string(a.body) {
		t.Errorf("left %d files; printed %q", len(got), text)
	}
}

func TestALeftoverOfAnotherArtifactIsNotUsed(t *testing.T) {
	w := newWorld(t)
	a := w.put(7, "big", "application/octet-stream", random(300<<10))
	for name, note := range map[string]string{
		"no note":       "",
		"broken note":   `{"of": 1}`,
		"other server":  `{"of":"http://elsewhere/1","size":307200,"digest":"` + a.Digest + `","piece":65536,"done":"Hw=="}`,
		"other size":    `{"of":"` + w.api.URL + `/api/v3/octo/hello/artifacts/101","size":1,"digest":"` + a.Digest + `","piece":65536,"done":"Hw=="}`,
		"wild pieces":   `{"of":"` + w.api.URL + `/api/v3/octo/hello/artifacts/101","size":307200,"digest":"` + a.Digest + `","piece":-1,"done":"Hw=="}`,
		"too few bits":  `{"of":"` + w.api.URL + `/api/v3/octo/hello/artifacts/101","size":307200,"digest":"` + a.Digest + `","piece":1,"done":"Hw=="}`,
		"other content": `{"of":"` + w.api.URL + `/api/v3/octo/hello/artifacts/101","size":307200,"digest":"` + a.Digest + `","etag":"\"old\"","piece":65536,"done":"AQ=="}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w.must(os.WriteFile(filepath.Join(dir, ".artifact-101.part"), make([]byte, 300<<10), 0o666))
			if note != "" {
				w.must(os.WriteFile(filepath.Join(dir, ".artifact-101.part.json"), []byte(note), 0o666))
			}
			if _, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 2}); err != nil {
				t.Fatal(err)
			}
			if got := tree(t, dir); len(got) != 1 || got["big"] != string(a.body) {
				t.Errorf("left %d files", len(got))
			}
		})
	}
}

func TestASignedURLThatEndsIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.life = time.Minute
	a := w.put(7, "big", "application/octet-stream", random(1<<20))
	n := 0
	w.bytes = func(http.ResponseWriter, *http.Request) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		n++
		w.now = w.now.Add(40 * time.Second) // each piece is slow
		return false
	}
	dir := t.TempDir()
	_, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 1})
	w.must(err)
	if got := tree(t, dir)["big"]; got != string(a.body) {
		t.Errorf("%d bytes came", len(got))
	}
	if n := w.count("GET api /api/v3/repos/octo/hello/actions/artifacts/101/zip"); n < 4 {
		t.Errorf("%d redirects for 16 slow pieces", n)
	}
}

func TestTroubleOnTheWayIsTriedAgain(t *testing.T) {
	for name, trouble := range map[string]func(n int, rw http.ResponseWriter, body []byte) bool{
		"the connection breaks": func(n int, rw http.ResponseWriter, body []byte) bool {
			if n%3 != 0 {
				return false
			}
			rw.Header().Set("Content-Length", "70000")
			_, _ = rw.Write(body[:100])
			panic(http.ErrAbortHandler)
		},
		"the storage is out of order": func(n int, rw http.ResponseWriter, _ []byte) bool {
			if n%2 == 0 {
				return false
			}
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"the storage gives no ranges": func(_ int, rw http.ResponseWriter, body []byte) bool {
			_, _ = rw.Write(body)
			return true
		},
		"the storage gives no ranges, and breaks": func(n int, rw http.ResponseWriter, body []byte) bool {
			if n == 2 {
				_, _ = rw.Write(body[:300_000])
				panic(http.ErrAbortHandler)
			}
			_, _ = rw.Write(body)
			return true
		},
		"the URL is refused": func(n int, rw http.ResponseWriter, _ []byte) bool {
			if n%4 == 0 {
				rw.WriteHeader(http.StatusForbidden)
			}
			return n%4 == 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.put(7, "big", "application/octet-stream", random(1<<20))
			var n atomic.Int64
			w.bytes = func(rw http.ResponseWriter, _ *http.Request) bool { return trouble(int(n.Add(1)), rw, a.body) }
			failed := false
			w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
				if failed = !failed; failed {
					problem(rw, http.StatusBadGateway, "Server Error")
				}
				return failed
			}
			dir := t.TempDir()
			if _, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 1}); err != nil {
				t.Fatal(err)
			}
			if got := tree(t, dir)["big"]; got != string(a.body) {
				t.Errorf("%d bytes came", len(got))
			}
		})
	}
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	w := newWorld(t)
	a := w.put(7, "big", "application/octet-stream", random(200<<10))
	var n atomic.Int64
	w.bytes = func(rw http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) > 1 {
			return false
		}
		<-r.Context().Done()
		return true
	}
	c := w.client()
	c.stall = 50 * time.Millisecond
	dir := t.TempDir()
	_, err := w.save(c, Options{Run: 7, Dir: dir, Workers: 1})
	w.must(err)
	if got := tree(t, dir)["big"]; got != string(a.body) {
		t.Errorf("%d bytes came", len(got))
	}
}

// Threat: an artifact is replaced after finalize: the digest of the API tells.
func TestBytesThatTheServerDidNotDescribeAreNotKept(t *testing.T) {
	w := newWorld(t)
	a := w.put(7, "big", zipType, archive(t, map[string]string{"a": string(random(200 << 10))}))
	a.body[1000] ^= 1
	dir := t.TempDir()
	_, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 2})
	if !errors.Is(err, errDigest) || !strings.Contains(err.Error(), a.Digest[7:]) {
		t.Fatalf("got %v", err)
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("left %v", len(got))
	}
	a.Digest = "md5:00"
	if _, err := w.save(w.client(), Options{Run: 7, Dir: dir, Workers: 2}); err == nil || !strings.Contains(err.Error(), "cannot compute") {
		t.Errorf("an unknown digest: %v", err)
	}
}

func TestASizeThatIsWrongIsAnError(t *testing.T) {
	w := newWorld(t)
	for _, delta := range []int64{-1, 1, 1 << 40, -101, 1 << 62} {
		a := w.put(7, "big", "text/plain", random(100))
		a.Size += delta
		if _, err := w.save(w.client(), Options{IDs: []string{"101"}, Dir: t.TempDir()}); err == nil {
			t.Errorf("%+d: no error", delta)
		}
		w.artifacts = nil
	}
}

func TestEmptyArtifactsAndRawFilesAreKeptAsTheyAre(t *testing.T) {
	w := newWorld(t)
	w.put(7, "empty.txt", "text/plain", nil)
	w.put(7, "report.pdf", "application/pdf", []byte("%PDF"))
	w.put(7, "nothing", zipType, archive(t, nil))
	w.put(7, "dist", zipType, archive(t, map[string]string{"a": "b"}))
	dir := t.TempDir()
	_, err := w.save(w.client(), Options{Run: 7, Dir: dir, Limits: Limits{Files: 1, Bytes: 1}})
	w.must(err)
	want := map[string]string{"empty.txt": "", "report.pdf": "%PDF", "dist/a": "b"}
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(filepath.Join(dir, "nothing")); err != nil || !info.IsDir() {
		t.Errorf("an empty archive is %v, %v", info, err)
	}
	kept := t.TempDir()
	_, err = w.save(w.client(), Options{Run: 7, Dir: kept, Keep: true})
	w.must(err)
	if got := tree(t, kept); got["dist.zip"] != string(w.artifacts[3].body) || got["report.pdf"] != "%PDF" || len(got) != 4 {
		t.Errorf("kept %v", len(got))
	}
}

func TestWhatIsThereIsNotOverwritten(t *testing.T) {
	w := newWorld(t)
	w.put(7, "dist", zipType, archive(t, map[string]string{"a": "b"}))
	dir := t.TempDir()
	w.must(os.WriteFile(filepath.Join(dir, "dist"), []byte("mine"), 0o666))
	_, err := w.save(w.client(), Options{Run: 7, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("got %v", err)
	}
	if got := tree(t, dir); got["dist"] != "mine" || w.count("GET storage") > 0 {
		t.Errorf("there is %v", got)
	}
}

// Threat: an artifact's name is used as a path, with .., \, or a device's name.
func TestANameThatIsAPathIsNotUsedAsOne(t *testing.T) {
	for _, name := range []string{"..", "../evil", "/etc/evil", `..\evil`, "a/b", ".", "", "x\x00y", "c:evil", ".artifact-101.part", strings.Repeat("x", 300)} {
		w := newWorld(t)
		w.put(7, name, "text/plain", []byte("x"))
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		_, err := w.save(w.client(), Options{Run: 7, Dir: dir})
		w.must(err)
		if d := cmp.Diff(map[string]string{"in/artifact-101": "x"}, tree(t, outer)); d != "" {
			t.Errorf("%q: %s", name, d)
		}
	}
}
