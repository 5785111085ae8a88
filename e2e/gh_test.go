package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const requireGH = "UNDERSTUDY_TEST_REQUIRE_GH"

// A ghTool is the program gh on one repository.
type ghTool struct {
	t    *testing.T
	bin  string
	repo *repository
	env  []string
}

// startWithGH starts a server with a repository for gh, which speaks HTTPS to
// all hosts but to a socket.
func startWithGH(t *testing.T, args ...string) *ghTool {
	t.Helper()
	bin, err := exec.LookPath("gh")
	if err != nil {
		if os.Getenv(requireGH) != "" {
			t.Fatalf("%s is set, but: %v", requireGH, err)
		}
		t.Skipf("no gh: %v", err)
	}
	return startWithGHAt(t, bin, args...)
}

func startWithGHAt(t *testing.T, bin string, args ...string) *ghTool {
	t.Helper()
	dir, err := os.MkdirTemp("", "understudy-gh-") // not TempDir: the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // at worst it stays
	socket := filepath.Join(dir, "s")
	write(t, filepath.Join(dir, "config.yml"), "http_unix_socket: "+socket+"\n")
	s := startServer(t, append(args, "--listen", "unix:"+socket)...)
	r := s.newRepository("hello")
	return &ghTool{t, bin, r, append(environment(t), "GH_CONFIG_DIR="+dir, "GH_HOST=ci.example", "GH_ENTERPRISE_TOKEN="+s.token, "GH_REPO=ci.example/"+r.name)}
}

func (g *ghTool) in(t *testing.T) *ghTool {
	t.Helper()
	return &ghTool{t, g.bin, g.repo.in(t), g.env}
}

func (g *ghTool) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(g.t.Context(), g.bin, args...)
	cmd.Env, cmd.Dir = g.env, g.repo.tree
	return cmd
}

