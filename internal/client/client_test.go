package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

const token = "ghp_secret"

// serve starts a server of the API, and returns a client of it that waits no
// longer than a test may.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	hs := httptest.NewServer(h)
	t.Cleanup(hs.Close)
	c, err := client.New(client.Config{URL: hs.URL, Token: token, Agent: "test/1", FirstWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refuse answers as GitHub's API does.
func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestTheAPIIsFoundFromTheAddressOfAServer(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:3000":          "http://127.0.0.1:3000/api/v3",
		"http://ci.example/":             "http://ci.example/api/v3",
		"https://ci.example/api/v3/":     "https://ci.example/api/v3",
		"https://api.github.com":         "https://api.github.com",
		"https://ci.example/understudy/": "https://ci.example/understudy/api/v3",
		"http://h/?q":                    "http://h/api/v3",
		"ci.example":                     "", "": "", "ftp://x": "", "http://": "", "http://user:pass@host": "",
	} {
		c, err := client.New(client.Config{URL: text})
		if (err == nil) != (want != "") || err == nil && c.URL() != want {
			t.Errorf("%q: %v, %v", text, c, err)
		}
		if err != nil && strings.Contains(err.Error(), "pass@") {
			t.Errorf("the error has the password: %v", err)
		}
	}
}

func TestARequestSaysWhoAsksAndInWhichVersion(t *testing.T) {
	type thing struct{ Name string }
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var in thing
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		h := r.Header
		fmt.Fprintf(w, `{"name":"%s %s %s %s %s %s"}`, r.Method, r.URL.Path, in.Name, h.Get("Authorization"), h.Get("X-GitHub-Api-Version"), h.Get("User-Agent"))
	})
	var out thing
	if err := c.Do(t.Context(), http.MethodPost, "/user/repos", thing{"hello"}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "POST /api/v3/user/repos hello Bearer ghp_secret 2022-11-28 test/1"; out.Name != want {
		t.Errorf("got %q, want %q", out.Name, want)
	}
	if err := c.As("").Do(t.Context(), http.MethodPost, "/user/repos", thing{}, &out); err != nil || strings.Contains(out.Name, "Bearer") {
		t.Errorf("nobody sends %q, %v", out.Name, err)
	}
}

func TestAnErrorHasGitHubsStatusAndMessage(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v3/html":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>")
		case "/api/v3/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		default:
			refuse(w, http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":[{"field":"name"}]}`)
		}
	})
	for path, want := range map[string]string{
		"/x?sig=secret": `GET /api/v3/x: 422 Validation Failed [{"field":"name"}]`,
		"/html":         "GET /api/v3/html: 200 (text/html), which is no answer of the REST API",
		"/moved":        "GET /api/v3/moved: 301 (text/html; charset=utf-8), which is no answer of the REST API",
	} {
		for _, out := range []any{nil, &struct{}{}} {
			err := c.Do(t.Context(), http.MethodGet, path, nil, out)
			if err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", path, err, want)
			}
		}
	}
	if err := c.Do(t.Context(), http.MethodGet, "/x", nil, nil); client.StatusOf(err) != http.StatusUnprocessableEntity {
		t.Errorf("the status is %d", client.StatusOf(err))
	}
}

func TestAServerThatDoesNotAnswerIsNamedWithoutThePath(t *testing.T) {
	c := serve(t, nil)
	gone, err := client.New(client.Config{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"api":  func() error { return gone.Do(t.Context(), http.MethodGet, "/x", nil, nil) },
		"page": func() error { _, err := c.Visit(t.Context(), "http://127.0.0.1:1/x?sig=secret", nil); return err },
	} {
		err := ask()
		u, ok := errors.AsType[*client.Unreachable](err)
		if !ok || !errors.Is(u, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "/x") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPagesGoOnAsTheLinksSay(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch n := q.Get("page"); n {
		case "":
			// Another host and path, as behind a proxy or with a renamed repository.
			w.Header().Set("Link", `<http://elsewhere.example/repositories/1/runs?per_page=2&page=2>; rel="next", <http://elsewhere.example/repositories/1/runs?page=3>; rel="last"`)
			fmt.Fprint(w, `{"runs":[1,2]}`)
		case "2":
			w.Header().Set("Link", `<http://x/?per_page=2>; rel="prev", <http://x/?per_page=2&page=3>; rel="next"`)
			fmt.Fprint(w, `{"runs":[3,4]}`)
		case "3":
			w.Header().Set("Link", `<http://x/?per_page=2>; rel="first"`)
			fmt.Fprint(w, `{"runs":[5]}`)
		}
	})
	type list struct{ Runs []int }
	var all []int
	for page, err := range client.Pages[list](t.Context(), c, "/runs?per_page=2") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Runs...)
	}
	if !slices.Equal(all, []int{1, 2, 3, 4, 5}) {
		t.Errorf("got %v", all)
	}
}

func TestAListThatBreaksEndsWithAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			refuse(w, http.StatusNotFound, `{"message":"Not Found"}`)
			return
		}
		w.Header().Set("Link", `</runs?page=2>; rel="next"`)
		fmt.Fprint(w, `{}`)
	})
	pages, last := 0, error(nil)
	for _, err := range client.Pages[struct{}](t.Context(), c, "/runs") {
		pages, last = pages+1, err
	}
	if pages != 2 || client.StatusOf(last) != http.StatusNotFound {
		t.Errorf("%d pages, then %v", pages, last)
	}
}

// Threat: a token is sent to a host that a redirect chooses.
func TestTheTokenStaysWithItsHost(t *testing.T) {
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(leaked.Load() || r.Header.Get("Authorization") != "")
		fmt.Fprint(w, "bytes")
	}))
	defer other.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/b?sig=s", http.StatusFound)
	})
	if err := c.Do(t.Context(), http.MethodGet, "/list", nil, nil); err == nil {
		t.Error("a list may be a redirect")
	}
	if _, err := c.Send(t.Context(), http.MethodGet, other.URL, nil); err == nil {
		t.Error("another host is sent a request of the API")
	}
	text, err := c.Read(t.Context(), "/zip")
	if string(text) != "bytes" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	to, err := c.Location(t.Context(), "/zip")
	if err != nil || to.String() != other.URL+"/b?sig=s" {
		t.Errorf("it leads to %v, %v", to, err)
	}
	if leaked.Load() {
		t.Error("another host has seen the token")
	}
}

func TestARedirectGoesToHTTPOnly(t *testing.T) {
	for _, to := range []string{"file:///etc/passwd", "", "http://user:pass@host/", "//", "%"} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		})
		if at, err := c.Location(t.Context(), "/zip"); err == nil {
			t.Errorf("%q leads to %v", to, at)
		}
		if _, err := c.Read(t.Context(), "/zip"); err == nil {
			t.Errorf("%q was read", to)
		}
	}
}

func TestABodyComesAsItIsSent(t *testing.T) {
	more := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		<-more
		fmt.Fprint(w, " second")
	})
	body, err := c.Open(t.Context(), "/logs")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	first := make([]byte, len("first"))
	if _, err := io.ReadFull(body, first); err != nil || string(first) != "first" {
		t.Errorf("got %q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(body); err != nil || string(rest) != " second" {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestOnlyWhatMayBeSentTwiceIsRepeated(t *testing.T) {
	for _, tc := range []struct {
		method string
		status int
		want   int64 // requests
	}{
		{http.MethodGet, http.StatusBadGateway, 7},
		{http.MethodDelete, http.StatusTooManyRequests, 7},
		{http.MethodGet, http.StatusNotImplemented, 1},
		{http.MethodGet, http.StatusNotFound, 1},
		{http.MethodPost, http.StatusBadGateway, 1},
		{http.MethodPatch, http.StatusBadGateway, 1},
	} {
		var asked atomic.Int64
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			refuse(w, tc.status, `{"message":"no"}`)
		})
		err := c.Do(t.Context(), tc.method, "/x", nil, nil)
		if client.StatusOf(err) != tc.status || asked.Load() != tc.want {
			t.Errorf("%s that answers %d: %d requests, %v; want %d", tc.method, tc.status, asked.Load(), err, tc.want)
		}
	}
}

func TestTroubleThatEndsIsNotSeen(t *testing.T) {
	var asked atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			refuse(w, http.StatusServiceUnavailable, `{}`)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			fmt.Fprint(w, `{}`)
		}
	})
	if err := c.Do(t.Context(), http.MethodGet, "/x", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusTooManyRequests, `{"message":"wait"}`)
		cancel()
	})
	if err := c.Do(ctx, http.MethodGet, "/x", nil, nil); err == nil {
		t.Error("no error")
	}
}
