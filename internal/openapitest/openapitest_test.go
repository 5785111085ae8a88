package openapitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newSuite reads the descriptions, with an exceptions file of the given text.
func newSuite(t *testing.T, exceptions string) *suite {
	t.Helper()
	s, err := shared()
	if err != nil {
		if installed(err) || os.Getenv("UNDERSTUDY_TEST_REQUIRE_OPENAPI") != "" {
			t.Fatal(err)
		}
		t.Skipf("run npm ci: %v", err)
	}
	file := filepath.Join(t.TempDir(), "exceptions.txt")
	if err := os.WriteFile(file, []byte(exceptions), 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := readExceptions(file)
	if err != nil {
		t.Fatal(err)
	}
	return &suite{github: s.github, server: s.server, schemas: s.schemas, exceptions: x}
}

func ok(method, path, version string, status int, body string) answer {
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return answer{method, path, version, status, header, []byte(body)}
}

const artifact = `{"id":11,"node_id":"MDg6","name":"Rails","size_in_bytes":556,"url":"https://h/1",
	"archive_download_url":"https://h/1/zip","expired":false,"created_at":"2020-01-10T14:59:22Z",
	"expires_at":null,"updated_at":"2020-02-21T14:59:22Z"%s}`

func TestAnswersAreComparedWithTheDescription(t *testing.T) {
	s := newSuite(t, "")
	const one = "/repos/octo/hello/actions/artifacts/11"
	const dispatch = "/repos/octo/hello/actions/workflows/ci.yml/dispatches"
	artifact := func(more string) string { return strings.Replace(artifact, "%s", more, 1) }
	for name, c := range map[string]struct {
		answer answer
		want   []string
	}{
		"good body":             {ok("GET", one, "", 200, artifact("")), nil},
		"good body, later":      {ok("GET", one, later, 200, artifact("")), nil},
		"required is missing":   {ok("GET", one, "", 200, strings.Replace(artifact(""), `"id":11,`, "", 1)), []string{"/id"}},
		"wrong type":            {ok("GET", one, "", 200, strings.Replace(artifact(""), `:11`, `:"11"`, 1)), []string{"/id"}},
		"null where none may":   {ok("GET", one, "", 200, strings.Replace(artifact(""), `:11`, `:null`, 1)), []string{"/id"}},
		"wrong time":            {ok("GET", one, "", 200, strings.Replace(artifact(""), `2020-02-21T`, `2020-02-21 `, 1)), []string{"/updated_at"}},
		"unknown property":      {ok("GET", one, "", 200, artifact(`,"diggest":null`)), []string{"/diggest"}},
		"not JSON":              {ok("GET", one, "", 200, "{"), []string{"body"}},
		"no body":               {answer{"GET", one, "", 200, http.Header{}, nil}, []string{"content type"}},
		"wrong content type":    {answer{"GET", one, "", 200, http.Header{"Content-Type": {"text/plain"}}, nil}, []string{"content type"}},
		"undocumented status":   {ok("GET", one, "", 202, artifact("")), []string{"status 202"}},
		"server error":          {ok("GET", one, "", 500, `{"message":"Server Error","documentation_url":"https://d"}`), []string{"status 500"}},
		"no body where none is": {ok("DELETE", one, "", 204, ""), nil},
		"body where none is":    {ok("DELETE", one, "", 204, "{}"), []string{"body"}},
		"error from anywhere":   {ok("GET", one, "", 404, `{"message":"Not Found","documentation_url":"https://d","status":"404"}`), nil},
		"error of another":      {ok("GET", one, "", 404, `{"message":"Not Found","documentation_url":"https://d","status":"403"}`), []string{"/status"}},
		"error without message": {ok("GET", one, "", 404, `{"documentation_url":"https://d"}`), []string{"/message"}},
		"error as text":         {ok("GET", one, "", 404, `404 page not found`), []string{"body"}},
		"redirect to nowhere":   {ok("GET", one+"/zip", "", 302, ""), []string{"location"}},
		"in a list":             {ok("GET", "/repos/octo/hello/actions/artifacts", "", 200, `{"total_count":1,"artifacts":[`+artifact(`,"x":1`)+`]}`), []string{"/artifacts/*/x"}},
		"no such operation":     {ok("GET", "/repos/octo/hello/actions/nonsense", "", 200, "{}"), []string{"operation"}},
		"no such path":          {ok("GET", "/nonsense", "", 404, `{}`), nil},
		"only on a server":      {ok("POST", "/admin/organizations", "", 201, `{}`), []string{"/login"}},

		"known to a server": {ok("GET", "/meta", "", 200, `{"verifiable_password_authentication":true,"installed_version":"3.19.0"}`), nil},
		"known to nobody":   {ok("GET", "/meta", "", 200, `{"verifiable_password_authentication":true,"installed_versions":"3"}`), []string{"/installed_versions"}},

		// differences.md: the one change of status in the Actions family.
		"dispatch":                 {ok("POST", dispatch, "", 204, ""), nil},
		"dispatch, later":          {ok("POST", dispatch, later, 204, ""), []string{"status 204"}},
		"dispatch with run, later": {ok("POST", dispatch, later, 200, `{"workflow_run_id":1,"run_url":"https://h/1","html_url":"https://h/2"}`), nil},
		"removed property":         {ok("GET", "/rate_limit", "", 200, rateLimit(`"rate":`+window)), nil},
		"removed property, later":  {ok("GET", "/rate_limit", later, 200, rateLimit(`"rate":`+window)), []string{"/rate"}},
		"without it, later":        {ok("GET", "/rate_limit", later, 200, strings.Replace(rateLimit(""), `},}`, `}}`, 1)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, found, err := s.check(c.answer)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range found {
				got = append(got, p.what)
			}
			if len(c.want) > 0 && len(got) > len(c.want) {
				got = got[:len(c.want)] // the rest of an empty object
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems %v (-want +got):\n%s", found, diff)
			}
		})
	}
}

const window = `{"limit":5000,"used":1,"remaining":4999,"reset":1372700873}`

func rateLimit(more string) string {
	return `{"resources":{"core":` + window + `,"search":` + window + `},` + more + `}`
}

// GitHub's own examples do not all fit GitHub's schemas; testdata/examples.txt
// says which do not, and an example that fits must not be in it.
func TestExamplesOfGitHubFitButForTheKnown(t *testing.T) {
	s := newSuite(t, "")
	var err error
	if s.exceptions, err = readExceptions(filepath.Join("testdata", "examples.txt")); err != nil {
		t.Fatal(err)
	}
	c := &Checker{t: t, suite: s}
	count := 0
	for _, op := range c.Actions() {
		for _, version := range []string{"", later} {
			count += checkExamples(t, s, op, version)
		}
	}
	if count < 180 {
		t.Errorf("only %d examples checked", count)
	}
	for _, line := range s.exceptions.unused() {
		t.Error(line)
	}
}

// checkExamples checks each example of an operation and counts them.
func checkExamples(t *testing.T, s *suite, o Operation, version string) int {
	t.Helper()
	count := 0
	op, err := s.github.operation(o.Path, strings.ToLower(o.Method), version)
	if err != nil {
		t.Fatal(err)
	}
	for status := range op.Responses {
		res, err := op.response(status)
		if err != nil {
			t.Fatal(err)
		}
		code, err := strconv.Atoi(status)
		if err != nil || res == nil || code >= 400 {
			continue
		}
		for name, raw := range res.Content["application/json"].Examples {
			_, found, err := s.check(ok(o.Method, o.Path, version, code, string(exampleValue(t, op, raw))))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range found {
				if !s.exceptions.excuse(op.ID, p.what) {
					t.Errorf("%s | %s | %s (example %s, version %q)", op.ID, p.what, p.detail, name, version)
				}
			}
			count++
		}
	}
	return count
}

func exampleValue(t *testing.T, op *operation, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var example struct {
		Ref   string          `json:"$ref"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &example); err != nil {
		t.Fatal(err)
	}
	if example.Ref != "" {
		raw, _, _, err := op.from.component(example.Ref, op.version)
		if err != nil {
			t.Fatal(err)
		}
		return exampleValue(t, op, raw)
	}
	return example.Value
}

func TestEveryChangeOfTheLaterVersionApplies(t *testing.T) {
	s := newSuite(t, "")
	for path, methods := range s.github.Paths {
		for method := range methods {
			if _, err := s.github.operation(path, method, later); err != nil {
				t.Error(err)
			}
		}
	}
	for section, components := range s.github.Components {
		for name := range components {
			if _, _, _, err := s.github.component("#/components/"+section+"/"+name, later); err != nil {
				t.Errorf("%s/%s: %v", section, name, err)
			}
		}
	}
}

func TestOperationIsFoundByPath(t *testing.T) {
	s := newSuite(t, "")
	for path, want := range map[string]string{
		"/":                                            "meta/root",
		"/repos/o/r/actions/runs":                      "actions/list-workflow-runs-for-repo",
		"/repos/o/r/actions/runs/1":                    "actions/get-workflow-run",
		"/repos/o/r/actions/workflows/a%2Fb.yml":       "actions/get-workflow",
		"/repos/o/r/contents/a/b/c.txt":                "repos/get-content",
		"/repos/o/r/git/ref/heads/feature/x":           "git/get-ref",
		"/repos/o/r/actions/secrets/public-key":        "actions/get-repo-public-key",
		"/repos/o/r/actions/secrets/OTHER":             "actions/get-repo-secret",
		"/repos/o/r/actions/runs/1/unknown":            "",
		"/repos/o/r/actions/runs/":                     "",
		"/admin/keys":                                  "enterprise-admin/list-public-keys",
		"/orgs/o/actions/permissions/selected-actions": "actions/get-allowed-actions-organization",
	} {
		notModified := ok(http.MethodGet, path, "", http.StatusNotModified, "")
		if want == "" {
			notModified.status = http.StatusNotFound
		}
		got, _, err := s.check(notModified)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("GET %s: got %q, want %q", path, got, want)
		}
	}
}

// A recorder is a test that only notes failures.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }
func (r *recorder) Helper()               {}

func TestTransportReportsWrongAnswersOfTheAPIOnly(t *testing.T) {
	s := newSuite(t, "meta/get-octocat | content type | ours speaks JSON\n* | /extra | for the test\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"extra":1}`))
	}))
	defer server.Close()
	for path, want := range map[string]int{
		"/healthz":                        0,
		"/api/v3":                         1,
		"/api/v30":                        0,
		"/api/v3/octocat":                 0,
		"/api/v3/repos/o/r/actions/runs":  1,
		"/api/v3/repos/o/r/actions/bogus": 1,
		"/octo/hello/actions/runs":        0,
	} {
		rec := &recorder{TB: t}
		client := &http.Client{Transport: (&Checker{t: rec, suite: s}).Transport(http.DefaultTransport)}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body["extra"] == nil {
			t.Errorf("%s: the body did not pass: %v, %v", path, body, err)
		}
		res.Body.Close()
		if got := min(rec.errors, 1); got != want {
			t.Errorf("%s: reported %d, want %d", path, got, want)
		}
	}
	if left := s.exceptions.unused(); len(left) != 0 {
		t.Errorf("unused: %v", left)
	}
}

