package httpjson_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

func get(t *testing.T, target string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
}

func TestAnswersKeepTheBaseOfTheRequest(t *testing.T) {
	r := get(t, "http://ci.test:3000/api/v3/user")
	r.Header.Set("X-Forwarded-Host", "evil.test")
	r.Header.Set("X-Forwarded-Proto", "https")
	if got, want := httpjson.Base(r), (shape.Base{API: "http://ci.test:3000/api/v3", HTML: "http://ci.test:3000"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	r.TLS = &tls.ConnectionState{}
	if got, want := httpjson.Base(r).HTML, "https://ci.test:3000"; got != want {
		t.Errorf("with TLS: got %s, want %s", got, want)
	}
	want := shape.Base{API: "https://api.ci.test", HTML: "https://ci.test"}
	if got := httpjson.Base(httpjson.WithBase(r, want)); got != want {
		t.Errorf("as the server said: got %v, want %v", got, want)
	}
}

func TestHostsThatCannotStandInAURLAreRefused(t *testing.T) {
	for host, want := range map[string]bool{
		"ci.test": true, "ci.test:3000": true, "[::1]:3000": true, "": false, "a b": false, "a/b": false, `a"b`: false,
		"<script>": false, "user@host": false, "a\r\nb": false, strings.Repeat("a", 256): false,
	} {
		if got := httpjson.CheckHost(host); got != want {
			t.Errorf("CheckHost(%q) = %t", host, got)
		}
	}
}

func TestPageHasGitHubsDefaultsAndLimits(t *testing.T) {
	for query, want := range map[string]actions.Page{
		"":                            {Number: 1, Size: 30},
		"page=3&per_page=100":         {Number: 3, Size: 100},
		"per_page=101":                {Number: 1, Size: 100},
		"page=0&per_page=0":           {Number: 1, Size: 30},
		"page=-1&per_page=x":          {Number: 1, Size: 30},
		"page=99999999999999":         {Number: 1 << 24, Size: 30},
		"page=9223372036854775808999": {Number: 1, Size: 30},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := httpjson.PageOf(q); got != want {
			t.Errorf("%q: got %v, want %v", query, got, want)
		}
	}
}

func TestLinkHeaderNamesTheNeighbours(t *testing.T) {
	link := func(page int, rel string) string {
		return fmt.Sprintf(`<http://h/runs?event=push&page=%d&per_page=2>; rel="%s"`, page, rel)
	}
	for _, c := range []struct {
		name        string
		page, total int
		want        []string
	}{
		{"one page", 1, 2, nil},
		{"nothing", 1, 0, nil},
		{"first of three", 1, 5, []string{link(2, "next"), link(3, "last")}},
		{"second of three", 2, 5, []string{link(1, "prev"), link(3, "next"), link(3, "last"), link(1, "first")}},
		{"last of three", 3, 5, []string{link(2, "prev"), link(1, "first")}},
		{"behind the end", 9, 5, []string{link(3, "prev"), link(3, "last"), link(1, "first")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			httpjson.SetLink(w, "http://h/runs", url.Values{"event": {"push"}, "per_page": {"2"}}, actions.Page{Number: c.page, Size: 2}, c.total)
			if d := cmp.Diff(strings.Join(c.want, ", "), w.Header().Get("Link")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBodiesThatCannotBeReadAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       actions.Kind
	}{
		{"object", `{"name": "x", "unknown": 1}`, ""},
		{"empty", ``, ""},
		{"not JSON", `{"name": `, actions.Malformed},
		{"array", `[]`, actions.Malformed},
		{"wrong type", `{"name": 1}`, actions.Invalid},
		{"too large", `{"name": "` + strings.Repeat("x", 100) + `"}`, actions.Malformed},
		{"deep", strings.Repeat("[", 60), actions.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
			var v struct {
				Name string `json:"name"`
			}
			if err := httpjson.Decode(r, &v, 64); actions.KindOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestPathIDIsAPositiveNumber(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "9223372036854775807": 1<<63 - 1, "0": 0, "-1": 0, "x": 0, "1.0": 0, "9223372036854775808": 0} {
		r := get(t, "/")
		r.SetPathValue("run_id", text)
		got, err := httpjson.PathID(r, "run_id")
		if got != want || (want == 0) != (actions.KindOf(err) == actions.NotFound) {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}

func TestCredentialsAreThoseOfTheScheme(t *testing.T) {
	for header, want := range map[string]string{"": "", "Bearer": "", "Bearer x": "x", "bearer  x ": "x", "Basic x": "", "Bearerx": ""} {
		r := get(t, "/")
		r.Header.Set("Authorization", header)
		if got, err := httpjson.Bearer(r); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: token %q, %v; want %q", header, got, err, want)
		}
	}
}

func TestErrorsSayNoMoreThanTheCallerMayKnow(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"internal", errors.New("disk /dev/sda1 is on fire"), 500, `{"message":"Server Error","documentation_url":"d","status":"500"}`},
		{"not found", actions.Errorf(actions.NotFound, "repository octo/secret"), 404, `{"message":"Not Found","documentation_url":"d","status":"404"}`},
		{"forbidden", fmt.Errorf("run 1: %w", actions.Errorf(actions.Forbidden, "no")), 403, `{"message":"no","documentation_url":"d","status":"403"}`},
		{
			"field", actions.Missing("Repository", "name"), 422,
			`{"message":"Validation Failed","errors":[{"resource":"Repository","code":"missing_field","field":"name"}],"documentation_url":"d","status":"422"}`,
		},
		{
			"field whose value cannot be", actions.BadField("Cache", "sort"), 422,
			`{"message":"Validation Failed","errors":[{"resource":"Cache","code":"invalid","field":"sort"}],"documentation_url":"d","status":"422"}`,
		},
		{
			"field in the words of a rule", fmt.Errorf("run 1: %w", actions.InField("Repository", "days", actions.Errorf(actions.Invalid, "too many"))), 422,
			`{"message":"Validation Failed","errors":[{"resource":"Repository","code":"custom","field":"days","message":"too many"}],"documentation_url":"d","status":"422"}`,
		},
		{"what is no matter of a field", actions.InField("Repository", "days", errors.New("disk full")), 500, `{"message":"Server Error","documentation_url":"d","status":"500"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := httpjson.WriteError(w, c.err, "d"); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || w.Body.String() != c.want {
				t.Errorf("got %d %s\nwant %d %s", w.Code, w.Body, c.status, c.want)
			}
		})
	}
}

func TestETagChangesWithTheBodyOnly(t *testing.T) {
	tag := httpjson.ETag([]byte("a"))
	if tag != httpjson.ETag([]byte("a")) || tag == httpjson.ETag([]byte("b")) || !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("tag %s", tag)
	}
	for header, want := range map[string]bool{"": false, tag: true, "*": true, strings.TrimPrefix(tag, "W/"): true, `"x", ` + tag: true, `W/"x"`: false} {
		r := get(t, "/")
		r.Header.Set("If-None-Match", header)
		if got := httpjson.Unchanged(r, tag); got != want {
			t.Errorf("If-None-Match %q: got %t", header, got)
		}
	}
}

func TestJSONIsNotEscapedForHTML(t *testing.T) {
	w := httptest.NewRecorder()
	if err := httpjson.Write(w, http.StatusCreated, map[string]string{"a": "<&>"}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Body.String(), `{"a":"<&>"}`; got != want || !json.Valid(w.Body.Bytes()) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Threat: signed URL replayed on another host. The names of one host are one.
func TestAHostIsWrittenInOneForm(t *testing.T) {
	for base, want := range map[string]string{
		"http://ci.test": "ci.test", "https://CI.Test/sub": "ci.test", "http://ci.test:80": "ci.test", "https://ci.test:443/sub/dir": "ci.test",
		"http://ci.test:443": "ci.test:443", "https://ci.test:80": "ci.test:80", "http://ci.test:8080": "ci.test:8080",
		"http://[::1]:80": "[::1]", "http://[::80]": "[::80]", "": "",
	} {
		if got := (shape.Base{HTML: base}).Host(); got != want {
			t.Errorf("%s: got %q, want %q", base, got, want)
		}
	}
}
