package results_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	mainRef      = "refs/heads/main"
	featureRef   = "refs/heads/feature"
	cacheVersion = "0d8ede9b2d01cc3da56a4df1dfa0f9a0b09e600c5ed3f6e1c0b1f3d1f2a4c6e8"
)

// A saver is a job that may use the caches of a ref.
type saver struct {
	*resultstest.Client
	s   *site
	job *actions.Job
}

// saver makes a job on a ref; its mode is write unless another is given.
func (s *site) saver(ref string, mode ...actions.CacheMode) *saver {
	s.T.Helper()
	j := s.Job("build")
	scopes := actions.CacheScopes(ref, "", "main", append(mode, actions.CacheWrites)[0])
	text, err := s.Keys.SignJob(token.Job{
		PlanGUID: s.Attempt.PlanID, GUID: j.GUID, RepoID: j.RepoID, RunID: j.RunID, ID: j.ID, Acquired: j.StartedAt, Caches: scopes, Expires: time.Now().Add(100 * time.Hour),
	}, time.Now())
	if err != nil {
		s.T.Fatal(err)
	}
	return &saver{&resultstest.Client{HTTP: s.Client, Base: s.URL, Token: text, IDs: s.ids(j)}, s, j}
}

// raw calls a method of the cache service, and returns the answer as JSON.
func (c *saver) raw(method, body string) string {
	c.s.T.Helper()
	status, answer, _ := c.do(http.MethodPost, "/twirp/"+wire.CacheService+"/"+method, body, nil)
	return fmt.Sprintf("%d %s", status, answer)
}

// do sends a request with the job's token.
func (c *saver) do(method, path, body string, header http.Header) (int, string, http.Header) {
	c.s.T.Helper()
	var content io.Reader = strings.NewReader(body)
	if header.Get("Content-Range") != "" {
		content = struct{ io.Reader }{content} // chunked, as the toolkit sends it
	}
	headers := []string{"Content-Type: application/json"}
	for name := range header {
		headers = append(headers, name+": "+header.Get(name))
	}
	a := c.s.Do(method, c.Base+path, c.Token, content, headers...)
	return a.StatusCode, string(a.Text), a.Header
}

func (c *saver) create(key string) wire.CreateCacheEntryResponse {
	c.s.T.Helper()
	var out wire.CreateCacheEntryResponse
	if err := c.Call(c.s.T.Context(), wire.CacheService, wire.CreateCacheEntry, wire.CreateCacheEntryRequest{Key: key, Version: cacheVersion}, &out); err != nil {
		c.s.T.Fatal(err)
	}
	return out
}

func (c *saver) finalize(key string, size int) wire.FinalizeCacheEntryUploadResponse {
	c.s.T.Helper()
	var out wire.FinalizeCacheEntryUploadResponse
	in := wire.FinalizeCacheEntryUploadRequest{Key: key, Version: cacheVersion, SizeBytes: wire.IntString(size)}
	if err := c.Call(c.s.T.Context(), wire.CacheService, wire.FinalizeCacheEntryUpload, in, &out); err != nil {
		c.s.T.Fatal(err)
	}
	return out
}

// save saves a cache as the toolkit does when it is not large: in one request.
func (c *saver) save(key string, content []byte) {
	c.s.T.Helper()
	to := c.create(key)
	if !to.OK {
		c.s.T.Fatalf("create %s: %+v", key, to)
	}
	if err := c.PutWhole(c.s.T.Context(), to.SignedUploadURL, content); err != nil {
		c.s.T.Fatal(err)
	}
	if done := c.finalize(key, len(content)); !done.OK || done.EntryID <= 0 {
		c.s.T.Fatalf("finalize %s: %+v", key, done)
	}
}

func (c *saver) find(key string, restore ...string) wire.GetCacheEntryDownloadURLResponse {
	c.s.T.Helper()
	var out wire.GetCacheEntryDownloadURLResponse
	in := wire.GetCacheEntryDownloadURLRequest{Key: key, RestoreKeys: restore, Version: cacheVersion}
	if err := c.Call(c.s.T.Context(), wire.CacheService, wire.GetCacheEntryDownloadURL, in, &out); err != nil {
		c.s.T.Fatal(err)
	}
	return out
}

func (c *saver) read(found wire.GetCacheEntryDownloadURLResponse) []byte {
	c.s.T.Helper()
	content, err := c.Get(c.s.T.Context(), found.SignedDownloadURL)
	if err != nil {
		c.s.T.Fatal(err)
	}
	return content
}

