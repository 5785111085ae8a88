package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// user makes an account and returns a token of it.
func (s *server) user(login string) string {
	s.t.Helper()
	s.do(http.MethodPost, "/admin/users", map[string]string{"login": login}, nil)
	var v struct{ Token string }
	s.do(http.MethodPost, "/admin/users/"+login+"/authorizations", map[string][]string{"scopes": {"repo", "workflow"}}, &v)
	return v.Token
}

// publish makes a repository public.
func (r *repository) publish() {
	r.t.Helper()
	r.do(http.MethodPatch, r.api, map[string]bool{"private": false}, nil)
}

// gitWith runs git with a token, as the checkout action does.
func (r *repository) gitWith(token string, args ...string) (out string, err error) {
	cmd := r.git(args...)
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	for i, v := range cmd.Env {
		if strings.HasPrefix(v, "GIT_CONFIG_VALUE_0=") {
			cmd.Env = append(cmd.Env[:i:i], "GIT_CONFIG_VALUE_0=Authorization: Basic "+basic)
		}
	}
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func TestTokenOfAJobReachesWhatItsPermissionsSayWhileItRuns(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r, other, open := s.newRepository("hello"), s.newRepository("other"), s.newRepository("open")
	open.publish()
	for _, one := range []*repository{other, open} {
		one.commit("README", "hi")
		one.push()
	}
	g := newGate(t)
	file := filepath.Join(g.dir, "token") // where its user may write
	script := fmt.Sprintf(`echo token $TOKEN; printf %%s $TOKEN >%s; export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1
fetch() { git -c http.extraHeader="Authorization: basic $(printf x-access-token:$TOKEN | base64 -w0)" clone -q $GITHUB_SERVER_URL/admin/$1.git $1 2>/dev/null && echo $1 yes || echo $1 no; }
fetch hello; fetch other; fetch open; git -C hello cat-file -e $GITHUB_SHA && echo same commit`, file)
	steps := fmt.Sprintf("[{env: {TOKEN: '${{ github.token }}'}, run: %q}, %s", script, g.steps()[1:])
	one := r.pushWorkflow("permissions: {contents: read, actions: read}\n" + workflow("ubuntu-latest", steps))
	g.pass(1)
	token := string(read(t, file))
	run := fmt.Sprintf("%s/actions/runs/%d", r.api, one.ID)
	const no = "Resource not accessible by integration"
	for _, c := range []struct {
		method, path string
		in           any
		status       int
		message      string
	}{
		{"GET", r.api, nil, http.StatusOK, ""},
		{"GET", run, nil, http.StatusOK, ""},
		{"GET", r.api + "/contents/.github/workflows/ci.yml", nil, http.StatusOK, ""},
		{"GET", open.api, nil, http.StatusOK, ""},
		{"GET", other.api, nil, http.StatusNotFound, "Not Found"},
		{"GET", other.api + "/actions/runs", nil, http.StatusNotFound, "Not Found"},
		{"POST", run + "/cancel", nil, http.StatusForbidden, no},
		{"DELETE", run, nil, http.StatusForbidden, no},
		{"POST", r.api + "/actions/workflows/ci.yml/dispatches", map[string]string{"ref": "main"}, http.StatusForbidden, no},
		{"PATCH", r.api, map[string]bool{"private": false}, http.StatusForbidden, no},
		{"GET", r.api + "/commits/main/check-runs", nil, http.StatusForbidden, no},
		{"POST", r.api + "/actions/runners/registration-token", nil, http.StatusForbidden, no},
		{"POST", open.api + "/actions/runners/registration-token", nil, http.StatusForbidden, no},
		{"GET", "/user", nil, http.StatusForbidden, no},
		{"POST", "/user/repos", map[string]string{"name": "mine"}, http.StatusForbidden, no},
	} {
		s.ask(token, c.method, c.path, c.in).want(c.status, c.message)
	}
	if out, err := r.gitWith(token, "push", "origin", "HEAD:refs/heads/mine"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("push with contents: read: %v %s", err, out)
	}
	if out, err := other.gitWith(token, "ls-remote", "origin"); err == nil || !strings.Contains(out, "not found") {
		t.Errorf("fetch of another private repository: %v %s", err, out)
	}
	g.open()
	j := r.conclude(one, "success")
	log := strings.Join(r.log(j), "\n")
	for _, want := range []string{"\ntoken ***\n", "\nhello yes\nother no\nopen yes\nsame commit\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, token) {
		t.Error("the log shows the token")
	}
	s.ask(token, http.MethodGet, r.api, nil).want(http.StatusUnauthorized, "Bad credentials")
	s.ask(token, http.MethodGet, open.api, nil).want(http.StatusUnauthorized, "Bad credentials")
	if out, err := r.gitWith(token, "ls-remote", "origin"); err == nil || strings.Contains(out, "refs/") {
		t.Errorf("fetch after the job: %v %s", err, out)
	}
}

func TestWhatIsOfAnotherRepositoryIsNotFound(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1")
	r, other, open := s.newRepository("hello"), s.newRepository("other"), s.newRepository("open")
	open.publish()
	one := r.pushWorkflow(quick("ubuntu-latest"))
	j := r.conclude(one, "success")
	shown := open.conclude(open.pushWorkflow(quick("ubuntu-latest")), "success")
	eve := s.user("eve")
	var workflows struct{ Workflows []struct{ ID int64 } }
	s.do(http.MethodGet, r.api+"/actions/workflows", nil, &workflows)
	ids := map[string]int64{"run": one.ID, "job": j.ID, "workflow": workflows.Workflows[0].ID}
	before := s.kept()
	for _, c := range []struct{ method, path, id string }{
		{"GET", "/actions/runs/%d", "run"},
		{"GET", "/actions/runs/%d/attempts/1", "run"},
		{"GET", "/actions/runs/%d/jobs", "run"},
		{"GET", "/actions/runs/%d/logs", "run"},
		{"GET", "/actions/runs/%d/artifacts", "run"},
		{"POST", "/actions/runs/%d/rerun", "run"},
		{"POST", "/actions/runs/%d/cancel", "run"},
		{"POST", "/actions/runs/%d/force-cancel", "run"},
		{"DELETE", "/actions/runs/%d/logs", "run"},
		{"DELETE", "/actions/runs/%d", "run"},
		{"GET", "/actions/jobs/%d", "job"},
		{"GET", "/actions/jobs/%d/logs", "job"},
		{"GET", "/check-runs/%d", "job"},
		{"GET", "/check-runs/%d/annotations", "job"},
		{"GET", "/actions/workflows/%d", "workflow"},
		{"GET", "/actions/workflows/%d/runs", "workflow"},
	} {
		path := fmt.Sprintf(c.path, ids[c.id])
		s.ask(s.token, c.method, other.api+path, nil).want(http.StatusNotFound, "Not Found")
		s.ask(eve, c.method, r.api+path, nil).want(http.StatusNotFound, "Not Found")
		s.ask("", c.method, r.api+path, nil).want(http.StatusNotFound, "Not Found")
	}
	for _, path := range []string{"", "/actions", fmt.Sprintf("/actions/runs/%d", one.ID), fmt.Sprintf("/actions/runs/%d/job/%d", one.ID, j.ID)} {
		if a := s.ask("", http.MethodGet, s.url+"/"+r.name+path, nil); a.status != http.StatusNotFound {
			t.Errorf("page %s of a private repository: %d", path, a.status)
		}
	}
	const rights = "Must have admin rights to Repository."
	logs := fmt.Sprintf("%s/actions/jobs/%d/logs", open.api, shown.ID)
	s.ask(eve, http.MethodGet, logs, nil).want(http.StatusFound, "")
	s.ask("", http.MethodGet, logs, nil).want(http.StatusForbidden, rights)
	cancel := fmt.Sprintf("%s/actions/runs/%d/cancel", open.api, open.runs()[0].ID)
	s.ask(eve, http.MethodPost, cancel, nil).want(http.StatusForbidden, rights)
	s.ask("", http.MethodPost, cancel, nil).want(http.StatusUnauthorized, "Requires authentication")
	s.ask("ghp_"+strings.Repeat("x", 36), http.MethodGet, open.api, nil).want(http.StatusUnauthorized, "Bad credentials")
	if out, err := open.gitWith(eve, "push", "origin", "HEAD:refs/heads/eve"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("push to a repository of somebody else: %v %s", err, out)
	}
	s.unchanged(before)
}

func TestSignedURLThatWasAlteredIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1")
	r := s.newRepository("hello")
	one := r.pushWorkflow(quick("ubuntu-latest"))
	j := r.conclude(one, "success")
	logs := func(path string, id int64) string {
		return s.ask(s.token, http.MethodGet, fmt.Sprintf("%s/actions/%s/%d/logs", r.api, path, id), nil).want(http.StatusFound, "").header.Get("Location")
	}
	ofJob, ofRun := logs("jobs", j.ID), logs("runs", one.ID)
	if !strings.HasPrefix(ofJob, s.url+"/") || !strings.HasPrefix(ofRun, s.url+"/") {
		t.Fatalf("signed URLs: %s, %s", ofJob, ofRun)
	}
	s.ask("", http.MethodGet, ofJob, nil).want(http.StatusOK, "").has("Z done\n")
	if a := s.ask("", http.MethodHead, ofJob, nil).want(http.StatusOK, ""); len(a.body) != 0 {
		t.Errorf("HEAD: %q", a.body)
	}
	path, query, _ := strings.Cut(ofJob, "?")
	otherPath, _, _ := strings.Cut(ofRun, "?")
	altered := map[string]string{"no query": path, "another path": otherPath + "?" + query, "deeper path": path + "/x?" + query, "half a query": path + "?" + query[:len(query)/2]}
	for i, field := range strings.Split(query, "&") {
		fields := strings.Split(query, "&")
		name, value, _ := strings.Cut(field, "=")
		for how, text := range map[string]string{"longer": value + "0", "empty": "", "other": flip(value)} {
			fields[i] = name + "=" + text
			altered[name+" "+how] = path + "?" + strings.Join(fields, "&")
		}
		altered[name+" twice"] = path + "?" + field + "&" + query
	}
	for name, url := range altered {
		if a := s.ask("", http.MethodGet, url, nil); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("%s: %d %.100s", name, a.status, a.body)
		}
	}
	before := s.kept()
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch} {
		if a := s.ask("", method, ofJob, "x"); a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
	s.unchanged(before)
}

