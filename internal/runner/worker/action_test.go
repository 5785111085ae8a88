package worker

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
}

// tracer is a JavaScript action that tells what it sees.
const tracer = `
const fs = require('fs');
const stage = process.argv[1].match(/(\w+)\.js$/)[1];
console.log(stage + ' ' + process.env['INPUT_SOME_NAME'] + ' ' + process.env['STATE_seen']);
fs.appendFileSync(process.env.GITHUB_STATE, 'seen=' + stage + '\n');
if (process.env['INPUT_FAIL-IN'] === stage) process.exit(3);
`

func traceAction(files map[string]string, more string) map[string]string {
	files["action.yml"] = `
name: trace
description: trace
inputs:
  some name: {description: n, default: default}
  fail-in: {description: stage}
  old: {description: o, deprecationMessage: use some name}
runs:
  using: node20
  pre: pre.js
  main: main.js
  post: post.js
` + more
	for _, stage := range []string{"pre", "main", "post"} {
		files[stage+".js"] = tracer
	}
	return files
}

func TestJavaScriptActionStages(t *testing.T) { // RUN-5, RUN-6, RUN-7
	needNode(t)
	b := newBench(t,
		script("echo first"),
		uses("octo/a@v1", input("some name", "one")),
		uses("octo/b@v1", input("old", "x"), input("wrong", "y")),
		uses("octo/c@v1", when("false")),
		script("exit 1"),
	)
	b.action("octo/a/v1", traceAction(map[string]string{}, ""))
	b.action("octo/b/v1", traceAction(map[string]string{}, "  pre-if: failure()\n  post-if: failure()\n"))
	b.action("octo/c/v1", map[string]string{"action.yml": "name: c\ndescription: c\nruns: {using: node24, main: main.js, post: main.js}", "main.js": ""})
	res := b.run()
	equal(t, "steps", conclusions(res), `1 Set up job: succeeded
2 Pre Run octo/a@v1: succeeded
3 Pre Run octo/b@v1: skipped
4 Run echo first: succeeded
5 Run octo/a@v1: succeeded
6 Run octo/b@v1: succeeded
7 Run octo/c@v1: skipped
8 Run exit 1: failed
15 Post Run octo/b@v1: succeeded
16 Post Run octo/a@v1: succeeded
17 Complete job: succeeded
`)
	equal(t, "pre", b.output(res.Steps[1].ExternalID), "pre one undefined\n")
	equal(t, "main", b.output("s2"), "main one pre\n")
	contains(t, "warnings", b.log("s3"), "##[warning]Input 'old' has been deprecated with message: use some name\n",
		"##[warning]Unexpected input(s) 'wrong', valid inputs are ['some name', 'fail-in', 'old']\n")
	equal(t, "post", b.log(res.Steps[8].ExternalID), "Post job cleanup.\npost default main\n")
	equal(t, "type", res.Steps[4].Type, "node20")
}

func TestFailingPostStepFailsTheJob(t *testing.T) { // RUN-7
	needNode(t)
	b := newBench(t, uses("octo/a@v1", input("fail-in", "post")))
	b.action("octo/a/v1", traceAction(map[string]string{}, ""))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "steps", conclusions(res), "6 Post Run octo/a@v1: failed\n7 Complete job: succeeded\n")
}

func TestDollarIsTheRepositoryOfTheFile(t *testing.T) { // CMP-6
	needNode(t)
	home := uses("./x")
	home.Reference = wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoHome, Path: "here"}
	b := newBench(t, home, uses("octo/lib/outer@v1"), uses("./local"))
	b.action("octo/hello/abc123", traceAction(map[string]string{}, ""))
	b.action("octo/hello/abc123/here", map[string]string{
		"action.yml": "name: x\ndescription: x\nruns: {using: node20, pre: m.js, main: m.js, post: m.js}", "m.js": "console.log('from the commit')",
	})
	b.action("octo/lib/v1/outer", map[string]string{"action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{uses: $/inner}]}"})
	b.action("octo/lib/v1/inner", map[string]string{"action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{run: echo of the library, shell: sh}]}"})
	b.workspace(map[string]string{
		"here/action.yml":  "changed by a step",
		"local/action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{uses: $/here}]}",
	})
	res := b.run()
	equal(t, "steps", conclusions(res), `1 Set up job: succeeded
2 Pre Run octo/hello/here@abc123: succeeded
3 Run octo/hello/here@abc123: succeeded
4 Run octo/lib/outer@v1: succeeded
5 Run ./local: succeeded
9 Post Run ./local: succeeded
10 Post Run octo/hello/here@abc123: succeeded
11 Complete job: succeeded
`)
	contains(t, "of the job", b.log("s1"), "\nfrom the commit\n")
	contains(t, "of an action", b.log("s2"), "##[group]Run octo/lib/inner@v1\n", "\nof the library\n")
	contains(t, "of a local action", b.log("s3"), "Prepare all required actions\n##[group]Run ./local\n", "##[group]Run octo/hello/here@abc123\n", "\nfrom the commit\n")
}

