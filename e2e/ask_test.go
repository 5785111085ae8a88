package e2e_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/openapitest"
)

// in is the server as a subtest sees it.
func (s *server) in(t *testing.T) *server {
	t.Helper()
	c := *s
	c.t = t
	return &c
}

// in is the repository as a subtest sees it.
func (r *repository) in(t *testing.T) *repository {
	t.Helper()
	c := *r
	c.server = r.server.in(t)
	return &c
}

// conforming compares answers with GitHub's description of its API.
func conforming(t *testing.T) http.RoundTripper {
	t.Helper()
	return openapitest.New(t).Transport(http.DefaultTransport)
}

// A reply is an answer of the server, read.
type reply struct {
	t      *testing.T
	what   string // was asked for
	status int
	header http.Header
	body   []byte
}

// ask sends a request as the holder of a token, or as nobody. The address is a
// path of the API or a whole URL of the server.
func (s *server) ask(token, method, address string, in any) *reply {
	s.t.Helper()
	res, err := s.client(token, conforming(s.t)).Send(s.t.Context(), method, address, in)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, address, err)
	}
	return &reply{s.t, method + " " + address, res.StatusCode, res.Header, body}
}

// want checks the status, and for an error its message.
func (a *reply) want(status int, message string) *reply {
	a.t.Helper()
	var v struct{ Message string }
	if a.status >= http.StatusBadRequest {
		_ = json.Unmarshal(a.body, &v) // an error is one of the message
	}
	if a.status != status || v.Message != message {
		a.t.Errorf("%s: %d %s, want %d %q", a.what, a.status, a.body, status, message)
	}
	return a
}

// has checks that the body holds all of the texts.
func (a *reply) has(texts ...string) *reply {
	a.t.Helper()
	for _, text := range texts {
		if !bytes.Contains(a.body, []byte(text)) {
			a.t.Errorf("%s: the answer lacks %s:\n%s", a.what, text, a.body)
		}
	}
	return a
}

// page asks for a page as nobody and returns its HTML.
func (s *server) page(path string) *reply {
	s.t.Helper()
	return s.ask("", http.MethodGet, s.url+path, nil).want(http.StatusOK, "")
}

// json decodes the body.
func (a *reply) json(out any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, out); err != nil {
		a.t.Fatalf("%s: %v in %s", a.what, err, a.body)
	}
}

// unzipped is the text of all files of an archive.
func unzipped(t *testing.T, archive []byte) string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range r.File {
		entry, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "== %s\n", f.Name)
		if _, err := io.Copy(&all, entry); err != nil { // our own archive
			t.Fatal(err)
		}
	}
	return all.String()
}
