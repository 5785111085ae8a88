package builtin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A cacheServer answers the requests of the action from memory, and refuses what
// it is told to. The tests of the whole program run the action on the real one.
type cacheServer struct {
	*httptest.Server
	mu      sync.Mutex
	entries []*cacheEntry
	answers map[string]cacheAnswer // of methods, in place of the right ones
	blocks  map[string][]byte
}

type cacheEntry struct {
	Key, Version string
	Size         json.Number `json:"size_bytes"`
	body         []byte
	live         bool
}

type cacheAnswer struct {
	status int
	body   string
}

func newCacheServer(t *testing.T) *cacheServer {
	t.Helper()
	s := &cacheServer{answers: map[string]cacheAnswer{}, blocks: map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /twirp/github.actions.results.api.v1.CacheService/{method}", s.call)
	mux.HandleFunc("PUT /_blobs/caches/{n}", s.put)
	mux.HandleFunc("GET /_blobs/caches/{n}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, _ = w.Write(s.entry(r.PathValue("n")).body) // the client sees what is missing
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *cacheServer) entry(n string) *cacheEntry {
	var i int
	_, _ = fmt.Sscan(n, &i) // the URL is its own
	return s.entries[i]
}

func (s *cacheServer) call(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := r.PathValue("method")
	if a, ok := s.answers[method]; ok {
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body) // the client sees what is missing
		return
	}
	var in struct {
		cacheEntry
		RestoreKeys []string `json:"restore_keys"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Authorization") != "Bearer runtime" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	out := map[string]any{"ok": false}
	switch method {
	case "CreateCacheEntry":
		s.entries = append(s.entries, &cacheEntry{Key: in.Key, Version: in.Version})
		out = map[string]any{"ok": true, "signed_upload_url": s.url(len(s.entries) - 1)}
	case "FinalizeCacheEntryUpload":
		e := s.entries[len(s.entries)-1]
		e.live = e.Key == in.Key && e.Version == in.Version && in.Size.String() == fmt.Sprint(len(e.body))
		out = map[string]any{"ok": e.live, "entry_id": "7"}
	case "GetCacheEntryDownloadURL":
		for _, key := range append([]string{in.Key}, in.RestoreKeys...) {
			for i, e := range s.entries {
				if e.live && e.Version == in.Version && strings.HasPrefix(strings.ToLower(e.Key), strings.ToLower(key)) && out["ok"] == false {
					out = map[string]any{"ok": true, "signed_download_url": s.url(i), "matched_key": e.Key}
				}
			}
		}
	}
	_ = json.NewEncoder(w).Encode(out) // the client sees what is missing
}

func (s *cacheServer) url(n int) string {
	return fmt.Sprintf("%s/_blobs/caches/%d?sig=signature%d", s.URL, n, n)
}

func (s *cacheServer) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection is gone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, id := s.entry(r.PathValue("n")), r.URL.Query().Get("blockid")
	switch r.URL.Query().Get("comp") {
	case "block":
		s.blocks[id] = body
	case "blocklist":
		for part := range strings.SplitSeq(string(body), "<Latest>") {
			if id, _, ok := strings.Cut(part, "</Latest>"); ok {
				e.body = append(e.body, s.blocks[id]...)
			}
		}
	default:
		e.body = body
	}
	w.WriteHeader(http.StatusCreated)
}

// job is a job whose runner has told it of the server.
func (s *cacheServer) job(t *testing.T) *workspace {
	t.Helper()
	w := newWorkspace(t)
	w.env["ACTIONS_RESULTS_URL"], w.env["ACTIONS_RUNTIME_TOKEN"] = s.URL+"/", "runtime"
	return w
}

// says checks that the log of a script has all the lines.
func (r *result) says(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(r.log, line+"\n") {
			t.Errorf("the log lacks %q:\n%s", line, r.log)
		}
	}
}

func TestCacheIsThereForTheNextJob(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	w := s.job(t)
	home := w.env["HOME"]
	for _, zstd := range []bool{true, false} {
		if !zstd {
			w.env["PATH"] = withoutZstd(t)
		}
		// A second job has the same files, and the names of a hostile one.
		for name, text := range map[string]string{
			"deps/a.txt": "a", "deps/sub/b.txt": "b", "deps/no.tmp": "no", "-x": "x", "--checkpoint-action=exec=touch pwned": "y",
			"back\\slash\nline": "z", "big": strings.Repeat("big ", 5<<20),
		} {
			writeFile(t, filepath.Join(w.dir, name), text)
		}
		writeFile(t, filepath.Join(home, ".tool", "c.txt"), "c")
		inputs := []string{"key", fmt.Sprintf("deps-%t", zstd), "path", "deps\n!deps/*.tmp\n-*\nback*\nbig\n~/.tool\n", "restore-keys", "deps-"}
		step := w.use("actions/cache", inputs...)
		miss := step.main()
		if diff := cmp.Diff(map[string]string{"cache-primary-key": inputs[1]}, miss.outputs); diff != "" && zstd {
			t.Errorf("outputs of a miss (-want +got):\n%s", diff)
		}
		step.post().says(t, "Cache saved with key: "+inputs[1])

		before := w.tree()
		for _, dir := range []string{w.dir, home} {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		step = w.use("actions/cache", inputs...)
		hit := step.main()
		hit.says(t, "Cache hit for: "+inputs[1], "Cache restored successfully", "Cache restored from key: "+inputs[1])
		if diff := cmp.Diff(map[string]string{"cache-primary-key": inputs[1], "cache-hit": "true", "cache-matched-key": inputs[1]}, hit.outputs); diff != "" {
			t.Errorf("outputs of a hit (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, w.tree()); diff != "" {
			t.Errorf("files (-saved +restored):\n%s", diff)
		}
		if text, err := os.ReadFile(filepath.Join(home, ".tool", "c.txt")); err != nil || string(text) != "c" {
			t.Errorf("in the home directory: %q, %v", text, err)
		}
		step.post().says(t, "Cache hit occurred on the primary key "+inputs[1]+", not saving cache.")
		if strings.Contains(strings.ReplaceAll(hit.log, "::add-mask::", ""), "signature0\n") && !strings.Contains(hit.log, "::add-mask::signature0") {
			t.Error("a signature is not masked")
		}
	}
	if left, err := os.ReadDir(w.temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

func TestCacheLeavesOutWhatIsNoFile(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	w := s.job(t)
	writeFile(t, filepath.Join(w.dir, "d", "a.txt"), "a")
	writeFile(t, filepath.Join(w.dir, "whole", "b.txt"), "b")
	warnings := putSpecials(t, filepath.Join(w.dir, "d"))
	putSpecials(t, filepath.Join(w.dir, "whole")) // tar does not read what is in a directory and no file
	inputs := []string{"key", "k", "path", "d/*\nwhole"}
	w.use("actions/cache/save", inputs...).main().says(t, append(warnings, "Cache saved with key: k")...)
	if err := errors.Join(os.RemoveAll(filepath.Join(w.dir, "d")), os.RemoveAll(filepath.Join(w.dir, "whole"))); err != nil {
		t.Fatal(err)
	}
	w.use("actions/cache/restore", inputs...).main().says(t, "Cache restored successfully")
	for _, name := range []string{"d/a.txt", "whole/b.txt"} {
		if _, err := os.Stat(filepath.Join(w.dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// withoutZstd is a PATH where tar is, but not zstd.
func withoutZstd(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"node", "tar", "gzip"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("no %s: %v", name, err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The version is what @actions/cache computes (CACHE-2).
func TestCacheVersionIsThatOfTheToolkit(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	w := s.job(t)
	writeFile(t, filepath.Join(w.dir, "a"), "")
	w.use("actions/cache/save", "key", "k", "path", " a \n\n! b/**\r\n").main().says(t, "Cache saved with key: k")
	sum := sha256.Sum256([]byte("a|!b/**|zstd-without-long|1.0"))
	if got, want := s.entries[0].Version, hex.EncodeToString(sum[:]); got != want {
		t.Errorf("version %s, want %s", got, want)
	}
	out, err := tarOf(t, s.entries[0].body)
	if err != nil || out != "a\n" {
		t.Errorf("the archive has %q, %v", out, err)
	}
}

func tarOf(t *testing.T, archive []byte) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tar", "-t", "--zstd")
	cmd.Stdin = bytes.NewReader(archive)
	out, err := cmd.Output()
	return string(out), err
}

func TestCacheRestoresByTheStartOfAKey(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	w := s.job(t)
	writeFile(t, filepath.Join(w.dir, "a"), "a")
	w.use("actions/cache/save", "key", "Deps-1", "path", "a").main()
	inputs := []string{"key", "deps-2", "path", "a", "restore-keys", "other-\nDEPS-"}
	step := w.use("actions/cache", inputs...)
	res := step.main()
	res.says(t, "Cache hit for restore-key: Deps-1", "Cache restored from key: Deps-1")
	if diff := cmp.Diff(map[string]string{"cache-primary-key": "deps-2", "cache-hit": "false", "cache-matched-key": "Deps-1"}, res.outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	step.post().says(t, "Cache saved with key: deps-2") // the key itself had none

	lookup := w.use("actions/cache/restore", "key", "DEPS-1", "path", "a", "lookup-only", "true").main()
	lookup.says(t, "Lookup only - skipping download", "Cache found and can be restored from key: Deps-1")
	if lookup.outputs["cache-hit"] != "true" {
		t.Errorf("keys differ by case: %v", lookup.outputs)
	}
	w.use("actions/cache/restore", "key", "none", "path", "a").main().says(t, "Cache not found for input keys: none")
	w.use("actions/cache/restore", "key", "none", "path", "a", "fail-on-cache-miss", "true").fails("Exiting as fail-on-cache-miss is set. Input key: none")
}

func TestCacheFailuresOnlyWarn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method string
		answer       cacheAnswer
		restore      string // what restore says
		save         string
	}{
		{"read denied", "GetCacheEntryDownloadURL", cacheAnswer{403, `{"code":"permission_denied","msg":"cache read denied: no scope"}`}, "cache read denied: no scope", ""},
		{"bytes gone", "GetCacheEntryDownloadURL", cacheAnswer{200, `{"ok":true,"matched_key":"k","signed_download_url":"SERVER/gone/a/b"}`}, "404 Not Found", ""},
		{"exists", "CreateCacheEntry", cacheAnswer{409, `{"code":"already_exists","msg":"cache entry exists"}`}, "", "Unable to reserve cache with key k, another job may be creating this cache. More details: cache entry exists"},
		{"write denied", "CreateCacheEntry", cacheAnswer{200, `{"ok":false,"message":"cache write denied: read-only"}`}, "", "More details: cache write denied: read-only"},
		{"not finished", "FinalizeCacheEntryUpload", cacheAnswer{200, `{"ok":false,"message":"size mismatch"}`}, "", "size mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newCacheServer(t)
			c.answer.body = strings.ReplaceAll(c.answer.body, "SERVER", s.URL)
			s.answers[c.method] = c.answer
			w := s.job(t)
			writeFile(t, filepath.Join(w.dir, "a"), "a")
			if c.save == "" {
				res := w.use("actions/cache/restore", "key", "k", "path", "a").main()
				if !strings.Contains(res.log, "::warning::Failed to restore: ") || !strings.Contains(res.log, c.restore) || res.outputs["cache-hit"] != "" {
					t.Errorf("restore says\n%s", res.log)
				}
				return
			}
			res := w.use("actions/cache/save", "key", "k", "path", "a").main()
			if !strings.Contains(res.log, "Failed to save: ") || !strings.Contains(res.log, c.save) || strings.Contains(res.log, "Cache saved") {
				t.Errorf("save says\n%s", res.log)
			}
		})
	}
}

func TestCacheRefusesBadKeysAndPaths(t *testing.T) {
	t.Parallel()
	w := newCacheServer(t).job(t)
	writeFile(t, filepath.Join(w.dir, "a"), "a")
	for _, c := range []struct{ key, path, restore, want string }{
		{"a,b", "a", "", "cannot contain commas"},
		{strings.Repeat("k", 513), "a", "", "cannot be larger than 512 characters"},
		{"k", "a", strings.Repeat("x\n", 10), "Keys are limited to a maximum of 10"},
		{"", "a", "", "Input required and not supplied: key"},
		{"k", "", "", "Input required and not supplied: path"},
	} {
		w.use("actions/cache", "key", c.key, "path", c.path, "restore-keys", c.restore).fails(c.want)
	}
	w.use("actions/cache/save", "key", "k", "path", "nothing").main().says(t,
		"::warning::Failed to save: Path Validation Error: Path(s) specified in the action for caching do(es) not exist, hence no cache is being saved.")
	w.use("actions/cache/save", "key", "k", "path", "../*/../x").main().says(t,
		"::warning::Failed to save: Invalid pattern '../*/../x'. Relative pathing '.' and '..' is not allowed.")
}

func TestCacheModeSparesCallsThatTheServerWouldRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode        string
		read, write bool
	}{
		{"", true, true},
		{"read", true, false},
		{"write", true, true},
		{"write-only", false, true},
		{" None ", false, false},
		{"unheard", true, true},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			w := newCacheServer(t).job(t)
			w.env["ACTIONS_CACHE_MODE"] = c.mode
			writeFile(t, filepath.Join(w.dir, "a"), "a")
			saved := w.use("actions/cache/save", "key", "k", "path", "a").main()
			if got := strings.Contains(saved.log, "Cache saved with key: k"); got != c.write {
				t.Errorf("saved %t, want %t\n%s", got, c.write, saved.log)
			}
			restored := w.use("actions/cache/restore", "key", "k", "path", "a").main()
			if got := !strings.Contains(restored.log, "does not permit reads"); got != c.read {
				t.Errorf("read %t, want %t\n%s", got, c.read, restored.log)
			}
		})
	}
}
