package e2e_test

import (
	"bytes"
	"crypto/sha1" // git's checksum of packs
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // reads the database of a server
)

// kept is all that a server keeps: the number of rows in each table, and the
// files of blobs and repositories but for their locks.
func (s *server) kept() map[string]int64 {
	s.t.Helper()
	kept := map[string]int64{}
	for _, dir := range []string{"blobs", "repositories"} {
		err := filepath.WalkDir(filepath.Join(s.data, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && d.Name() != "understudy.lock" {
				kept[strings.TrimPrefix(path, s.data)]++
			}
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "understudy.db")+"?_pragma=query_only(true)&_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(s.t.Context(), "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range tables {
		var n int64
		if err := db.QueryRowContext(s.t.Context(), "select count(*) from "+name).Scan(&n); err != nil {
			s.t.Fatal(err)
		}
		kept["table "+name] = n
	}
	return kept
}

// unchanged fails the test if the server keeps more, or less, than before.
func (s *server) unchanged(before map[string]int64) {
	s.t.Helper()
	if after := s.kept(); !maps.Equal(before, after) {
		s.t.Errorf("what the server keeps (-before +after):\n%s", cmp.Diff(before, after))
	}
}

// send pushes a raw body to a repository, as the site admin.
func (r *repository) send(body []byte) *reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+"/"+r.name+".git/git-receive-pack", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth("x", r.token)
	req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return &reply{r.t, "push", res.StatusCode, res.Header, text}
}

const zeroSHA = "0000000000000000000000000000000000000000"

// command asks to set a ref that is not there yet; the pack follows.
func command(sha, ref string, pack []byte) []byte {
	line := fmt.Sprintf("%s %s %s\x00 report-status", zeroSHA, sha, ref)
	return append(fmt.Appendf(nil, "%04x%s0000", len(line)+4, line), pack...)
}

// pack is a pack with a number of objects, whose bytes follow.
func pack(count uint32, objects ...byte) []byte {
	p := append([]byte("PACK\x00\x00\x00\x02"), binary.BigEndian.AppendUint32(nil, count)...)
	p = append(p, objects...)
	sum := sha1.Sum(p) // git's
	return append(p, sum[:]...)
}

func TestHostilePacksLeaveNothing(t *testing.T) {
	t.Parallel()
	r := startServer(t, "--runners", "0").newRepository("hello")
	sha := r.commit(".github/workflows/ci.yml", quick("nobody"), "big", strings.Repeat("all work and no play\n", 20000))
	whole, err := r.git("pack-objects", "--revs", "--stdout", "--quiet", "--all").Output()
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 0xff
	before := r.kept()
	for name, body := range map[string][]byte{
		"truncated pack":       command(sha, "refs/heads/main", whole[:len(whole)/2]),
		"pack without trailer": command(sha, "refs/heads/main", whole[:len(whole)-20]),
		"no pack":              command(sha, "refs/heads/main", nil),
		"broken pack":          command(sha, "refs/heads/main", broken),
		"empty pack":           command(sha, "refs/heads/main", pack(0)),
		"pack that lies":       command(sha, "refs/heads/main", pack(1<<31)),
		"blob of 1 EiB":        command(sha, "refs/heads/main", pack(1, 0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 'x')),
		"other commit":         command(strings.Repeat("1", 40), "refs/heads/main", whole),
		"no command":           []byte("0000"),
		"half a command":       []byte("00a5" + zeroSHA),
		"length beyond all":    []byte("ffff" + zeroSHA),
		"negative length":      []byte("-001" + zeroSHA),
		"no line at all":       {0, 1, 2, 3},
		"nothing":              nil,
	} {
		a := r.in(t).send(body)
		if a.status >= http.StatusInternalServerError || bytes.Contains(a.body, []byte("ok refs/")) {
			t.Errorf("%s: %d %q", name, a.status, a.body)
		}
	}
	r.unchanged(before)
	if refs := r.refs(); len(refs) != 0 {
		t.Errorf("refs: %v", refs)
	}

	a := r.send(command(sha, "refs/heads/main", whole))
	a.want(http.StatusOK, "").has("unpack ok", "ok refs/heads/main")
	if one := r.runOf(sha); one.Status != "queued" {
		t.Errorf("after a good push: %+v", one)
	}
}

func TestRefsThatClimbOrAreOptionsAreRefused(t *testing.T) {
	t.Parallel()
	r := startServer(t, "--runners", "0").newRepository("hello")
	sha := r.commit(".github/workflows/ci.yml", quick("nobody"))
	r.push()
	before := r.kept()
	for _, ref := range []string{
		"HEAD", "main", "--upload-pack=touch", "-x", "refs/heads/../../../config", "refs/../HEAD", "../HEAD", "/etc/passwd", "refs/heads//x", "refs/heads/",
		"refs/heads/x.lock", "refs/heads/a b", "refs/heads/a\nb", "refs/heads/a\x1b[31m", "refs/heads/x..y", "refs/heads/@{-1}", "refs/heads/x~1",
		"refs/heads/main/x", "refs/heads/" + strings.Repeat("x", 5000), "refs/heads/\xff\xfe", "objects/x", "config", "refs/heads/-x", "refs/heads/.x", "refs/pull/1/head",
	} {
		a := r.send(command(sha, ref, pack(0)))
		if a.status >= http.StatusInternalServerError || bytes.Contains(a.body, []byte("unpack ok")) && !bytes.Contains(a.body, []byte("ng "+ref)) {
			t.Errorf("ref %q: %d %q", ref, a.status, a.body)
		}
	}
	r.unchanged(before)
	if refs := r.refs(); len(refs) != 1 || refs["main"] != sha {
		t.Errorf("refs: %v", refs)
	}
}

func TestPathsThatClimbOrAreOptionsAreNotFound(t *testing.T) {
	t.Parallel()
	r := startServer(t, "--runners", "0").newRepository("hello")
	r.commit(".github/workflows/ci.yml", quick("nobody"))
	r.push()
	before := r.kept()
	for _, path := range []string{
		"/admin/../admin-token", "/admin/..%2f..%2fadmin-token", "/admin/%2e%2e/%2e%2e/understudy.db/info/refs?service=git-upload-pack",
		"/admin/--help.git/info/refs?service=git-upload-pack", "/--upload-pack=x/hello.git/info/refs?service=git-upload-pack",
		"/admin/hello.git/config", "/admin/hello.git/objects/info/packs", "/admin/hello.git/../../../admin-token",
		"/assets/..%2f..%2fadmin-token", "/assets/../doc.go", "/admin/hello%00.git/info/refs?service=git-upload-pack", "/1.git/info/refs?service=git-upload-pack",
		"/api/v3/repos/admin/..%2fhello", "/api/v3/repos/admin/hello/contents/..%2f..%2fconfig", "/api/v3/repos/admin/hello/contents/%2fetc/passwd",
		"/api/v3/repos/admin/hello/actions/workflows/..%2f..%2fREADME", "/api/v3/repos/admin/hello/actions/runs/-1", "/api/v3/repos/admin/hello/actions/runs/1e3",
		"/api/v3/repos/admin/hello/actions/jobs/99999999999999999999", "/api/v3/repos/admin/hello/commits/--all", "/api/v3/repos/admin/hello/commits/-1/check-runs",
		"/_results/blobs/..%2f..%2fadmin-token", "/_runner/%2e%2e/x",
	} {
		if a := r.ask(r.token, http.MethodGet, r.url+path, nil); a.status != http.StatusTemporaryRedirect && a.status != http.StatusNotFound && a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	for _, service := range []string{"git-upload-archive", "--help", "git-upload-pack%20--x", "upload-pack", ""} {
		if a := r.ask(r.token, http.MethodGet, r.url+"/admin/hello.git/info/refs?service="+service, nil); a.status < 400 || a.status >= 500 {
			t.Errorf("service %s: %d %q", service, a.status, a.body)
		}
	}
	for _, name := range []string{".", "..", "x.git", "x.wiki", "x.lock", "hello", strings.Repeat("x", 101)} {
		r.ask(r.token, http.MethodPost, "/user/repos", map[string]string{"name": name}).
			want(http.StatusUnprocessableEntity, "Repository creation failed.").has(`"resource":"Repository"`, `"field":"name"`)
	}
	for _, login := range []string{"", "..", "a/b", "-x", "x-", "a--b", "a b", "api", "assets", strings.Repeat("x", 40)} {
		if a := r.ask(r.token, http.MethodPost, "/admin/users", map[string]string{"login": login}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("account %q: %d %s", login, a.status, a.body)
		}
	}
	for _, ref := range []string{"--all", "../../HEAD", "refs/heads/..", "main:x", "main~1", "-", ":/change", "@{0}", "\x00", strings.Repeat("x", 1<<16)} {
		if a := r.ask(r.token, http.MethodPost, r.api+"/actions/workflows/ci.yml/dispatches", map[string]string{"ref": ref}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("dispatch of %q: %d %s", ref, a.status, a.body)
		}
	}
	r.unchanged(before)

	// What GitHub makes of other names: a repository with dashes in it.
	for given, made := range map[string]string{"a/b": "a-b", "../x": "..-x", "--upload-pack=y": "--upload-pack-y", "a\nc": "a-c"} {
		var v struct{ Name string }
		r.ask(r.token, http.MethodPost, "/user/repos", map[string]string{"name": given}).json(&v)
		if v.Name != made {
			t.Errorf("repository %q is %q, want %q", given, v.Name, made)
		}
		r.mustGit("ls-remote", "--quiet", r.url+"/admin/"+made+".git")
	}
}

func TestHostileWorkflowsMakeAFailedRunEach(t *testing.T) {
	t.Parallel()
	r := startServer(t, "--runners", "0").newRepository("hello")
	const rest = "    runs-on: nobody\n    steps: [{run: 'true'}]\n"
	cases := map[string]struct{ text, want string }{
		"binary":    {"\x00\x01\x02\xff\xfe", "UTF-8"},
		"text":      {"just words", "(Line: 1, Col: 1)"},
		"yaml":      {"on: push\njobs: [", "Invalid YAML"},
		"indent":    {"on: push\njobs:\n  a:\n    runs-on: nobody\n   steps: []\n", "(Line: 5, Col: 4)"},
		"tabs":      {"on: push\njobs:\n\ta:\n", "tabs are not allowed"},
		"labels":    {"on: push\njobs:\n  a:\n    runs-on: [" + numbers(5000) + "]\n    steps: [{run: 'true'}]\n", "(Line: 4, Col: 14): 'runs-on' has 5000 labels"},
		"list":      {"- on: push\n- jobs: {}\n", "(Line: 1, Col: 1)"},
		"large":     {"on: push\njobs:\n  a:\n" + rest + "# " + strings.Repeat("x", 2<<20), "larger than 1 MiB"},
		"cycle":     {"on: push\njobs:\n  a:\n    needs: b\n" + rest + "  b:\n    needs: c\n" + rest + "  c:\n    needs: a\n" + rest, "at least one job with no dependencies"},
		"self":      {"on: push\njobs:\n  a:\n    needs: a\n" + rest, "at least one job with no dependencies"},
		"unknown":   {"on: push\njobs:\n  a:\n    needs: nobody\n" + rest, "(Line: 4, Col: 12)"},
		"tag":       {"on: push\njobs:\n  a: !!binary x\n", "(Line: 3, Col: "},
		"bomb":      {"on: push\na: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e]\n", "("},
		"deep":      {"on: push\njobs: " + strings.Repeat("[", 5000), "("},
		"condition": {"on: push\njobs:\n  a:\n    if: ${{ " + strings.Repeat("(", 5000) + " }}\n" + rest, "(Line: 4, Col: 9)"},
		"job id":    {"on: push\njobs:\n  ../../x:\n" + rest, "(Line: 3, Col: 3)"},
		"name":      {"name: \"<script>alert(1)</script>\\e[31m\"\non: push\njobs:\n  a: {}\n", "(Line: 4, Col: 6)"},
	}
	var files []string
	for name, c := range cases {
		files = append(files, ".github/workflows/"+name+".yml", c.text)
	}
	sha := r.commit(files...)
	r.push()
	got := map[string]run{}
	for _, one := range r.runs() {
		if one.SHA == sha {
			got[strings.TrimSuffix(filepath.Base(one.Path), ".yml")] = one
		}
	}
	for name, c := range cases {
		one, found := got[name]
		if !found {
			t.Errorf("%s: no run", name)
			continue
		}
		a := r.ask(r.token, http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID), nil).want(http.StatusOK, "")
		messages := r.annotations(&job{ID: checkOf(r, &one)})
		if one.Status != "completed" || one.Conclusion != "failure" || len(messages) == 0 || !strings.Contains(messages[0], c.want) {
			t.Errorf("%s: %+v with %.500q, want %q", name, one, messages, c.want)
		}
		a.has(`"total_count":0`)
	}
	if len(got) != len(cases) {
		t.Errorf("%d runs for %d workflows", len(got), len(cases))
	}
}

func TestMatrixThatIsTooLargeFailsItsJob(t *testing.T) {
	t.Parallel()
	r := startServer(t, "--runners", "0").newRepository("hello")
	one := r.pushWorkflow("on: push\njobs:\n  a:\n    strategy: {matrix: {x: [" + numbers(17) + "], y: [" + numbers(17) + "]}}\n    runs-on: nobody\n    steps: [{run: 'true'}]\n")
	j := r.conclude(one, "failure")
	if messages := r.annotations(j); len(messages) != 1 || !strings.Contains(messages[0], "(Line: 4, Col: 15)") || !strings.Contains(messages[0], "256") {
		t.Errorf("annotations: %q", messages)
	}
}

func numbers(n int) string {
	var list []string
	for i := range n {
		list = append(list, strconv.Itoa(i))
	}
	return strings.Join(list, ", ")
}

// checkOf is the id of the one check run that a run without jobs has.
func checkOf(r *repository, one *run) int64 {
	r.t.Helper()
	var v struct {
		Runs []struct{ ID int64 } `json:"check_runs"`
	}
	r.ask(r.token, http.MethodGet, r.api+"/commits/"+one.SHA+"/check-runs?check_name="+strings.ReplaceAll(one.Path, " ", "%20"), nil).want(http.StatusOK, "").json(&v)
	if len(v.Runs) != 1 {
		r.t.Errorf("check runs of %s: %+v", one.Path, v.Runs)
		return 0
	}
	return v.Runs[0].ID
}
