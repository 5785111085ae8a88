package artifactcli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestOfSeveralWithOneNameTheNewestIsMeant(t *testing.T) {
	w := newWorld(t)
	w.put(7, "dist", "text/plain", []byte("old"))
	w.put(8, "dist", "text/plain", []byte("new"))
	w.put(8, "logs-linux", "text/plain", []byte("l"))
	w.put(8, "logs-mac", "text/plain", []byte("m"))
	w.put(9, "dist", "text/plain", []byte("expired")).Expired = true
	w.put(9, "12", "text/plain", []byte("a number"))
	w.put(9, "101", "text/plain", []byte("an id"))
	for _, c := range []struct {
		name string
		o    Options
		want map[string]string
	}{
		{"by name", Options{Names: []string{"dist"}}, map[string]string{"dist": "new"}},
		{"by name in a run", Options{Run: 7, IDs: []string{"dist"}}, map[string]string{"dist": "old"}},
		{"by id", Options{IDs: []string{"101"}}, map[string]string{"dist": "old"}},
		{"a name that is a number", Options{IDs: []string{"12"}}, map[string]string{"12": "a number"}},
		{"a name that is an id", Options{Names: []string{"101"}}, map[string]string{"101": "an id"}},
		{"by pattern", Options{IDs: []string{"logs-*"}}, map[string]string{"logs-linux": "l", "logs-mac": "m"}},
		{"all of a run, but what has expired", Options{Run: 9}, map[string]string{"12": "a number", "101": "an id"}},
		{"both", Options{IDs: []string{"103"}, Names: []string{"d?s*"}}, map[string]string{"dist": "new", "logs-linux": "l"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Dir = t.TempDir()
			if _, err := w.save(w.client(), c.o); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, tree(t, c.o.Dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestErrorsSayWhatToDoNext(t *testing.T) {
	w := newWorld(t)
	w.put(7, "dist", "text/plain", []byte("x"))
	w.put(7, "gone", "text/plain", []byte("x")).Expired = true
	w.put(8, "a.zip", "text/plain", []byte("x"))
	w.put(8, "a", "text/plain", []byte("x"))
	c := w.client()
	strange := *c
	strange.api = c.api.As("ghp_wrong")
	nobody := *c
	nobody.api = c.api.As("")
	refuse := func(status int, message string) {
		w.answer = func(rw http.ResponseWriter, _ *http.Request) bool { problem(rw, status, message); return true }
	}
	for _, tc := range []struct {
		name   string
		client *Client
		o      Options
		before func()
		want   string
	}{
		{"nothing asked for", c, Options{}, nil, "--run ID"},
		{"no such name", c, Options{Run: 7, Names: []string{"dits"}}, nil, "no artifact “dits” of run 7 of octo/hello: it has gone, dist"},
		{"no such run", c, Options{Run: 99, Names: []string{"dist"}}, nil, "it has none yet"},
		{"nothing that is live", c, Options{Run: 99}, nil, "no artifact that can be downloaded"},
		{"expired, by name", c, Options{Names: []string{"gone"}}, nil, "has expired and its bytes are gone: run its workflow again"},
		{"expired, by id", c, Options{IDs: []string{"102"}}, nil, "artifact gone (102) has expired"},
		{"id of another run", c, Options{Run: 8, IDs: []string{"101"}}, nil, "artifact dist (101) is of run 7, not 8"},
		{"one file name for two", c, Options{Run: 8, Keep: true}, nil, "would both be a.zip"},
		{"wrong token", &strange, Options{Run: 7}, nil, "check the name, -R octo/hello and --url"},
		{"token that is not known", c, Options{Run: 7}, func() { refuse(http.StatusUnauthorized, "Bad credentials") }, "does not know this token"},
		{"no token", &nobody, Options{Run: 7}, func() { refuse(http.StatusUnauthorized, "Requires authentication") }, "--token-file"},
		{"nobody may download", &nobody, Options{Run: 7}, func() { refuse(http.StatusForbidden, "You must have the actions scope to download artifacts.") }, "also where the repository is public"},
		{"token that may not", c, Options{Run: 7}, func() { refuse(http.StatusForbidden, "Resource not accessible") }, "may not do that: Resource not accessible"},
		{"gone meanwhile", c, Options{IDs: []string{"101"}}, func() {
			w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/zip") {
					problem(rw, http.StatusGone, "Artifact has expired")
					return true
				}
				return false
			}
		}, "its bytes are gone"},
		{"storage that is away", c, Options{IDs: []string{"101"}}, func() {
			w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/zip") {
					problem(rw, http.StatusServiceUnavailable, "the store of blobs does not answer")
					return true
				}
				return false
			}
		}, "the server answers 503 the store of blobs does not answer"},
		{"some other server", c, Options{Run: 7}, func() {
			w.answer = func(rw http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(rw, "<html>"); return true }
		}, "is not the REST API"},
		{"out of order for long", c, Options{Run: 7}, func() { refuse(http.StatusInternalServerError, "Server \x1b[31mError") }, "the server answers 500 Server �[31mError"},
		{"a redirect to nowhere", c, Options{IDs: []string{"101"}}, func() {
			w.answer = func(rw http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/zip") {
					rw.Header().Set("Location", "file:///etc/passwd")
					rw.WriteHeader(http.StatusFound)
					return true
				}
				return false
			}
		}, "redirects to file://, which is not followed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.answer = nil
			if tc.before != nil {
				tc.before()
			}
			tc.o.Dir = t.TempDir()
			_, err := w.save(tc.client, tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want …%s…", err, tc.want)
			}
			if err != nil && strings.Count(err.Error(), "artifact dist (101)") > 1 {
				t.Errorf("it is named twice: %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "ghp_") || strings.Contains(err.Error(), "sig=")) {
				t.Errorf("the error tells a secret: %v", err)
			}
			if left := tree(t, tc.o.Dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
	w.api.Close()
	if _, err := w.save(c, Options{Run: 7, Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "understudy serve") {
		t.Errorf("no server: %v", err)
	}
}

func TestAFailedArtifactDoesNotKeepTheOthersBack(t *testing.T) {
	w := newWorld(t)
	w.put(7, "a", "text/plain", []byte("a"))
	w.put(7, "b", "text/plain", []byte("b")).body = []byte("c")
	w.put(7, "c", "text/plain", []byte("c"))
	dir := t.TempDir()
	_, err := w.save(w.client(), Options{Run: 7, Dir: dir})
	if !errors.Is(err, errDigest) {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff(map[string]string{"a": "a", "c": "c"}, tree(t, dir)); d != "" {
		t.Error(d)
	}
}

func TestTheListIsATableOrJSON(t *testing.T) {
	w := newWorld(t)
	w.put(7, "dist", "text/plain", random(3<<20))
	w.put(8, "ev\x1b[2Jil\u202e", "text/plain", nil).Expired = true
	w.now = w.now.Add(3 * time.Hour)
	var s session
	w.must(w.client().Print(t.Context(), s.terminal(), Query{}, false))
	want := []string{
		"NAME ID SIZE DIGEST CREATED EXPIRES RUN",
		"ev�[2Jil� 102 0 B e3b0c44298fc 3 hours ago expired 8",
		"dist 101 3.0 MiB " + w.artifacts[0].Digest[7:19] + " 3 hours ago in 90 days 7",
	}
	var got []string
	for line := range strings.Lines(s.out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	s = session{}
	w.must(w.client().Print(t.Context(), s.terminal(), Query{Run: 7}, true))
	var list []Artifact
	if err := json.Unmarshal(s.out.Bytes(), &list); err != nil || len(list) != 1 || list[0] != w.artifacts[0].Artifact {
		t.Errorf("%v, %v", list, err)
	}
	s = session{}
	w.must(w.client().Print(t.Context(), s.terminal(), Query{Run: 99}, true))
	if got := s.out.String(); got != "[]\n" {
		t.Errorf("nothing is %q", got)
	}
}

func TestListsAreReadPageByPage(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		w.put(7, fmt.Sprintf("a-%d", i%50), "text/plain", nil)
	}
	for _, c := range []struct {
		q        Query
		found    int
		more     bool
		requests int
	}{
		{Query{}, 250, false, 3},
		{Query{Limit: 100}, 100, true, 1},
		{Query{Limit: 250}, 250, false, 3},
		{Query{Names: []string{"a-7"}}, 5, false, 1},
		{Query{Names: []string{"a-7", "a-8", "a-7"}}, 10, false, 3},
		{Query{Names: []string{"a-1*"}, Run: 7}, 55, false, 3},
		{Query{Names: []string{"b"}}, 0, false, 1},
	} {
		w.forget()
		found, more, err := w.client().List(t.Context(), c.q)
		if err != nil || len(found) != c.found || more != c.more || w.count("GET") != c.requests {
			t.Errorf("%+v: %d found, more %t, %d requests, %v; want %+v", c.q, len(found), more, w.count("GET"), err, c)
		}
		if !slices.IsSortedFunc(found, func(a, b *Artifact) int { return int(b.ID - a.ID) }) {
			t.Errorf("%+v: not the newest first", c.q)
		}
	}
}

func TestDeletingNeedsAnIDOrARun(t *testing.T) {
	w := newWorld(t)
	w.put(7, "dist", "text/plain", nil)
	w.put(8, "dist", "text/plain", nil)
	w.put(8, "logs", "text/plain", nil)
	c := w.client()
	var s session
	for _, c := range []struct {
		run  int64
		what string
		want string
	}{
		{0, "dist", "give --run ID too"},
		{0, "999", "octo/hello has no artifact with the ID 999"},
		{8, "d*", "whole names"},
		{8, "none", "no artifact “none”"},
		{7, "103", "is of run 8, not 7"},
	} {
		if err := w.client().Remove(t.Context(), s.terminal(), c.run, []string{c.what}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %s: %v", c.run, c.what, err)
		}
	}
	if n := w.count("DELETE"); n != 0 {
		t.Fatalf("%d deleted", n)
	}
	w.must(c.Remove(t.Context(), s.terminal(), 8, []string{"dist"}))
	w.must(c.Remove(t.Context(), s.terminal(), 0, []string{"103"}))
	if w.artifacts[0] == nil || w.artifacts[1] != nil || w.artifacts[2] != nil {
		t.Errorf("left %v", w.artifacts)
	}
	if got := s.out.String(); got != "artifact dist (102) deleted\nartifact logs (103) deleted\n" {
		t.Errorf("printed %q", got)
	}
}

func TestPatternsHaveStarsAndQuestionMarks(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"*", "", true},
		{"*", "x/y", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "abbc", true},
		{"a*c", "abcd", false},
		{"?", "ü", true},
		{"?", "", false},
		{"a?c", "abc", true},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{"*a*b*", "xxaxxbxx", true},
		{"**a", "ba", true},
		{"*ab", "aab", true},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 250), false},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %t", c.pattern, c.name, got)
		}
	}
}

func TestServersAndRepositoriesAreChecked(t *testing.T) {
	if _, err := New(Config{URL: "ci.example", Repo: "octo/hello"}); err == nil || !strings.HasPrefix(err.Error(), "--url: ") {
		t.Errorf("an address that is none: %v", err)
	}
	for _, repo := range []string{"", "hello", "/", "a/", "/b", "a/b/c", "../x", "a/b?c", "a b/c"} {
		if _, err := New(Config{URL: "http://h", Repo: repo}); err == nil {
			t.Errorf("repository %q is taken", repo)
		}
	}
	for text, want := range map[string]bool{"http://127.0.0.1:3000": true, "http://[::1]:3000": true, "http://localhost": true, "http://localhost.evil": false, "http://10.0.0.1": false, "http://127.0.0.1.evil": false, "%": false} {
		if got := Loopback(text); got != want {
			t.Errorf("Loopback(%q) = %t", text, got)
		}
	}
}

func TestTheBarFitsItsLine(t *testing.T) {
	var notes bytes.Buffer
	now := time.Unix(0, 0)
	b := &bar{t: &Terminal{Notes: &notes}, label: strings.Repeat("läng", 30), total: 1 << 30, now: func() time.Time { return now }}
	for _, done := range []int64{0, 1, 1 << 20, 1 << 29, 1<<30 - 1, 1 << 30, 1 << 31, -5} {
		b.done.Store(done)
		now = now.Add(time.Second)
		b.measure()
		for width := 1; width < 200; width++ {
			if got := utf8.RuneCountInString(b.line(width)); got >= max(width, 2) {
				t.Fatalf("%d columns in %d: %q", got, width, b.line(width))
			}
		}
	}
	b.label, b.speed = "dist", 12.5*(1<<20)
	b.done.Store(1 << 29)
	want := "dist ████████████▌░░░░░░░░░░░░   50%  512.0 MiB  12.5 MiB/s  40s"
	if got := b.line(70); !strings.HasPrefix(got, "dist ███") || !strings.HasSuffix(got, "  50%  512.0 MiB   12.5 MiB/s  40s") {
		t.Errorf("got  %q\nlike %q", got, want)
	}
}

func TestSizesForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4096.0 PiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
