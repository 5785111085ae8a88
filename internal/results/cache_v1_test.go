package results_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// CACHE-6: pieces in any order, chunked; 204 for a miss.
func TestCacheServiceOfVersion1(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		c := s.saver(mainRef)
		const root = "/_apis/artifactcache/"
		reserve := `{"key":"k-1","version":"` + cacheVersion + `","cacheSize":10}`
		search := root + "cache?keys=" + url.QueryEscape("k-1,k-") + "&version=" + cacheVersion
		if status, body, _ := c.do("GET", search, "", nil); status != http.StatusNoContent || body != "" {
			t.Errorf("a miss: %d %q", status, body)
		}
		status, body, _ := c.do("POST", root+"caches", reserve, nil)
		var made wire.ReservedCacheV1
		if err := json.Unmarshal([]byte(body), &made); err != nil || status != http.StatusCreated || made.CacheID <= 0 {
			t.Fatalf("reserve: %d %s", status, body)
		}
		path := root + "caches/" + strconv.FormatInt(made.CacheID, 10)
		patch := func(r, content string) (int, string) {
			t.Helper()
			status, body, _ := c.do("PATCH", path, content, http.Header{"Content-Range": {r}, "Content-Type": {"application/octet-stream"}})
			return status, body
		}
		for _, p := range []struct{ r, content string }{{"bytes 8-9/*", "89"}, {"bytes 0-3/*", "0123"}, {"bytes 4-7/*", "XXXX"}, {"bytes 4-7/10", "4567"}} {
			if status, body := patch(p.r, p.content); status != http.StatusNoContent {
				t.Errorf("%s: %d %s", p.r, status, body)
			}
		}
		for _, p := range []struct{ r, content string }{
			{"bytes 3-1/*", "x"},
			{"bytes a-b/*", "x"},
			{"0-3", "0123"},
			{"bytes -1-3/*", "x"},
			{"bytes 0-3/*", "012"},
			{"bytes 0-3/*", "01234"},
			{"bytes 0-9223372036854775807/*", "x"},
			{"bytes 9223372036854775807-9223372036854775807/*", "x"},
		} {
			if status, body := patch(p.r, p.content); status < 400 || status >= 500 || !strings.Contains(body, `"message"`) {
				t.Errorf("%s with %d bytes: %d %s", p.r, len(p.content), status, body)
			}
		}
		if status, body, _ := c.do("POST", path, `{"size":11}`, nil); status != http.StatusBadRequest {
			t.Errorf("another size: %d %s", status, body)
		}
		if status, body, _ := c.do("POST", path, `{"size":10}`, nil); status/100 != 2 {
			t.Fatalf("commit: %d %s", status, body)
		}
		status, body, _ = s.saver(featureRef).do("GET", search, "", nil)
		var found wire.CacheEntryV1
		if err := json.Unmarshal([]byte(body), &found); err != nil || status != http.StatusOK || found.CacheKey != "k-1" || found.Scope != mainRef || found.CacheVersion != cacheVersion || found.CreationTime.IsZero() {
			t.Fatalf("a hit: %d %s", status, body)
		}
		if got := s.get(found.ArchiveLocation); got != "0123456789" {
			t.Errorf("read %q", got)
		}
		status, body, _ = c.do("POST", root+"caches", reserve, nil)
		if d := cmp.Diff(`409 {"message":"`+wire.CacheExists+`","typeKey":"`+wire.CacheExistsType+`"}`, fmt.Sprint(status, " ", body)); d != "" || !strings.Contains(wire.CacheExistsType, "AlreadyExists") {
			t.Error(d)
		}
		status, body, _ = c.do("GET", root+"caches?key=k", "", nil)
		var list wire.CacheListV1
		if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK || list.TotalCount != 1 || list.ArtifactCaches[0].CacheKey != "k-1" {
			t.Errorf("list: %d %s", status, body)
		}
	})
}

func TestRefusalsOfVersion1(t *testing.T) {
	s := newServer(t)
	const root = "/_apis/artifactcache/"
	c, other := s.saver(mainRef), s.saver(mainRef)
	status, body, _ := c.do("POST", root+"caches", `{"key":"mine","version":"v"}`, nil)
	var made wire.ReservedCacheV1
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != http.StatusCreated {
		t.Fatal(status, body)
	}
	own := root + "caches/" + strconv.FormatInt(made.CacheID, 10)
	for _, r := range []struct {
		name         string
		as           *saver
		method, path string
		body         string
		status       int
		message      string
	}{
		{"no right to write", s.saver(mainRef, actions.CacheReads), "POST", root + "caches", `{"key":"a","version":"v"}`, 403, `{"message":"cache write denied:`},
		{"no right to read", s.saver(mainRef, actions.CacheNone), "GET", root + "cache?keys=a&version=v", "", 403, `{"message":"cache read denied:`},
		{"too large", c, "POST", root + "caches", `{"key":"a","version":"v","cacheSize":10737418241}`, 400, `bytes`},
		{"bad key", c, "POST", root + "caches", `{"key":"a,b","version":"v"}`, 400, `commas`},
		{"no keys", c, "GET", root + "cache?version=v", "", 400, `Key`},
		{"piece of another job", other, "PATCH", own, "x", 404, `Not Found`},
		{"commit of another job", other, "POST", own, `{"size":0}`, 404, `Not Found`},
		{"an id that is none", c, "POST", root + "caches/0", `{"size":0}`, 404, `Not Found`},
		{"commit without pieces", c, "POST", own, `{"size":3}`, 400, `list`},
	} {
		status, body, _ := r.as.do(r.method, r.path, r.body, http.Header{"Content-Range": {"bytes 0-0/*"}})
		if status != r.status || !strings.Contains(body, r.message) {
			t.Errorf("%s: %d %s, want %d with %s", r.name, status, body, r.status, r.message)
		}
	}
}
