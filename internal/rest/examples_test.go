package rest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// versions are those of the API; "" is a request that names none.
var versions = []string{"", "2022-11-28", "2026-03-10"}

// An example is one of GitHub's reference, with names and ids of the test in place of its own.
type example struct {
	status  int
	method  string
	pattern string
	names   map[string]any // the values of the pattern's parameters
	body    map[string]any
}

// path is the pattern with the values.
func (e *example) path() string {
	return parameter.ReplaceAllStringFunc(e.pattern, func(p string) string {
		switch v := e.names[strings.Trim(p, "{}")].(type) {
		case int64:
			return strconv.FormatInt(v, 10)
		default:
			return v.(string)
		}
	})
}

// examplesOf reads the examples of all operations, in an order in which all can be done:
// what reads, what sets, what starts, what deletes, of that the parts before the whole.
func examplesOf(w *clientWorld) []*example {
	w.s.Helper()
	text, err := os.ReadFile("testdata/examples.txt")
	w.s.Must(err)
	allowed := resttest.Fields{"enabled": true, "allowed_actions": "selected"}
	w.s.Want(w.s.Do(http.MethodPut, "/repos/alice/hello/actions/permissions", w.token, allowed), http.StatusNoContent)
	var list []*example
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		part := strings.SplitN(strings.TrimSpace(line), " ", 4)
		status, err := strconv.Atoi(part[0])
		w.s.Must(err)
		e := &example{status: status, method: part[1], pattern: part[2]}
		if len(part) == 4 {
			w.s.Must(json.Unmarshal([]byte(part[3]), &e.body))
		}
		w.name(e)
		list = append(list, e)
	}
	if len(list) != 55 {
		w.s.Errorf("%d examples of the 55 operations", len(list))
	}
	order := []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}
	slices.SortStableFunc(list, func(a, b *example) int {
		if d := slices.Index(order, a.method) - slices.Index(order, b.method); d != 0 || a.method != http.MethodDelete {
			return d
		}
		return len(b.pattern) - len(a.pattern)
	})
	return list
}

// name puts names and ids of the world into an example.
func (w *clientWorld) name(e *example) {
	w.s.Helper()
	values := maps.Clone(w.values)
	maps.Copy(values, map[string]any{"archiveFormat": "zip", "org": "guild"})
	if strings.HasPrefix(e.pattern, "/orgs/") {
		maps.Copy(values, w.special["GetOrganizationRunner"])
	}
	if strings.HasPrefix(e.pattern, "/repos/{owner}/{repo}/actions/permissions") { // of the other, an organization decides
		values["owner"] = "alice"
	}
	if e.method == http.MethodPost && strings.Contains(e.pattern, "{run_id}") {
		values["runID"] = w.queued
	}
	e.names = make(map[string]any)
	for _, p := range parameter.FindAllString(e.pattern, -1) {
		name := strings.Trim(p, "{}")
		e.names[name] = values[camel(name)]
	}
	for name, v := range e.body {
		switch list, _ := v.([]any); {
		case v == name:
			e.body[name] = exampleValues[name]
		case len(list) == 1 && list[0] == 42.0:
			e.body[name] = []int64{w.repo.ID}
		}
	}
	if e.method == http.MethodPatch && strings.HasSuffix(e.pattern, "/{runner_group_id}") {
		e.body["name"] = "third" // the second was made, and a name is of one group
	}
	if e.method == http.MethodPut && strings.HasSuffix(e.pattern, "/{secret_name}") { // a new one, and whole
		e.names["secret_name"] = "NEW"
		maps.Copy(e.body, w.box(strings.TrimSuffix(e.path(), "NEW")+"public-key"))
	}
}

// exampleValues are the texts that examples leave open.
var exampleValues = map[string]any{"enabled_repositories": "selected", "visibility": "selected", "ref": "main", "name": "second", "encrypted_value": ""}

// box is a text sealed for the public key at a path.
func (w *clientWorld) box(path string) map[string]any {
	w.s.Helper()
	key := w.s.Want(w.s.Do(http.MethodGet, path, w.token, nil), http.StatusOK).JSON(w.s)
	raw, err := base64.StdEncoding.DecodeString(key["key"].(string))
	w.s.Must(err)
	text, err := box.SealAnonymous(nil, []byte("hello"), (*[32]byte)(raw), nil)
	w.s.Must(err)
	return map[string]any{"key_id": key["key_id"], "encrypted_value": base64.StdEncoding.EncodeToString(text)}
}

// The examples of the reference are sent as they stand there, by what curl makes of them:
// a body is declared to be a form.
func TestTheExamplesOfTheReferenceAreAnsweredAsDocumented(t *testing.T) {
	for _, version := range versions {
		t.Run("version "+version, func(t *testing.T) {
			s := resttest.New(t)
			w := newClientWorld(s)
			for _, e := range examplesOf(w) {
				want := e.status
				if strings.HasSuffix(e.pattern, "/dispatches") && version == "2026-03-10" {
					want = http.StatusOK // with the run, from then on
				}
				if got := w.curl(e, version); got.StatusCode != want {
					t.Errorf("%s %s: %d, want %d: %s", e.method, e.path(), got.StatusCode, want, got.Text)
				}
			}
		})
	}
}

// headers are those by which examples name a version.
func (*clientWorld) headers(version string) []string {
	if version == "" {
		return []string{"Accept: application/vnd.github.v3+json"}
	}
	return []string{"Accept: application/vnd.github+json", "X-GitHub-Api-Version: " + version}
}

// curl sends an example as curl does.
func (w *clientWorld) curl(e *example, version string) *servertest.Reply {
	w.s.Helper()
	headers := w.headers(version)
	var body any
	if e.body != nil {
		text, err := json.Marshal(e.body)
		w.s.Must(err)
		body = string(text)
		headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
	}
	return w.s.Do(e.method, e.path(), w.token, body, headers...)
}

func TestTheExamplesForOctokitAreAnsweredAsDocumented(t *testing.T) {
	if _, err := os.Stat("../../node_modules/@octokit/rest"); err != nil && os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") == "" {
		t.Skip("no node_modules/@octokit/rest: run npm ci")
	}
	s := resttest.New(t)
	w := newClientWorld(s)
	list := examplesOf(w)
	type request struct {
		Route      string         `json:"route"`
		Parameters map[string]any `json:"parameters"`
	}
	requests := make([]request, 0, len(list))
	for _, e := range list {
		parameters := maps.Clone(e.names)
		maps.Copy(parameters, e.body)
		requests = append(requests, request{e.method + " " + e.pattern, parameters})
	}
	input, err := json.Marshal(map[string]any{"baseUrl": s.URL + servertest.API, "token": w.token, "examples": requests})
	s.Must(err)
	cmd := exec.CommandContext(t.Context(), "node", "testdata/examples.mjs")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	s.Must(err)
	var statuses []any
	s.Must(json.Unmarshal(out, &statuses))
	if len(statuses) != len(list) {
		t.Fatalf("%d answers to %d examples", len(statuses), len(list))
	}
	for i, e := range list {
		if statuses[i] != float64(e.status) {
			t.Errorf("%s %s: %v, want %d", e.method, e.path(), statuses[i], e.status)
		}
	}
}