// run runs gh to its end and checks its exit code. It returns all it printed.
func (g *ghTool) run(code int, args ...string) string {
	g.t.Helper()
	cmd := g.command(args...)
	out, _ := cmd.CombinedOutput() // the state tells
	if got := cmd.ProcessState.ExitCode(); got != code {
		g.t.Errorf("gh %s: exit %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

// placeholders stand for what differs from run to run in the output of gh.
var placeholders = strings.NewReplacer(
	`\{n\}`, `\d+`,
	`\{time\}`, `(?:\d+m)?\d+s`,
	`\{ago\}`, `(?:less than a minute|about \d+ minutes?) ago`,
	`…`, `(?s:.*)`,
)

// prints runs gh and checks that its output is the text, with placeholders.
func (g *ghTool) prints(want string, code int, args ...string) {
	g.t.Helper()
	out := strings.TrimSpace(g.run(code, args...))
	pattern := "^" + placeholders.Replace(regexp.QuoteMeta(strings.TrimSpace(want))) + "$"
	if !regexp.MustCompile(pattern).MatchString(out) {
		g.t.Errorf("gh %s printed\n%s\nwant\n%s", strings.Join(args, " "), out, want)
	}
}

const (
	ghWorkflow = `name: CI
on:
  push:
  workflow_dispatch:
    inputs:
      who: {required: true}
      loud: {type: boolean}
      size: {type: choice, options: [small, large], default: small}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - name: Say it
        run: echo "hello ${{ inputs.who || 'push' }}, ${{ inputs.size }}, ${{ inputs.loud }}"
  fails:
    runs-on: ubuntu-latest
    needs: greet
    steps:
      - run: echo before
      - name: Break
        run: |
          echo "::error file=a.txt,line=3::it broke"
          exit 3
      - run: echo after
`
	ghBroken = `on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - runs: echo hi
`
)

func TestGhShowsWhatAPushMade(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	r.commit(".github/workflows/ci.yml", ghWorkflow, ".github/workflows/broken.yml", ghBroken)
	r.push()
	ci, broken := r.runAt(".github/workflows/ci.yml"), r.runAt(".github/workflows/broken.yml")
	r.await(ci, "failure")
	r.await(broken, "failure")
	id := fmt.Sprint(ci.ID)
	var jobs struct{ Jobs []job }
	r.do("GET", r.api+"/actions/runs/"+id+"/jobs", nil, &jobs)
	greet := fmt.Sprint(jobs.Jobs[0].ID)

	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"auth status", 0, `ci.example
  ✓ Logged in to ci.example as admin (GH_ENTERPRISE_TOKEN)
  ✓ Git operations for ci.example configured to use https protocol.
  ✓ Token: ghp_************************************
  ✓ Token scopes: repo, …`},
		{"api user --jq .login", 0, "admin"},
		{"api graphql -f query={viewer{login}} --jq .data.viewer.login", 0, "admin"},
		{"workflow list", 0, ".github/workflows/broken.yml\tactive\t{n}\nCI\tactive\t{n}"},
		{"workflow view ci.yml", 0, "CI - ci.yml\nID: {n}\n\nTotal runs 1\nRecent runs\n" +
			"completed\tfailure\tchange 1\tCI\tmain\tpush\t{time}\t{n}\n…"},
		{"workflow view CI --yaml", 0, ghWorkflow},
		{"workflow view nothing.yml", 1, "HTTP 404: Not Found (…)"},
		{"run list", 0, "completed\tfailure\tchange 1\t…\tmain\tpush\t{n}\t{time}\t0m\ncompleted\tfailure\tchange 1\t…\tmain\tpush\t{n}\t{time}\t0m"},
		{"run list --workflow ci.yml --branch main --user admin --limit 1", 0, "completed\tfailure\tchange 1\tCI\tmain\tpush\t{n}\t{time}\t0m"},
		{"run list --branch nothing", 0, ""},
		{
			"run list --workflow ci.yml --json databaseId,conclusion,headSha,workflowName --jq .[]|[.databaseId,.conclusion,.headSha,.workflowName]|@tsv", 0,
			id + "\tfailure\t" + ci.SHA + "\tCI",
		},
		{"run view " + id, 0, `X main CI · {n}
Triggered via push {ago}

JOBS
✓ greet in {time} (ID {n})
X fails in {time} (ID {n})
  ✓ Set up job
  ✓ Run echo before
  X Break
  - Run echo after
  ✓ Complete job

ANNOTATIONS
X it broke
fails: a.txt#3

X Process completed with exit code 3.
fails: .github#{n}


To see what failed, try: gh run view {n} --log-failed
View this run on GitHub: http://ci.example/admin/hello/actions/runs/{n}`},
		{"run view --exit-status " + id, 1, "X main CI · {n}\n…"},
		{"run view --job " + greet, 0, `X main CI · {n}
Triggered via push {ago}

✓ greet in {time} (ID {n})
  ✓ Set up job
  ✓ Say it
  ✓ Complete job

To see the full job log, try: gh run view --log --job=` + greet + `
View this run on GitHub: http://ci.example/admin/hello/actions/runs/{n}`},
		{"run view --log " + id, 0, "greet\tSet up job\t…Z Current runner version: …\ngreet\tSay it\t…Z hello push, , \n" +
			"…\nfails\tSet up job\t…\nfails\tRun echo before\t…Z before\nfails\tBreak\t…Z ##[error]it broke\n" +
			"fails\tBreak\t…Z ##[error]Process completed with exit code 3.\nfails\tComplete job\t…Z Cleaning up orphan processes"},
		{"run view --log --job " + greet, 0, "greet\tSet up job\t…\ngreet\tSay it\t…Z hello push, , \ngreet\tComplete job\t…Z Cleaning up orphan processes"},
		{"run view --log-failed " + id, 0, "fails\tBreak\t…Z ##[group]Run echo \"::error file=a.txt,line=3::it broke\"\n" +
			"…Z ##[error]it broke\nfails\tBreak\t…Z ##[error]Process completed with exit code 3."},
		{fmt.Sprint("run view ", broken.ID), 0, `X main .github/workflows/broken.yml · {n}
Triggered via push {ago}

X This run likely failed because of a workflow file issue.

For more information, see: http://ci.example/admin/hello/actions/runs/{n}`},
		{fmt.Sprint("run view --log ", broken.ID), 1, "failed to get run log: log not found"},
		{fmt.Sprint("run rerun ", broken.ID), 1, fmt.Sprintf("run %d cannot be rerun; its workflow file may be broken", broken.ID)},
		{fmt.Sprint("run cancel ", broken.ID), 1, "Cannot cancel a workflow run that is completed"},
		{"run watch " + id, 0, "Run CI (" + id + ") has already completed with 'failure'"},
		{"run watch --exit-status " + id, 1, "Run CI (" + id + ") has already completed with 'failure'"},
		{"run view 123456789", 1, "failed to get run: HTTP 404: Not Found (…)"},
		{"run view --job 123456789", 1, "failed to get job: HTTP 404: Not Found (…)"},
	} {
		t.Run(c.args, func(t *testing.T) { g.in(t).prints(c.want, c.code, strings.Fields(c.args)...) })
	}
}

func TestGhDispatchesAWorkflowWithInputs(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	r.commit(".github/workflows/ci.yml", ghWorkflow, ".github/workflows/broken.yml", ghBroken,
		".github/workflows/push.yml", quick("ubuntu-latest"))
	r.push()
	before := len(r.runs())
	for _, c := range []struct{ args, want string }{
		{"ci.yml", "Required input 'who' not provided"},
		{"ci.yml -f who=me -f size=huge", "Provided value 'huge' for input 'size' not in the list of allowed values"},
		{"ci.yml -f who=me -f nope=1", `Unexpected inputs provided: ["nope"]`},
		{"ci.yml -f who=me --ref nothing", "No ref found for: nothing"},
		{"push.yml", "Workflow does not have 'workflow_dispatch' trigger"},
	} {
		g.prints("could not create workflow dispatch event: HTTP 422: "+c.want+" (https://ci.example/api/v3/repos/admin/hello/actions/workflows/{n}/dispatches)",
			1, append([]string{"workflow", "run"}, strings.Fields(c.args)...)...)
	}
	g.prints("could not create workflow dispatch event: HTTP 422: failed to parse workflow: .github/workflows/broken.yml (Line: 6, Col: 9): "+
		"Unexpected value 'runs' (https://ci.example/api/v3/repos/admin/hello/actions/workflows/{n}/dispatches)\n"+
		".github/workflows/broken.yml (Line: 6, Col: 9): There's not enough info to determine what you meant. …", 1, "workflow", "run", "broken.yml")
	if after := len(r.runs()); after != before {
		t.Errorf("%d runs are there after dispatches that were refused, %d before", after, before)
	}

	g.prints("", 0, "workflow", "run", "ci.yml", "-f", "who=you & me", "-f", "loud=true", "-f", "size=large")
	one := r.runAt(".github/workflows/ci.yml", "workflow_dispatch")
	r.await(one, "failure")
	g.prints("greet\t…Z hello you & me, large, true\n…", 0, "run", "view", fmt.Sprint(one.ID), "--log")
	g.prints("completed\tfailure\tCI\tCI\tmain\tworkflow_dispatch\t{n}\t{time}\t0m", 0, "run", "list", "--workflow", "CI", "--limit", "1")
}

func TestGhWatchEndsWithTheRun(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	for _, c := range []struct {
		name, last, conclusion string
		code                   int
	}{
		{"success", "true", "success", 0},
		{"failure", "false", "failure", 1},
	} {
		gate := newGate(t)
		steps := strings.TrimSuffix(gate.steps(), "]") + ", {run: '" + c.last + "'}]"
		one := r.pushWorkflow(workflow("ubuntu-latest", steps))
		out := filepath.Join(t.TempDir(), "out")
		f, err := os.Create(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd := g.command("run", "watch", fmt.Sprint(one.ID), "--exit-status", "--interval", "1")
		cmd.Stdout, cmd.Stderr = f, f
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "gh does not see the step", func() bool { return strings.Contains(string(read(t, out)), "\n  * Run i=0;") })
		gate.open()
		r.await(one, c.conclusion)
		_ = cmd.Wait() // the state tells
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.code)
		}
		text := string(read(t, out))
		_, last, _ := strings.Cut(text[strings.LastIndex(text, "Refreshing run status"):], "\n\n")
		mark := map[bool]string{true: "✓", false: "X"}[c.code == 0]
		for _, want := range []string{"JOBS\n" + mark + " only in ", "  ✓ Run i=0;", "  " + mark + " Run " + c.last + "\n", "  ✓ Complete job\n"} {
			if !strings.Contains(last, want) {
				t.Errorf("%s: the last that gh shows lacks %q:\n%s", c.name, want, text)
			}
		}
	}
}

