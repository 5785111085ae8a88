package builtin_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
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

// An artifactServer answers the requests of the actions from memory, and fails
// as it is told to. The tests of the whole program run them on the real one.
type artifactServer struct {
	*httptest.Server
	mu      sync.Mutex
	all     []*artifactEntry
	refuse  map[string]int // requests that get a 503 first, by method or "block", "list", "whole", "get"
	cut     int            // downloads that break off in the middle
	blocks  map[string][]byte
	running int // blocks that are on the way
	most    int
	slow    chan struct{} // closed when blocks may end
}

type artifactEntry struct {
	ID        int
	Name      string
	Mime      string `json:"mime_type"`
	ExpiresAt string `json:"expires_at"`
	Size      string
	Hash      string
	Run       string `json:"workflow_run_backend_id"`
	Job       string `json:"workflow_job_run_backend_id"`
	body      []byte
	live      bool
	whole     bool // came in one request
}

func newArtifactServer(t *testing.T) *artifactServer {
	t.Helper()
	s := &artifactServer{refuse: map[string]int{}, blocks: map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /prefix/twirp/github.actions.results.api.v1.ArtifactService/{method}", s.call)
	mux.HandleFunc("PUT /_blobs/artifacts/{id}", s.put)
	mux.HandleFunc("GET /_blobs/artifacts/{id}", s.get)
	mux.HandleFunc("GET /api/v3/repos/octo/other/actions/runs/77/artifacts", s.list)
	mux.HandleFunc("GET /api/v3/repos/octo/other/actions/artifacts/{id}/zip", s.redirect)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// job is a job whose runner has told it of the server.
func (s *artifactServer) job(t *testing.T) *workspace {
	t.Helper()
	w := newWorkspace(t)
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"scp":"Other:x Actions.Results:run-1:job-1"}`))
	maps.Copy(w.env, map[string]string{
		"ACTIONS_RESULTS_URL": s.URL + "/prefix/", "ACTIONS_RUNTIME_TOKEN": "e30." + claims + ".c2ln",
		"GITHUB_SERVER_URL": "https://ci.example", "GITHUB_API_URL": s.URL + "/api/v3", "GITHUB_REPOSITORY": "octo/hello", "GITHUB_RUN_ID": "12",
	})
	w.context["github.repository"], w.context["github.run_id"] = "octo/hello", "12"
	return w
}

// refused says whether a request is one of those that fail at first.
func (s *artifactServer) refused(w http.ResponseWriter, what string) bool {
	if s.refuse[what] <= 0 {
		return false
	}
	s.refuse[what]--
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"code":"unavailable","msg":"try again"}`) // the client sees what is missing
	return true
}

// find is the newest that matches.
func (s *artifactServer) find(match func(*artifactEntry) bool) *artifactEntry {
	for _, e := range slices.Backward(s.all) {
		if match(e) {
			return e
		}
	}
	return nil
}

