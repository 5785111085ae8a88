package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// requireToolkit makes tests fail that lack node or npm's packages.
const requireToolkit = "UNDERSTUDY_TEST_REQUIRE_TOOLKIT"

// toolkitDir has the scripts that use npm's packages.
const toolkitDir = "testdata/toolkit"

// bundles are actions, and the script of a page, made of npm's unmodified packages in the
// way that the authors of actions make theirs: one script, by ncc.
var bundles = map[string]func() (string, error){
	"latest":   sync.OnceValues(func() (string, error) { return bundle("latest") }),
	"previous": sync.OnceValues(func() (string, error) { return bundle("previous") }),
	"legacy":   sync.OnceValues(func() (string, error) { return bundle("legacy") }),
	"oidc":     sync.OnceValues(func() (string, error) { return bundle("oidc") }),
	"browser":  sync.OnceValues(func() (string, error) { return bundle("browser") }),
}

func bundle(name string) (string, error) {
	dir, err := os.MkdirTemp("", "understudy-bundle-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	args := []string{"../node_modules/@vercel/ncc/dist/ncc/cli.js", "build", filepath.Join(toolkitDir, name+".mjs"), "--no-cache", "--quiet", "--out", dir}
	if out, err := exec.Command("node", args...).CombinedOutput(); err != nil { //nolint:noctx // for all tests
		return "", fmt.Errorf("ncc: %w\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.mjs"))
	return string(text), err
}

// needToolkit skips a test where node or npm's packages are missing.
func needToolkit(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat("../node_modules/@vercel/ncc")
	}
	switch {
	case err == nil:
	case os.Getenv(requireToolkit) != "":
		t.Fatalf("%s is set, but: %v", requireToolkit, err)
	default:
		t.Skipf("no packages of npm: %v", err)
	}
}

// toolkitAction is the action.yml of all bundles.
const toolkitAction = `name: Toolkit
description: Uses npm's packages as actions do
inputs:
  do: {description: scenario}
  prefix: {description: what names begin with}
  megabytes: {description: size of the big file}
  token: {description: of the API}
  count: {description: of artifacts}
runs: {using: node20, main: index.mjs}
`

// addToolkit makes repositories tools/NAME with the actions.
func (s *server) addToolkit(names ...string) {
	s.t.Helper()
	s.do(http.MethodPost, "/admin/organizations", map[string]string{"login": "tools", "admin": "admin"}, nil)
	for _, name := range names {
		text, err := bundles[name]()
		if err != nil {
			s.t.Fatal(err)
		}
		s.actionRepository(name, []string{"action.yml", toolkitAction, "index.mjs", text}, "main", "main:refs/tags/v1")
	}
}

// toolkitWorkflow is a workflow with a job for each major version of the
// packages, and what else is to be done on main.
func toolkitWorkflow(megabytes int) string {
	const job = `
  %[1]s:
    runs-on: mine
    steps:
      - if: github.ref_name == 'main'
        uses: tools/%[1]s@v1
        with: {do: artifacts, prefix: %[1]s, megabytes: %[2]d, token: "${{ github.token }}"}
      - uses: tools/%[1]s@v1
        with: {do: caches, prefix: %[1]s}
`
	return "on: push\npermissions: {actions: write, contents: read}\njobs:" +
		fmt.Sprintf(job, "latest", megabytes) + toolkitAndBuiltin + fmt.Sprintf(job, "previous", megabytes) +
		`      - if: github.ref_name == 'main'
        uses: tools/legacy@v1
        with: {prefix: legacy}
`
}

// toolkitAndBuiltin are steps in which the packages and the built-in actions
// read what the others have written.
const toolkitAndBuiltin = `
      - if: github.ref_name == 'main'
        uses: tools/latest@v1
        with: {do: upload}
      - if: github.ref_name == 'main'
        uses: actions/cache/restore@v4
        with: {path: "cached files\n!*.tmp", key: latest-v2-main-1, fail-on-cache-miss: true}
      - if: github.ref_name == 'main'
        uses: actions/download-artifact@v4
        with: {name: latest-small, path: small}
      - if: github.ref_name == 'main'
        run: test "$(find small -type f | wc -l)" = 200 && test -f "cached files/big"
      - if: github.ref_name == 'main'
        uses: actions/upload-artifact@v4
        with: {name: by-builtin, path: small}
      - if: github.ref_name == 'main'
        uses: actions/cache/save@v4
        with: {path: small, key: builtin-1}
      - if: github.ref_name == 'main'
        uses: tools/latest@v1
        with: {do: fetchBuiltin}
`