// CACHE-1, CACHE-3.
func TestCachesAreSavedHitByRestoreKeyAndMissedAcrossBranches(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		content := noise(300_000)
		s.saver(mainRef).save("Linux-npm-1", content)
		s.saver(featureRef).save("Linux-npm-2", []byte("of the feature branch"))
		other := s.saver("refs/heads/other")
		for _, c := range []struct{ key, restore, want string }{
			{"Linux-npm-1", "", "Linux-npm-1"},
			{"linux-NPM-1", "", "Linux-npm-1"},
			{"Linux-npm-9", "Linux-npm-", "Linux-npm-1"},
			{"Linux-npm-2", "", ""},
			{"Linux-go-1", "Linux-go-", ""},
		} {
			found := other.find(c.key, c.restore+"?")
			if c.restore != "" {
				found = other.find(c.key, c.restore)
			}
			if found.MatchedKey != c.want || found.OK != (c.want != "") {
				t.Errorf("%s, %s: %+v, want %q", c.key, c.restore, found, c.want)
			}
			if found.OK && !bytes.Equal(other.read(found), content) {
				t.Errorf("%s: other bytes came back", c.key)
			}
		}
	})
}

// The answers are those of the table in CACHE-1, letter for letter.
func TestAnswersOfTheCacheServiceAreThoseThatClientsKnow(t *testing.T) {
	s := newServer(t)
	a, b := s.saver(mainRef), s.saver(mainRef)
	reader, blind := s.saver(mainRef, actions.CacheReads), s.saver(mainRef, actions.CacheWriteOnly)
	entry := func(key string) string { return fmt.Sprintf(`{"key":%q,"version":"v"}`, key) }
	const exists = `409 {"code":"already_exists","msg":"cache entry with the same key, version, and scope already exists"}`

	to := a.raw(wire.CreateCacheEntry, `{"metadata":{"repository_id":"99","scope":[{"scope":"refs/heads/x","permission":"3"}]},"key":"k","version":"v","new_field":[1]}`)
	var made wire.CreateCacheEntryResponse
	if err := json.Unmarshal([]byte(strings.TrimPrefix(to, "200 ")), &made); err != nil || !made.OK {
		t.Fatalf("reserve: %s", to)
	}
	for _, c := range []struct {
		name string
		got  string
		want string
	}{
		{"another job uploads it", b.raw(wire.CreateCacheEntry, entry("K")), exists},
		{"a miss", a.raw(wire.GetCacheEntryDownloadURL, `{"key":"k","version":"v","restore_keys":["k"]}`), `200 {"ok":false}`},
		{"finalize without an upload", a.raw(wire.FinalizeCacheEntryUpload, `{"key":"none","version":"v"}`), `200 {"ok":false,"message":"the job uploads no cache with this key and version"}`},
		{"a token that may not write", reader.raw(wire.CreateCacheEntry, entry("new")), `200 {"ok":false,"message":"cache write denied: the job may not write caches"}`},
		{"a token that may not read", blind.raw(wire.GetCacheEntryDownloadURL, entry("k")), `403 {"code":"permission_denied","msg":"cache read denied: the job may not read caches"}`},
		{"a bad key", a.raw(wire.CreateCacheEntry, entry("a,b")), `200 {"ok":false,"message":"Key Validation Error: \"a,b\" cannot contain commas."}`},
		{"a bad search", a.raw(wire.GetCacheEntryDownloadURL, entry("a,b")), `400 {"code":"invalid_argument","msg":"Key Validation Error: \"a,b\" cannot contain commas."}`},
		{"not JSON", a.raw(wire.CreateCacheEntry, `{`), `400 {"code":"invalid_argument","msg":"Problems parsing JSON"}`},
		{"no such method", a.raw("DeleteCacheEntry", `{}`), ""},
	} {
		if c.want != "" && c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, c.got, c.want)
		}
	}
	s.put(made.SignedUploadURL, "12345")
	wrong := a.raw(wire.FinalizeCacheEntryUpload, `{"key":"k","version":"v","size_bytes":"4"}`)
	if want := `200 {"ok":false,"message":"the cache has 5 bytes, not 4"}`; wrong != want {
		t.Errorf("another size:\n got %s\nwant %s", wrong, want)
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(a.raw(wire.CreateCacheEntry, entry("k")), "200 ")), &made); err != nil || !made.OK {
		t.Fatal(made, err)
	}
	s.put(made.SignedUploadURL, "12345")
	for _, size := range []string{`5`, `"5"`} { // numbers come in both forms (ART-2); the second call repeats the first
		var done struct {
			OK      bool `json:"ok"`
			EntryID any  `json:"entry_id"`
		}
		answer := a.raw(wire.FinalizeCacheEntryUpload, `{"key":"k","version":"v","size_bytes":`+size+`}`)
		id, err := "", json.Unmarshal([]byte(strings.TrimPrefix(answer, "200 ")), &done)
		if id, _ = done.EntryID.(string); err != nil || !done.OK || id == "" {
			t.Errorf("finalize with %s: %s, want an id in a string", size, answer)
		}
	}
	if got := a.raw(wire.CreateCacheEntry, entry("k")); got != exists {
		t.Errorf("once it is live: %s", got)
	}
}