func (s *artifactServer) call(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := r.PathValue("method")
	if s.refused(w, method) {
		return
	}
	var in struct {
		artifactEntry
		NameFilter *string `json:"name_filter"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Run != "run-1" || in.Job == "" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer e30.") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	named := func(e *artifactEntry) bool { return e.live && e.Name == in.Name }
	out := map[string]any{"ok": true}
	switch method {
	case "CreateArtifact":
		if s.find(named) != nil {
			w.WriteHeader(http.StatusConflict)
			out = map[string]any{"code": "already_exists", "msg": "an artifact with this name already exists on the workflow run"}
			break
		}
		e := in.artifactEntry
		e.ID = len(s.all)
		s.all = append(s.all, &e)
		out["signed_upload_url"] = s.url(&e)
	case "FinalizeArtifact":
		e := s.all[len(s.all)-1]
		e.live, e.Hash = e.Name == in.Name && in.Size == strconv.Itoa(len(e.body)) && in.Hash == digestOf(e.body), in.Hash
		out["ok"], out["artifact_id"] = e.live, strconv.Itoa(1000+e.ID)
	case "ListArtifacts":
		list := []any{}
		for _, e := range s.all {
			if e.live && (in.NameFilter == nil || *in.NameFilter == e.Name) {
				list = append(list, map[string]any{
					"database_id": strconv.Itoa(1000 + e.ID), "name": e.Name, "size": strconv.Itoa(len(e.body)), "digest": e.Hash,
					"workflow_run_backend_id": e.Run, "workflow_job_run_backend_id": e.Job,
				})
			}
		}
		out = map[string]any{"artifacts": list}
	case "GetSignedArtifactURL":
		out = map[string]any{"signed_url": s.url(s.find(named))}
	case "DeleteArtifact":
		s.find(named).live = false
	}
	_ = json.NewEncoder(w).Encode(out) // the client sees what is missing
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *artifactServer) url(e *artifactEntry) string {
	return fmt.Sprintf("%s/_blobs/artifacts/%d?sig=signature%d", s.URL, e.ID, e.ID)
}

func (s *artifactServer) entry(r *http.Request) *artifactEntry {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return &artifactEntry{}
	}
	return s.all[id%1000]
}

func (s *artifactServer) put(w http.ResponseWriter, r *http.Request) {
	comp := r.URL.Query().Get("comp")
	s.arrive(comp)
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	what := map[string]string{"block": "block", "blocklist": "list", "": "whole"}[comp]
	if err != nil || s.refused(w, what) {
		return // the connection is gone
	}
	e := s.entry(r)
	switch comp {
	case "block":
		s.blocks[r.URL.Query().Get("blockid")] = body
	case "blocklist":
		e.body = nil
		for part := range strings.SplitSeq(string(body), "<Latest>") {
			if id, _, ok := strings.Cut(part, "</Latest>"); ok {
				e.body = append(e.body, s.blocks[id]...)
			}
		}
	default:
		e.body, e.whole = body, r.Header.Get("X-Ms-Blob-Type") == "BlockBlob"
	}
	w.WriteHeader(http.StatusCreated)
}

// arrive counts the blocks that are on the way, and holds them up.
func (s *artifactServer) arrive(comp string) {
	s.mu.Lock()
	s.running++
	s.most = max(s.most, s.running)
	if s.slow != nil && s.running == 4 {
		close(s.slow)
		s.slow = nil
	}
	slow := s.slow
	s.mu.Unlock()
	if slow != nil && comp == "block" {
		<-slow
	}
}

func (s *artifactServer) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused(w, "get") {
		return
	}
	e := s.entry(r)
	w.Header().Set("Content-Type", e.Mime)
	w.Header().Set("ETag", `"`+e.Hash+`"`)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": e.Name}))
	if s.cut > 0 {
		s.cut--
		w.Header().Set("Content-Length", strconv.Itoa(len(e.body)))
		_, _ = w.Write(e.body[:len(e.body)/2]) // the rest is what is missing
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(e.body))
}

// list serves the artifacts by REST, two on a page.
func (s *artifactServer) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, e := range s.all {
		if name := r.FormValue("name"); e.live && (name == "" || name == e.Name) {
			list = append(list, map[string]any{"id": 1000 + e.ID, "name": e.Name, "size_in_bytes": len(e.body), "digest": e.Hash, "expired": false})
		}
	}
	if r.Header.Get("Authorization") != "token ghp_secret" {
		w.WriteHeader(http.StatusNotFound)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"total_count": len(list), "artifacts": list}) // the client sees what is missing
}

func (s *artifactServer) redirect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	http.Redirect(w, r, s.url(s.entry(r)), http.StatusFound)
}

// add makes an artifact that is there already.
func (s *artifactServer) add(name, mime string, body []byte) *artifactEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &artifactEntry{ID: len(s.all), Name: name, Mime: mime, Hash: digestOf(body), Run: "run-1", Job: "job-0", body: body, live: true}
	s.all = append(s.all, e)
	return e
}

// last is the newest artifact.
func (s *artifactServer) last(t *testing.T) *artifactEntry {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		t.Fatal("there is no artifact")
	}
	return s.all[len(s.all)-1]
}

// filesOf are the files of a zip file and their contents.
func filesOf(t *testing.T, body []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// zipOf makes a zip file of names and contents.
func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write makes files in the workspace; a name that ends in / is a directory.
func (w *workspace) write(files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		to := filepath.Join(w.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(to, 0o755); err != nil {
				w.t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// below are the files in a directory of the workspace.
func (w *workspace) below(dir string) map[string]string {
	w.t.Helper()
	files := map[string]string{}
	root := filepath.Join(w.dir, dir)
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files[path.Clean(filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator))))] = string(text)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}