// succeed waits for a run to succeed and shows the logs of one that has not.
func (r *repository) succeed(one *run) {
	r.t.Helper()
	path := fmt.Sprintf("%s/actions/runs/%d", r.api, one.ID)
	until(r.t, "the run does not end: "+path, func() bool {
		r.do(http.MethodGet, path, nil, one)
		return one.Status == "completed"
	})
	if one.Conclusion == "success" {
		return
	}
	r.t.Errorf("the run concluded %s", one.Conclusion)
	for _, j := range r.jobs(one) {
		r.t.Logf("%s: %s\n%s", j.Name, j.Conclusion, strings.Join(r.log(&j), "\n"))
	}
	r.t.FailNow()
}

// jobs are those of a run.
func (r *repository) jobs(one *run) []job {
	r.t.Helper()
	var v struct{ Jobs []job }
	r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID), nil, &v)
	return v.Jobs
}

// withHost returns the words of a command that starts a program for which the
// name is this machine's. It has an /etc/hosts of its own, in a mount namespace.
func withHost(t *testing.T, name string) []string {
	t.Helper()
	hosts := filepath.Join(t.TempDir(), "hosts")
	write(t, hosts, string(read(t, "/etc/hosts"))+"\n127.0.0.1 "+name+"\n")
	by := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		by = append(by, "--map-root-user")
	}
	by = append(by, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, hosts)
	check := exec.CommandContext(t.Context(), by[0], append(slices.Clone(by[1:]), "getent", "hosts", name)...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Skipf("no namespaces: %v\n%s", err, out)
	}
	return by
}

// npm's packages refuse to work on any host whose name is not GitHub's: that
// check is lifted in what the server hands out.
func TestToolkitWorksOnAnyHostName(t *testing.T) {
	t.Parallel()
	needToolkit(t)
	by := withHost(t, "ci.example")
	s := startServer(t, "--runners", "0", "--allowed-host", "ci.example")
	s.addToolkit("latest", "previous", "legacy")
	r := s.newRepository("hello")
	url := strings.Replace(s.url, "127.0.0.1", "ci.example", 1)
	for _, name := range []string{"one", "two"} {
		newRunnerBy(t, by, "--url", url+"/"+r.name, "--token", r.registrationToken(r.api), "--name", name, "--labels", "mine")
	}
	one := r.useToolkit(256, "topic", "other")
	for _, j := range r.jobs(one) {
		lifted := "Lifted the host check of the Actions toolkit in tools/" + j.Name + "@" // and the commit
		if log := r.log(&j); !slices.ContainsFunc(log, func(line string) bool { return strings.HasPrefix(line, lifted) }) {
			t.Errorf("the log of %s does not say that the check was lifted:\n%s", j.Name, strings.Join(log, "\n"))
		}
	}
}

func TestToolkitWorksUnpatchedWhereJobsSeeANameOfLocalhost(t *testing.T) {
	t.Parallel()
	needToolkit(t)
	s := newServer(t, "--no-toolkit-patch", "--runner-labels", "mine")
	s.args = append(s.args, "--job-server-url", strings.Replace(s.url, "127.0.0.1", "ci.localhost", 1))
	s.start()
	s.addToolkit("latest", "previous", "legacy")
	s.newRepository("hello").useToolkit(9)
}

// gitByName is what actions/checkout tells git to do: the remote and the credential are
// those of GITHUB_SERVER_URL.
const gitByName = `on: push
permissions: {contents: read}
jobs:
  only:
    runs-on: ubuntu-slim
    steps:
      - uses: actions/checkout@v4
      - uses: actions/checkout@v4
        with: {path: again, github-server-url: "${{ github.server_url }}"}
      - env: {TOKEN: "${{ github.token }}"}
        run: |
          git init --quiet there && cd there
          git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
          git config "http.$GITHUB_SERVER_URL/.extraheader" "AUTHORIZATION: basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
          git fetch --quiet --depth=1 origin "+$GITHUB_SHA:refs/remotes/origin/main"
          git rev-parse origin/main
          echo "by $GITHUB_SERVER_URL"
`