// BuildKit sends blocks of 1 MiB with ids of 64 random bytes, the size as a
// number, its key among the restore keys, and resumes with x-ms-range (BLOB-4, BLOB-7).
func TestBuildKitsWay(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		c := s.saver(mainRef)
		content := noise(3<<20 + 17)
		to := c.create("layer#1")
		var ids []string
		for i := 0; i < len(content); i += 1 << 20 {
			sum := sha256.Sum256(content[i : i+1])
			id := base64.StdEncoding.EncodeToString(append(sum[:], binarySeed(i)...))
			ids = append(ids, id)
			if err := c.PutBlock(t.Context(), to.SignedUploadURL, id, content[i:min(i+1<<20, len(content))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.PutList(t.Context(), to.SignedUploadURL, ids); err != nil {
			t.Fatal(err)
		}
		answer := c.raw(wire.FinalizeCacheEntryUpload, fmt.Sprintf(`{"key":"layer#1","version":%q,"size_bytes":%d}`, cacheVersion, len(content)))
		if !strings.HasPrefix(answer, `200 {"ok":true,"entry_id":"`) {
			t.Fatal(answer)
		}
		found := c.find("layer#1", "layer#1", "layer#")
		if !bytes.Equal(c.read(found), content) {
			t.Error("other bytes came back")
		}
		rest := s.Do(http.MethodGet, found.SignedDownloadURL, "", nil, "X-Ms-Range: bytes=3145728-")
		if rest.StatusCode != http.StatusPartialContent || !bytes.Equal(rest.Text, content[3<<20:]) {
			t.Errorf("resumed: %d, %d bytes", rest.StatusCode, len(rest.Text))
		}
	})
}

// binarySeed is 32 bytes that no text has.
func binarySeed(i int) []byte {
	b := make([]byte, 32)
	rng := rand.NewChaCha8([32]byte{byte(i >> 20), 0xff})
	_, _ = rng.Read(b) // never fails
	return b
}

// Threat: cache server reachable without token, or token of repo A reads B.
func TestCachesNeedTheTokenOfTheirRepository(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		foreign := s.foreign()
		c := s.saver(mainRef)
		c.save("key", []byte("secret"))
		nobody := *c
		nobody.Client = &resultstest.Client{HTTP: c.HTTP, Base: c.Base}
		for _, method := range []string{wire.CreateCacheEntry, wire.FinalizeCacheEntryUpload, wire.GetCacheEntryDownloadURL} {
			if got := nobody.raw(method, `{"key":"key","version":"`+cacheVersion+`"}`); !strings.HasPrefix(got, "401 ") {
				t.Errorf("%s without a token: %s", method, got)
			}
		}
		for _, r := range []struct{ method, path string }{{"GET", "cache?keys=key&version=v"}, {"GET", "caches?key=key"}, {"POST", "caches"}, {"PATCH", "caches/1"}, {"POST", "caches/1"}} {
			if status, body, _ := nobody.do(r.method, "/_apis/artifactcache/"+r.path, "{}", nil); status != http.StatusUnauthorized || !strings.Contains(body, `"message"`) {
				t.Errorf("%s %s without a token: %d %s", r.method, r.path, status, body)
			}
		}
		outsider := foreign.saver(mainRef)
		if found := outsider.find("key"); found.OK {
			t.Errorf("another repository finds %+v", found)
		}
		// Ids can be guessed; signatures cannot, and those of one's own name one's own.
		pending := c.create("pending")
		for what, signed := range map[string]string{"download": c.find("key").SignedDownloadURL, "upload": pending.SignedUploadURL} {
			u, err := url.Parse(signed)
			if err != nil {
				t.Fatal(err)
			}
			for _, change := range []struct{ param, value string }{{"object", "1.1"}, {"object", "2.2"}, {"repo", "1"}, {"repo", strconv.FormatInt(foreign.Repo.ID, 10)}, {"expires", "9999999999"}, {"purpose", "cache-download"}, {"purpose", "artifact-download"}} {
				query := u.Query()
				if query.Get(change.param) == change.value {
					continue
				}
				query.Set(change.param, change.value)
				changed := *u
				changed.RawQuery = query.Encode()
				for _, method := range []string{http.MethodGet, http.MethodPut} {
					if status, code := s.send(method, changed.String(), "x"); status != http.StatusForbidden || code != "AuthenticationFailed" {
						t.Errorf("%s of %s with %v: %d %s", method, what, change, status, code)
					}
				}
			}
		}
	})
}