// flip changes the first character.
func flip(s string) string {
	if strings.HasPrefix(s, "1") {
		return "2" + s[1:]
	}
	return "1" + s[min(1, len(s)):]
}

func TestHostileOutputOfAJobHarmsNobody(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	r.publish()
	secret := "s3cr3t-" + "value"
	r.commit("run.sh", `
echo "::add-mask::s3cr3t-$1"
echo "whole: s3cr3t-$1."
printf 'split: s3cr'; sleep 0.05; printf '3t-'; sleep 0.05; printf "$1.\n"
printf 'bytes: a\377\376b\n'
printf 'controls: \000\001\007\033[31mred\033[0m\n'
printf 'progress 1\rprogress 2\n'
echo 'html: <script>alert(1)</script>'
head -c 10485760 /dev/zero | tr '\0' x; echo end of long line
head -c 3000000 /dev/zero | tr '\0' x; echo "s3cr3t-$1"
printf '::error title=<script>alert(2)</script>::s3cr3t-%s \033[31m<script>alert(3)</script>\n' "$1"
printf '## <script>alert(4)</script> s3cr3t-%s [link](javascript:alert(5)) <img src=x onerror=alert(6)>\n' "$1" >>$GITHUB_STEP_SUMMARY
echo "out=s3cr3t-$1" >>$GITHUB_OUTPUT
`)
	clone := `git -c http.extraHeader="Authorization: basic $(printf x:${{github.token}} | base64 -w0)" clone -q $GITHUB_SERVER_URL/$GITHUB_REPOSITORY.git . && bash run.sh value`
	one := r.pushWorkflow(workflow("ubuntu-latest", fmt.Sprintf("[{run: %q}]", clone)))
	j := r.conclude(one, "success")
	log := strings.Join(r.log(j), "\n")
	for _, want := range []string{"\nwhole: ***.\n", "\nsplit: ***.\n", "\nbytes: a\ufffd", "\nhtml: <script>alert(1)</script>\n", "xxend of long line\n", "xx***\n", "##[error]*** "} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.ToValidUTF8(log, "") != log {
		t.Error("the log is not text")
	}
	if messages := r.annotations(j); len(messages) != 1 || !strings.HasPrefix(messages[0], "*** ") {
		t.Errorf("annotations: %q", messages)
	}
	zip := r.ask(r.token, http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/logs", r.api, one.ID), nil).header.Get("Location")
	for name, text := range map[string]string{
		"log": log, "archive": unzipped(t, r.ask("", http.MethodGet, zip, nil).body),
		"page of the run": string(r.page(fmt.Sprintf("/%s/actions/runs/%d", r.name, one.ID)).body),
		"page of the job": string(r.page(fmt.Sprintf("/%s/actions/runs/%d/job/%d", r.name, one.ID, j.ID)).body),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the %s shows the secret", name)
		}
		for _, evil := range []string{"<script>alert(", "onerror=alert", `href="javascript:`} {
			if strings.HasPrefix(name, "page") && strings.Contains(text, evil) {
				t.Errorf("the %s holds %s", name, evil)
			}
		}
	}
	err := filepath.WalkDir(r.data, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(string(read(t, path)), secret) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