func TestGhCancelsRerunsAndDeletesARun(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	gate := newGate(t)
	steps := strings.Replace(gate.steps(), "i=0;", "trap exit INT; i=0;", 1) // bash alone goes on to its next command
	one := r.pushWorkflow(workflow("ubuntu-latest", steps))
	id := fmt.Sprint(one.ID)
	const path = "repos/admin/hello/actions/runs/"
	gate.pass(1)
	g.prints(`{"message":"Could not delete the workflow run",…gh: Could not delete the workflow run (HTTP 403)`, 1, "api", "-X", "DELETE", path+id)
	g.prints("run "+id+" cannot be rerun; its workflow file may be broken", 1, "run", "rerun", id)
	g.prints("✓ Request to cancel workflow submitted.", 0, "run", "cancel", id)
	r.await(one, "cancelled")
	g.prints("X main .github/workflows/ci.yml · {n}\nTriggered via push {ago}\n\nJOBS\nX only in {time} (ID {n})\n…X The operation was canceled.\n…", 0, "run", "view", id)

	gate.open()
	g.prints("", 0, "run", "rerun", id)
	r.await(one, "success")
	g.prints("success\t2\t2", 0, "api", path+id, "--jq", `[.conclusion,.run_attempt,(.previous_attempt_url|split("/")[-1]|tonumber)+1]|@tsv`)
	g.prints("cancelled", 0, "api", path+id+"/attempts/1", "--jq", ".conclusion")

	g.prints("", 0, "api", "-X", "DELETE", path+id)
	g.prints("failed to get run: HTTP 404: Not Found (…)", 1, "run", "view", id)
	g.prints("", 0, "run", "list")
}

