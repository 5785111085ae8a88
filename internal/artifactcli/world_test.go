package artifactcli

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A world is an API and a storage, each a server of its own, with the shapes that
// GitHub documents.
type world struct {
	*testing.T
	api, storage *httptest.Server

	mu        sync.Mutex
	now       time.Time
	artifacts []*stored
	asked     []string // requests, as "GET api PATH" or "GET storage RANGE"
	leaked    bool     // the storage has seen a token

	life   time.Duration                                     // of signed URLs; 0 for no end
	answer func(w http.ResponseWriter, r *http.Request) bool // answers in place of the API, if true
	bytes  func(w http.ResponseWriter, r *http.Request) bool // in place of the storage
}

type stored struct {
	Artifact
	body        []byte
	contentType string
}

const testToken = "ghp_secret"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	w.api = httptest.NewServer(http.HandlerFunc(w.serveAPI))
	w.storage = httptest.NewServer(http.HandlerFunc(w.serveStorage))
	t.Cleanup(w.api.Close)
	t.Cleanup(w.storage.Close)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, text)
}

// count is how many requests were made that begin like that.
func (w *world) count(prefix string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asked {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	return n
}

func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = nil
}

// put adds an artifact.
func (w *world) put(run int64, name, contentType string, body []byte) *stored {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := sha256.Sum256(body)
	s := &stored{body: body, contentType: contentType}
	s.Artifact = Artifact{
		ID: int64(len(w.artifacts) + 101), Name: name, Size: int64(len(body)), Digest: "sha256:" + hex.EncodeToString(sum[:]),
		CreatedAt: w.now, ExpiresAt: w.now.AddDate(0, 0, 90), Run: Run{ID: run, HeadBranch: "main"},
	}
	w.artifacts = append(w.artifacts, s)
	return s
}

func (w *world) serveAPI(rw http.ResponseWriter, r *http.Request) {
	w.note(r.Method + " api " + r.URL.Path)
	if w.answer != nil && w.answer(rw, r) {
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/v3/repos/octo/hello/actions/")
	if r.Header.Get("Authorization") != "Bearer "+testToken || !ok {
		problem(rw, http.StatusNotFound, "Not Found")
		return
	}
	words := strings.Split(rest, "/")
	switch {
	case words[0] == "runs":
		run, _ := strconv.ParseInt(words[1], 10, 64)
		w.list(rw, r, func(a *stored) bool { return a.Run.ID == run })
	case len(words) == 1:
		w.list(rw, r, func(*stored) bool { return true })
	default:
		w.one(rw, r, words)
	}
}

func problem(rw http.ResponseWriter, status int, message string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]string{"message": message})
}

func (w *world) list(rw http.ResponseWriter, r *http.Request, fits func(*stored) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := r.URL.Query().Get("name")
	var all []Artifact
	for _, a := range slices.Backward(w.artifacts) {
		if a != nil && fits(a) && (name == "" || a.Name == name) {
			all = append(all, a.Artifact)
		}
	}
	page, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "1"))
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	from := min((page-1)*size, len(all))
	if from+size < len(all) {
		next := r.URL.Query()
		next.Set("page", strconv.Itoa(page+1))
		rw.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next", <%s%s>; rel="last"`, w.api.URL, r.URL.Path, next.Encode(), w.api.URL, r.URL.Path))
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"total_count": len(all), "artifacts": all[from:min(from+size, len(all))]})
}

func (w *world) one(rw http.ResponseWriter, r *http.Request, words []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, _ := strconv.Atoi(words[1])
	i := id - 101
	if i < 0 || i >= len(w.artifacts) || w.artifacts[i] == nil {
		problem(rw, http.StatusNotFound, "Not Found")
		return
	}
	a := w.artifacts[i]
	switch {
	case r.Method == http.MethodDelete:
		w.artifacts[i] = nil
		rw.WriteHeader(http.StatusNoContent)
	case len(words) == 3 && a.Expired:
		problem(rw, http.StatusGone, "Artifact has expired")
	case len(words) == 3:
		rw.Header().Set("Location", fmt.Sprintf("%s/b/%d?since=%d&sig=signature", w.storage.URL, id, w.now.UnixNano()))
		rw.WriteHeader(http.StatusFound)
	default:
		_ = json.NewEncoder(rw).Encode(a.Artifact)
	}
}

func (w *world) serveStorage(rw http.ResponseWriter, r *http.Request) {
	w.note(r.Method + " storage " + r.Header.Get("Range"))
	w.mu.Lock()
	w.leaked = w.leaked || r.Header.Get("Authorization") != ""
	id, _ := strconv.Atoi(path.Base(r.URL.Path))
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	late := w.life > 0 && w.now.UnixNano()-since > int64(w.life)
	a := w.artifacts[id-101]
	w.mu.Unlock()
	if late {
		rw.WriteHeader(http.StatusForbidden)
		return
	}
	rw.Header().Set("Content-Type", a.contentType)
	rw.Header().Set("ETag", fmt.Sprintf(`"%d-%d"`, id, len(a.body)))
	if w.bytes != nil && w.bytes(rw, r) {
		return
	}
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(a.body))
}

// client is one with small pieces and short waits.
func (w *world) client() *Client {
	w.Helper()
	c, err := newClient(Config{URL: w.api.URL, Token: testToken, Repo: "octo/hello", Version: "test", Now: w.clock}, time.Millisecond)
	w.must(err)
	c.piece = 64 << 10
	return c
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// A session is what a command printed.
type session struct{ out, notes bytes.Buffer }

func (s *session) terminal() *Terminal { return &Terminal{Out: &s.out, Notes: &s.notes} }

// save saves artifacts and returns what was printed.
func (w *world) save(c *Client, o Options) (string, error) {
	var s session
	err := c.Save(w.Context(), s.terminal(), o)
	return s.out.String() + s.notes.String(), err
}

// random are bytes that do not compress, always the same.
func random(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// archive is a zip file with some files.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree is all that is below a directory: texts by path, "/" for a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		all[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