func TestServerVariablesGoToActionsOnly(t *testing.T) { // MSG-6, ENV-1
	needNode(t)
	b := newBench(t, uses("./act"), script("env | grep ACTIONS_ | sort"))
	b.job.Message.Resources.Endpoints[0].Data[wire.GenerateIDTokenURL] = "https://ci.example/token?x=1"
	for name, value := range map[string]string{wire.VarCacheV2: "true", wire.VarCacheMode: "read", wire.VarOrchestrationEnv: "true", wire.VarOrchestrationID: "plan.job"} {
		b.job.Message.Variables[name] = wire.Variable{Value: value}
	}
	b.workspace(map[string]string{
		"act/action.yml": "name: x\ndescription: x\nruns: {using: node24, main: dist/index.js}",
		"act/dist/index.js": "for (const k of Object.keys(process.env).filter(k => k.startsWith('ACTIONS_')).sort())" +
			" console.log(k + '=' + process.env[k].split('').join(' '))",
	})
	b.run()
	equal(t, "action", strings.ReplaceAll(b.output("s1"), " ", ""), "ACTIONS_CACHE_MODE=read\nACTIONS_CACHE_SERVICE_V2=True\nACTIONS_CACHE_URL=https://ci.example/cache/\n"+
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN=job-token-value\nACTIONS_ID_TOKEN_REQUEST_URL=https://ci.example/token?x=1\nACTIONS_ORCHESTRATION_ID=plan.job\n"+
		"ACTIONS_RESULTS_URL=https://ci.example/\nACTIONS_RUNTIME_TOKEN=job-token-value\nACTIONS_RUNTIME_URL=https://ci.example/run/\n")
	equal(t, "script", b.output("s2"), "ACTIONS_ID_TOKEN_REQUEST_TOKEN=***\nACTIONS_ID_TOKEN_REQUEST_URL=https://ci.example/token?x=1\nACTIONS_ORCHESTRATION_ID=plan.job\n")
}

func TestActionsThatCannotRunSaySo(t *testing.T) {
	for _, test := range []struct {
		name, want string
		step       wire.Step
	}{
		{"missing", "##[error]Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '", uses("./missing")},
		{"Dockerfile", "##[error]This runner has no container engine.\n", uses("./docker")},
		{"docker", "##[error]This runner has no container engine.\n", uses("./image")},
		{"broken", "Failed to load ", uses("./broken")},
		{"no script", "##[error]File not found: '", uses("./empty")},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, test.step, script("echo on", when("failure()")))
			b.workspace(map[string]string{
				"docker/Dockerfile": "FROM scratch",
				"image/action.yml":  "name: x\ndescription: x\nruns: {using: docker, image: Dockerfile}",
				"image/Dockerfile":  "FROM scratch",
				"broken/action.yml": "name: x\nruns: {using: composite, steps: [{run: x}]}",
				"empty/action.yml":  "name: x\ndescription: x\nruns: {using: node20, main: gone.js}",
			})
			res := b.run()
			equal(t, "conclusion", res.Steps[1].Conclusion, wire.Failed)
			contains(t, "log", b.log("s1"), test.want)
			equal(t, "next", res.Steps[2].Conclusion, wire.Succeeded)
		})
	}
}

func TestUnknownActionFailsTheSetUp(t *testing.T) {
	b := newBench(t, script("echo no"), uses("octo/none@v9"))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	equal(t, "steps", conclusions(res), "1 Set up job: failed\n")
	equal(t, "infrastructure", res.Infrastructure, "resolve_action")
	contains(t, "setup", b.log(res.Steps[0].ExternalID), "##[error]Unable to resolve action `octo/none@v9`, not found\n")
}

func TestEachActionIsFetchedOnce(t *testing.T) {
	b := newBench(t, uses("octo/m/a@v1"), uses("octo/m/b@v1"), uses("octo/m/a@v1"))
	b.action("octo/m/v1", map[string]string{
		"a/action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{run: echo a, shell: sh}, {uses: $/b}]}",
		"b/action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{run: echo b, shell: sh}]}",
	})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	if d := cmp.Diff([]string{"octo/m@v1"}, b.actions.fetched); d != "" {
		t.Error(d)
	}
	contains(t, "own repository", b.log("s1"), "\nb\n")
}