func TestGhListsMakesAndArchivesRepositories(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	g.repo.do("POST", "/admin/organizations", map[string]any{"login": "guild", "admin": "admin"}, nil)
	g.prints("http://ci.example/admin/one", 0, "repo", "create", "one", "--private", "-d", "the first")
	g.prints("http://ci.example/guild/two", 0, "repo", "create", "guild/two", "--public", "--disable-issues")
	g.prints("http://ci.example/admin/three", 0, "repo", "create", "three", "--public", "--add-readme")
	g.prints("admin/three\t\tpublic\t…", 0, "repo", "list", "--visibility", "public", "--limit", "1")
	g.prints("admin/one\tthe first\tprivate\t…", 0, "repo", "list", "--visibility", "private", "--limit", "1")
	g.prints("guild/two\t\tpublic\t…", 0, "repo", "list", "guild")
	g.prints("…already exists…", 1, "repo", "create", "one", "--private")
	g.prints("", 0, "repo", "archive", "admin/one", "--yes")
	g.prints("admin/one\tthe first\tprivate, archived\t…", 0, "repo", "list", "--archived")
	g.prints("true\tfalse", 0, "api", "repos/admin/one", "--jq", "[.archived,(.visibility==\"public\")]|@tsv")
	g.prints("false\ttrue", 0, "repo", "view", "admin/three", "--json", "isEmpty,isInOrganization,hasIssuesEnabled", "--jq", "[.isEmpty,.hasIssuesEnabled]|@tsv")
}

// runAt is the one run of a workflow file, for an event if one is named.
func (r *repository) runAt(path string, event ...string) *run {
	r.t.Helper()
	var found []run
	for _, one := range r.runs() {
		if one.Path == path && (len(event) == 0 || one.Event == event[0]) {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d runs of %s: %+v", len(found), path, found)
	}
	return &found[0]
}

// await waits until the run is completed and checks how it ended.
func (r *repository) await(one *run, conclusion string) {
	r.t.Helper()
	path := fmt.Sprintf("%s/actions/runs/%d", r.api, one.ID)
	until(r.t, "the run does not end: "+path, func() bool {
		*one = run{}
		r.do("GET", path, nil, one)
		return one.Status == "completed"
	})
	if one.Conclusion != conclusion {
		r.t.Fatalf("%s concluded %s, want %s", path, one.Conclusion, conclusion)
	}
}