func TestUnusedAndMalformedExceptionsAreNamed(t *testing.T) {
	s := newSuite(t, "# comment\n\na/b | /x | reason\na/b | /y | reason with | bar\n")
	s.exceptions.excuse("a/b", "/x")
	s.exceptions.excuse("a/c", "/y")
	left := s.exceptions.unused()
	if len(left) != 1 || !strings.Contains(left[0], ":4: ") {
		t.Errorf("unused: %q, want line 4 alone", left)
	}
	file := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(file, []byte("a/b | /x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readExceptions(file); err == nil {
		t.Error("an exception without a reason was taken")
	}
}

func TestServedOperationsAreListed(t *testing.T) {
	s := newSuite(t, "")
	c := &Checker{t: t, suite: s}
	all := c.Actions()
	if len(all) != 195 { // openapi/README.md of the shared folder counts them
		t.Errorf("%d operations, want 195", len(all))
	}
	left := c.Unserved([]string{
		"GET /api/v3/repos/{owner}/{repo}/actions/runs",
		"GET /repos/{o}/{r}/actions/runs/{id}",
		"GET /healthz",
	})
	if got, want := len(left), len(all)-2; got != want {
		t.Errorf("%d operations unserved, want %d", got, want)
	}
	if slices.ContainsFunc(left, func(o Operation) bool { return o.ID == "actions/get-workflow-run" }) {
		t.Error("a served operation is in the list")
	}
	got := operationsTable(all, left)
	for _, want := range []string{"2 of 195 operations", "- `GET /repos/{owner}/{repo}/actions/jobs/{job_id}`"} {
		if !strings.Contains(got, want) {
			t.Errorf("document lacks %q", want)
		}
	}
}