func TestARunnerWithoutAnEngineSaysSo(t *testing.T) { // RUN-10
	const reason = "##[error]This runner has no container engine.\n"
	for _, test := range []struct {
		name, step, want string
		change           func(*wire.JobMessage)
	}{
		{"job", "Initialize containers", wire.Failed, func(m *wire.JobMessage) { m.JobContainer = wire.String("node:20") }},
		{"job, as mapping", "Initialize containers", wire.Failed, func(m *wire.JobMessage) { m.JobContainer = wire.Mapping(wire.Pair("image", wire.String("docker://a"))) }},
		{"service", "Initialize containers", wire.Failed, func(m *wire.JobMessage) {
			m.JobServiceContainers = wire.Mapping(wire.Pair("db", wire.Mapping(wire.Pair("image", wire.String("pg")))))
		}},
		{"step", "Pull alpine:3", wire.Failed, func(m *wire.JobMessage) {
			m.Steps = append(m.Steps, wire.Step{Type: wire.ActionStep, ID: "x", Condition: "success()", Reference: wire.Reference{Type: wire.RefContainer, Image: "alpine:3"}})
		}},
		{"empty job container", "", wire.Succeeded, func(m *wire.JobMessage) { m.JobContainer = expression("''") }},
		{"empty service", "", wire.Succeeded, func(m *wire.JobMessage) {
			m.JobServiceContainers = wire.Mapping(wire.Pair("db", wire.Mapping(wire.Pair("image", wire.String("")))))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, script("echo hi"))
			test.change(b.job.Message)
			res := b.run()
			equal(t, "conclusion", res.Conclusion, test.want)
			if test.step != "" {
				equal(t, "step", res.Steps[1].Name, test.step)
				contains(t, "log", b.log(res.Steps[1].ExternalID), reason)
			}
		})
	}
}

func TestActionDirectoriesStayInTheirPlace(t *testing.T) {
	a := newActions(nil, "/actions", "/work", wire.Reference{})
	for _, ref := range []wire.Reference{
		{Name: "a/b", Ref: ".."},
		{Name: "../b", Ref: "v1"},
		{Name: "a/..", Ref: "v1"},
		{Name: "/a", Ref: "v1"},
		{Name: "a", Ref: "v1"},
		{Name: "a/b/c", Ref: "v1"},
		{Name: "a/b", Ref: ""},
		{Name: "a/", Ref: "v1"},
		{Name: "a/.", Ref: "x"},
		{Name: "a/b", Ref: "x/../../y"},
		{Name: "a/b", Ref: "/x"},
	} {
		if dir, err := a.repositoryDir(ref); err == nil {
			t.Errorf("%s@%s is in %s", ref.Name, ref.Ref, dir)
		}
	}
	dir, err := a.repositoryDir(wire.Reference{Name: "a/b", Ref: "x/y"})
	if err != nil || filepath.Dir(filepath.Dir(dir)) != "/actions/a/b" {
		t.Errorf("got %s, %v", dir, err)
	}
}

func TestActionsThatUseEachOtherManyTimesAreReadInTime(t *testing.T) { // 8 levels of 30 steps each are 30⁸ steps
	const width, depth = 30, 8
	b := newBench(t, uses("octo/level0@v1", when("false")))
	for i := range depth {
		inner := "{shell: sh, run: echo}"
		if i+1 < depth {
			inner = fmt.Sprintf("{uses: octo/level%d@v1}", i+1)
		}
		steps := strings.Repeat(inner+", ", width)
		b.action(fmt.Sprintf("octo/level%d/v1", i), map[string]string{
			"action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [" + steps + "]}",
		})
	}
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
}

func TestEveryPathIsThereOnceTheLastOneFirst(t *testing.T) {
	b := newBench(t,
		script("echo /a >>$GITHUB_PATH; echo /b >>$GITHUB_PATH; echo /a >>$GITHUB_PATH"),
		script("echo /b >>$GITHUB_PATH"),
		script("echo $PATH"),
	)
	b.run()
	if path := b.output("s3"); !strings.HasPrefix(path, "/b:/a:") || strings.Count(path, "/a:") != 1 {
		t.Errorf("PATH is %s", path)
	}
}

func TestWithoutNodeTheStepSaysWhereItIsLookedFor(t *testing.T) {
	b := newBench(t, uses("./act"))
	empty := t.TempDir()
	b.job.Host = host.NewLocal([]string{"PATH=" + empty}, host.NewTrackingID())
	b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns: {using: node20, main: m.js}\n", "act/m.js": ""})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "log", b.log("s1"), "##[error]node: command not found. ", "in its PATH ("+empty+")", "GITHUB_PATH", "https://nodejs.org")
}