// A name of *.localhost leads git to 127.0.0.1, whatever port it has.
func TestJobsGetTheirCodeWhereTheirServersNameLeadsElsewhere(t *testing.T) {
	t.Parallel()
	needNode(t)
	for title, env := range map[string][]string{"as it is": nil, "without a proxy for such names": {"NO_PROXY=localhost,127.0.0.1"}} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "--runners", "1")
			s.env = append(s.env, env...)
			s.url = strings.Replace(s.url, "127.0.0.1", "127.0.0.2", 1)
			name := strings.Replace(s.url, "127.0.0.2", "ci.localhost", 1)
			s.args = append(s.args, "--job-server-url", name)
			s.start()
			r := s.newRepository("hello")
			r.do(http.MethodPatch, r.api, map[string]any{"private": true}, nil)
			run := r.pushWorkflow(gitByName)
			r.succeed(run)
			log := r.log(&r.jobs(run)[0])
			if !slices.Contains(log, "by "+name) || !slices.Contains(log, run.SHA) {
				t.Errorf("log:\n%s", strings.Join(log, "\n"))
			}
		})
	}
}

func TestToolkitRefusesOtherHostsUnpatched(t *testing.T) {
	t.Parallel()
	needToolkit(t)
	s := startServer(t, "--no-toolkit-patch")
	s.addToolkit("latest")
	r := s.newRepository("hello")
	one := r.pushWorkflow("on: push\njobs: {only: {runs-on: ubuntu-latest, steps: [{uses: tools/latest@v1, with: {do: artifacts}}]}}\n")
	j := r.conclude(one, "failure")
	if log := strings.Join(r.log(j), "\n"); !strings.Contains(log, "are not currently supported on GHES") {
		t.Errorf("log:\n%s", log)
	}
}

// An action of the workspace does not pass through the server: its runner lifts the check.
func TestToolkitWorksInActionsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	needToolkit(t)
	text, err := bundles["latest"]()
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "--runners", "1")
	r := s.newRepository("hello")
	sha := r.commit("act/action.yml", toolkitAction, "act/index.mjs", text, ".github/workflows/ci.yml", `on: push
permissions: {actions: write, contents: read}
jobs:
  only:
    runs-on: ubuntu-slim
    steps:
      - uses: actions/checkout@v4
      - uses: ./act
        with: {do: artifacts, prefix: own, megabytes: 1, token: "${{ github.token }}"}
      - run: test -z "$(git status --porcelain -- act)"
`)
	r.push()
	r.succeed(r.runOf(sha))
}

// useToolkit runs everything that the packages can do on main, and what they do
// with caches on other branches. It returns the run on main.
func (r *repository) useToolkit(megabytes int, branches ...string) *run {
	r.t.Helper()
	first := r.pushWorkflow(toolkitWorkflow(megabytes))
	r.succeed(first)
	for _, branch := range branches {
		r.mustGit("checkout", "--quiet", "-b", branch)
		sha := r.commit()
		r.push(branch)
		r.succeed(r.runOf(sha))
	}
	r.checkRaw(first)
	var left struct {
		Artifacts []struct{ Name string }
	}
	r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/artifacts", r.api, first.ID), nil, &left)
	var names []string
	for _, a := range left.Artifacts {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	if want := []string{"by-builtin", "latest-small", "legacy", "previous-small", "report ü.txt"}; !slices.Equal(names, want) {
		r.t.Errorf("artifacts %q, want %q", names, want)
	}
	return first
}

// checkRaw checks the file that was uploaded as it is: what the client computed,
// what the API says, and what comes.
func (r *repository) checkRaw(one *run) {
	r.t.Helper()
	for _, j := range r.jobs(one) {
		said := regexp.MustCompile(`(?m)^uploaded (\d+) ([0-9a-f]{64})$`).FindStringSubmatch(strings.Join(r.log(&j), "\n"))
		if said == nil {
			continue
		}
		var a struct {
			Digest string
			URL    string `json:"archive_download_url"`
		}
		r.ask(r.token, http.MethodGet, r.api+"/actions/artifacts/"+said[1], nil).want(http.StatusOK, "").json(&a)
		to := r.ask(r.token, http.MethodGet, a.URL, nil).want(http.StatusFound, "").header.Get("Location")
		body := r.ask("", http.MethodGet, to, nil).want(http.StatusOK, "").body
		sum := sha256.Sum256(body)
		if got := hex.EncodeToString(sum[:]); got != said[2] || a.Digest != "sha256:"+said[2] {
			r.t.Errorf("digest of %d bytes %s, of the API %s, of the client %s", len(body), got, a.Digest, said[2])
		}
		return
	}
	r.t.Error("no job has uploaded a file as it is")
}
