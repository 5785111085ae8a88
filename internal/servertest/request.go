package servertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// API is what stands before the paths of the REST API.
const API = "/api/v3"

// A Reply is an answer whose body was read.
type Reply struct {
	*http.Response
	Text []byte
}

// JSON decodes the body as an object.
func (a *Reply) JSON(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	a.Into(t, &m)
	return m
}

// Into decodes the body into v.
func (a *Reply) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Text, v); err != nil {
		t.Fatalf("%s %s: %v: %s", a.Request.Method, a.Request.URL, err, a.Text)
	}
}

// Do sends a request for a path of the server, or for a whole URL. A body that is
// neither text nor a reader goes as JSON. The token is empty for none, and headers
// are "Name: value".
func (s *Site) Do(method, path, token string, body any, headers ...string) *Reply {
	s.Helper()
	var text io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		text = b
	case string:
		text = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		s.Must(err)
		text = bytes.NewReader(encoded)
	}
	if strings.HasPrefix(path, "/") {
		path = s.URL + path
	}
	r, err := http.NewRequestWithContext(s.Context(), method, path, text)
	s.Must(err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	res, err := s.Client.Do(r)
	s.Must(err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	s.Must(err)
	return &Reply{res, read}
}

// Want ends the test if the answer has another status, and returns it.
func (s *Site) Want(a *Reply, status int) *Reply {
	s.Helper()
	if a.StatusCode != status {
		s.Fatalf("%s %s: got %d, want %d: %s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.Text)
	}
	return a
}