// Threat: cache written after the job ended with a stolen runtime token; signed
// URL replayed after 1 minute.
func TestUploadsEndWithTheJobAndDownloadsAfterAMinute(t *testing.T) {
	s := newServer(t)
	c := s.saver(mainRef)
	c.save("key", []byte("x"))
	found := c.find("key")
	pending := c.create("late")
	s.put(pending.SignedUploadURL, "poison")
	s.Complete(c.job, s.Now())
	if status, code := s.send(http.MethodPut, pending.SignedUploadURL, "poison"); status != http.StatusConflict {
		t.Errorf("PUT after the job: %d %s", status, code)
	}
	for _, method := range []string{wire.CreateCacheEntry, wire.FinalizeCacheEntryUpload, wire.GetCacheEntryDownloadURL} {
		if got := c.raw(method, `{"key":"late","version":"`+cacheVersion+`","size_bytes":6}`); !strings.HasPrefix(got, "412 ") {
			t.Errorf("%s after the job: %s", method, got)
		}
	}
	if status, body, _ := c.do("POST", "/_apis/artifactcache/caches", `{"key":"late","version":"v"}`, nil); status != http.StatusConflict {
		t.Errorf("version 1 after the job: %d %s", status, body)
	}
	if got := string(c.read(found)); got != "x" {
		t.Errorf("the download has %q", got)
	}
	s.Pass(time.Minute)
	if status, code := s.send(http.MethodGet, found.SignedDownloadURL, ""); status != http.StatusForbidden || code != "AuthenticationFailed" {
		t.Errorf("after a minute: %d %s", status, code)
	}
}

func TestURLsOfCachesThatAreGoneReadNothing(t *testing.T) {
	s := newServer(t)
	c := s.saver(mainRef)
	c.save("key", []byte("x"))
	found := c.find("key")
	to := c.create("half")
	s.put(to.SignedUploadURL, "1")
	again := c.create("half")
	if status, _ := s.send(http.MethodPut, to.SignedUploadURL, "2"); status != http.StatusNotFound && status != http.StatusConflict {
		t.Errorf("PUT of an upload that began anew: %d", status)
	}
	s.put(again.SignedUploadURL, "3")
	if done := c.finalize("half", 1); !done.OK {
		t.Errorf("%+v", done)
	}
	if status, _ := s.send(http.MethodPut, again.SignedUploadURL, "4"); status != http.StatusConflict {
		t.Errorf("PUT after the end: %d", status)
	}
	if got := string(c.read(c.find("half"))); got != "3" {
		t.Errorf("read %q", got)
	}
	if _, err := s.Caches.Delete(t.Context(), store.CacheFilter{RepoID: s.Repo.ID, Key: "key"}); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.send(http.MethodGet, found.SignedDownloadURL, ""); status != http.StatusNotFound {
		t.Errorf("GET of a deleted cache: %d", status)
	}
}

// CACHE-1: 429 with whole seconds, in both versions.
func TestTooManyUploadsAreToldWhenToComeAgain(t *testing.T) {
	s := newServer(t, servertest.WithDeps(func(d *servertest.Deps) { d.Limits.CachesPerMinute = 1 }))
	c := s.saver(mainRef)
	c.create("first")
	for path, body := range map[string]string{
		"/twirp/" + wire.CacheService + "/" + wire.CreateCacheEntry: `"code":"resource_exhausted"`,
		"/_apis/artifactcache/caches":                               `"message":"more than`,
	} {
		status, answer, h := c.do(http.MethodPost, path, `{"key":"second","version":"v"}`, nil)
		seconds, err := strconv.Atoi(h.Get("Retry-After"))
		if status != http.StatusTooManyRequests || !strings.Contains(answer, body) || err != nil || seconds < 50 || seconds > 60 {
			t.Errorf("%s: %d %s, Retry-After %q", path, status, answer, h.Get("Retry-After"))
		}
	}
}
