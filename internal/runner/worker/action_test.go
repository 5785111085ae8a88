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

func TestCompositeActionRunsItsSteps(t *testing.T) { // CMP-1, CMP-2, CMP-5
	b := newBench(t,
		uses("octo/greet/sub@v1", id("greet"), input("who", "mona"), env("OUTER", wire.String("o"))),
		script("echo $OUT $ADDED", env("OUT", expression("format('{0} {1}', steps.greet.outputs.said, steps.inner.outputs.x)"))),
	)
	b.job.Message.EnvironmentVariables = []*wire.Token{wire.Mapping(wire.Pair("OUTER", wire.String("job")))}
	b.job.Message.Defaults = []*wire.Token{wire.Mapping(wire.Pair("run", wire.Mapping(wire.Pair("working-directory", wire.String("nowhere")))))}
	b.job.Message.Steps[1].Inputs.Map = append(b.job.Message.Steps[1].Inputs.Map, wire.Pair(wire.InputWorkingDirectory, wire.String("/")))
	b.action("octo/greet/v1/sub", map[string]string{"hello.txt": "hello", "action.yml": `
name: Greet
description: greets
inputs:
  who: {description: whom, required: true}
  mark: {description: mark, default: "${{ github.sha }}!"}
outputs:
  said: {description: text, value: "${{ steps.inner.outputs.x }}/${{ steps.inner.outcome }}"}
runs:
  using: composite
  steps:
    - id: inner
      shell: bash
      run: |
        echo "$(cat $GITHUB_ACTION_PATH/hello.txt) ${{ inputs.who }} ${{ inputs.mark }} $OUTER $INPUT_WHO"
        echo x=1 >> $GITHUB_OUTPUT
        echo ADDED=later >> $GITHUB_ENV
    - run: echo "$ADDED $GITHUB_ACTION_REPOSITORY ${{ steps.outside.outputs.x }} $GITHUB_ACTION"
      shell: sh
`})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "steps", conclusions(res), "1 Set up job: succeeded\n2 Run octo/greet/sub@v1: succeeded\n"+
		"3 Run echo $OUT $ADDED: succeeded\n4 Complete job: succeeded\n")
	contains(t, "setup", b.log(res.Steps[0].ExternalID), "Prepare all required actions\nGetting action download info\n"+
		"Download action repository 'octo/greet@v1' (SHA:0123456789)\nComplete job name: build\n")
	contains(t, "log", b.log("s1"), "##[group]Run octo/greet/sub@v1\nwith:\n  who: mona\n  mark: abc123!\nenv:\n  OUTER: o\n##[endgroup]\n",
		"hello mona abc123! o \n", "later   greet\n")
	equal(t, "outputs", b.output("s2"), "1/success later\n")
	if got := res.Steps[1]; got.Type != "composite" || got.ActionName != "octo/greet/sub" || got.Ref != "v1" {
		t.Errorf("step result says %q %q %q", got.Type, got.ActionName, got.Ref)
	}
}

func TestFailureInsideOfACompositeAction(t *testing.T) { // CMP-2, CMP-3, CMP-4
	b := newBench(t,
		script("exit 1"),
		uses("./act", id("act"), when("always()")),
		script("echo $OUT", when("failure()"), env("OUT", expression("steps.act.outputs.o"))),
	)
	b.workspace(map[string]string{"act/action.yml": `
name: x
description: x
outputs: {o: {description: o, value: "${{ steps.first.outcome }} ${{ steps.second.conclusion }} ${{ steps.third.outcome }} ${{ steps.fourth.outcome }}"}}
runs:
  using: composite
  steps:
    - {id: first, shell: sh, run: "echo runs in spite of the job; exit 3", continue-on-error: true}
    - {id: second, shell: sh, run: "echo second; exit 4"}
    - {id: third, shell: sh, run: echo third}
    - {id: fourth, if: failure(), shell: sh, run: echo fourth}
`})
	res := b.run()
	equal(t, "act", res.Steps[2].Conclusion, wire.Failed)
	contains(t, "log", b.log("s2"), "runs in spite", "##[error]Process completed with exit code 3.\n", "\nfourth\n")
	if strings.Contains(b.log("s2"), "third") {
		t.Error("the third step ran")
	}
	equal(t, "outputs", b.output("s3"), "failure failure skipped success\n")
}

func TestConditionsInsideOfACompositeSeeNeedsAndVars(t *testing.T) { // CMP-1
	b := newBench(t, uses("octo/c@v1"))
	b.job.Message.ContextData["needs"] = dict(wire.ContextPair{Key: "one", Value: dict(wire.ContextPair{Key: "result", Value: "success"})})
	b.action("octo/c/v1", map[string]string{"action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n" +
		"    - {run: echo by needs, shell: sh, if: needs.one.result == 'success'}\n" +
		"    - {run: echo by vars, shell: sh, if: vars.REGION == 'north'}\n" +
		"    - {run: echo neither, shell: sh, if: secrets.PASSWORD == ''}\n"})
	contains(t, "set up", b.log(b.run().Steps[0].ExternalID), "Unrecognized named-value: 'secrets'")
	b = newBench(t, uses("octo/c@v1"))
	b.job.Message.ContextData["needs"] = dict(wire.ContextPair{Key: "one", Value: dict(wire.ContextPair{Key: "result", Value: "success"})})
	b.action("octo/c/v1", map[string]string{"action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n" +
		"    - {run: echo by needs, shell: sh, if: needs.one.result == 'success'}\n" +
		"    - {run: echo by vars, shell: sh, if: vars.REGION == 'north'}\n"})
	b.run()
	contains(t, "log", b.log("s1"), "\nby needs\n", "\nby vars\n")
}

func TestErrorInAnInnerConditionStopsTheComposite(t *testing.T) { // CMP-4
	b := newBench(t, uses("./act"))
	b.workspace(map[string]string{"act/action.yml": `
name: x
description: x
runs:
  using: composite
  steps:
    - {if: "fromJSON('{')", shell: sh, run: echo first}
    - {if: always(), shell: sh, run: echo second}
`})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	if strings.Contains(b.log("s1"), "second") {
		t.Error("the second step ran")
	}
}

func TestAStepWhoseVariablesFailInsideOfACompositeRunsWithoutThem(t *testing.T) { // CMP-4
	b := newBench(t, uses("./act", id("act")), script("echo $OUT", when("failure()"), env("OUT", expression("steps.act.outputs.o"))))
	b.workspace(map[string]string{"act/action.yml": `
name: x
description: x
outputs: {o: {description: o, value: "${{ steps.one.outcome }} ${{ steps.two.outcome }} ${{ steps.three.outcome }} ${{ steps.four.outcome }} ${{ steps.four.conclusion }}"}}
runs:
  using: composite
  steps:
    - {id: one, if: "false", env: {A: "${{ fromJSON('{') }}"}, shell: sh, run: echo skipped}
    - {id: two, env: {A: "${{ fromJSON('{') }}", B: b}, shell: sh, run: "echo two [$A] [$B]"}
    - {id: three, shell: sh, run: echo three}
    - {id: four, if: always(), continue-on-error: true, env: {A: "${{ fromJSON('{') }}"}, shell: sh, run: echo four}
`})
	res := b.run()
	equal(t, "act", res.Steps[1].Conclusion, wire.Failed)
	contains(t, "log", b.log("s1"), "The template is not valid. ", "\ntwo [] []\n", "\nfour\n")
	if log := b.log("s1"); strings.Contains(log, "\nthree\n") || strings.Contains(log, "\nskipped\n") {
		t.Errorf("a step ran that is to be skipped:\n%s", log)
	}
	equal(t, "outputs", b.output("s2"), "skipped failure skipped failure success\n")
}

func TestEachStepInsideOfACompositeHasASummaryOfItsOwnSize(t *testing.T) {
	b := newBench(t, uses("./act"))
	large := "printf %1000000s | tr ' ' "
	b.workspace(map[string]string{"act/action.yml": `
name: x
description: x
runs:
  using: composite
  steps:
    - {shell: sh, run: "echo first >>$GITHUB_STEP_SUMMARY"}
    - {shell: sh, run: "` + large + `a >>$GITHUB_STEP_SUMMARY"}
    - {shell: sh, run: "` + large + `b >>$GITHUB_STEP_SUMMARY"}
    - {shell: sh, run: "echo last >>$GITHUB_STEP_SUMMARY"}
`})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "summary of the step", b.sink.summaries["s1"], "first\n"+strings.Repeat("a", 1000000)+"\n")
	for id, text := range b.sink.summaries {
		if id != "s1" {
			equal(t, "summary of the next", text, strings.Repeat("b", 1000000)+"\nlast\n")
		}
	}
	if n := len(b.sink.summaries); n != 2 {
		t.Errorf("%d summaries, want 2", n)
	}
}

func nested(depth int) string {
	uses := fmt.Sprintf("{uses: octo/n%d@v1}", depth+1)
	return "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - " + uses + "\n"
}

func TestCompositesNestUpToTenLevels(t *testing.T) { // CMP-6
	leaf := "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - {run: echo the bottom, shell: sh}\n"
	for _, levels := range []int{10, 11} {
		b := newBench(t, uses("octo/n1@v1"))
		for i := 1; i < levels; i++ {
			b.action(fmt.Sprintf("octo/n%d/v1", i), map[string]string{"action.yml": nested(i)})
		}
		b.action(fmt.Sprintf("octo/n%d/v1", levels), map[string]string{"action.yml": leaf})
		res := b.run()
		if levels == 10 {
			equal(t, "conclusion", res.Conclusion, wire.Succeeded)
			contains(t, "log", b.log("s1"), "the bottom\n")
		} else {
			equal(t, "conclusion", res.Conclusion, wire.Failed)
			contains(t, "setup", b.log(res.Steps[0].ExternalID), "##[error]Composite action depth exceeded max depth 9\n")
		}
	}
}

func TestLocalActionThatUsesItselfFails(t *testing.T) { // CMP-6
	b := newBench(t, uses("./act"))
	b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - {uses: ./act}\n"})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "log", b.log("s1"), "Composite action depth exceeded")
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

func TestPreAndPostInsideOfComposites(t *testing.T) { // CMP-6
	needNode(t)
	b := newBench(t, uses("octo/outer@v1"), uses("./act"))
	b.action("octo/trace/v1", traceAction(map[string]string{}, ""))
	inner := func(name string) string {
		return "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n" +
			"    - {uses: octo/trace@v1, with: {some name: " + name + "1}}\n" +
			"    - {uses: octo/trace@v1, if: false, with: {some name: " + name + "2}}\n" +
			"    - {uses: octo/trace@v1, with: {some name: " + name + "3}}\n"
	}
	b.action("octo/outer/v1", map[string]string{"action.yml": inner("o")})
	b.workspace(map[string]string{"act/action.yml": inner("l")})
	res := b.run()
	equal(t, "steps", conclusions(res), `1 Set up job: succeeded
2 Pre Run octo/outer@v1: succeeded
3 Run octo/outer@v1: succeeded
4 Run ./act: succeeded
7 Post Run ./act: succeeded
8 Post Run octo/outer@v1: succeeded
9 Complete job: succeeded
`)
	var got []string
	for _, i := range []int{1, 2, 5} {
		for line := range strings.Lines(b.log(res.Steps[i].ExternalID)) {
			if strings.HasPrefix(line, "pre ") || strings.HasPrefix(line, "main ") || strings.HasPrefix(line, "post ") {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	want := []string{"pre o1 undefined", "pre o2 undefined", "pre o3 undefined", "main o1 pre", "main o3 pre", "post o3 main", "post o1 main"}
	// The pre stage of the second step ran, so its post stage is registered, too.
	want = append(want[:6], "post o2 pre", "post o1 main")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	contains(t, "local", b.log("s2"), "main l1 undefined\n", "main l3 undefined\n")
	contains(t, "download", b.log("s2"), "##[endgroup]\n")
}

func TestStepsOfACompositeAreKnownInItsPostStage(t *testing.T) { // CMP-6
	needNode(t)
	b := newBench(t, uses("octo/outer@v1"))
	b.action("octo/say/v1", map[string]string{
		"action.yml": "name: x\ndescription: x\ninputs: {who: {}}\noutputs: {o: {}}\nruns: {using: node20, pre: m.js, main: m.js, post: m.js}",
		"m.js": "require('fs').appendFileSync(process.env.GITHUB_OUTPUT, 'o=' + process.env.INPUT_WHO + '+\\n');" +
			"console.log('who ' + process.env.INPUT_WHO + ' in ' + process.env.GITHUB_ACTION)",
	})
	b.action("octo/outer/v1", map[string]string{"action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n" +
		"    - {uses: octo/say@v1, id: one, with: {who: a}}\n" +
		"    - {run: 'echo \"key=k\" >> $GITHUB_OUTPUT; echo script in $GITHUB_ACTION', id: two, shell: sh}\n" +
		"    - {uses: octo/say@v1, with: {who: '${{ steps.one.outputs.o }}${{ steps.two.outputs.key }}'}}\n"})
	res := b.run()
	var got []string
	for _, s := range res.Steps {
		for line := range strings.Lines(b.log(s.ExternalID)) {
			if strings.HasPrefix(line, "who ") || strings.HasPrefix(line, "script ") {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	want := []string{
		"who a in __run_1", "who a+ in __run_1", // pre
		"who a in __run_1", "script in __run_1", "who a+k in __run_1",
		"who a+k in __run_1", "who a in __run_1", // post
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
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
		{"Dockerfile", "##[error]Container action './docker' cannot run: containers are not supported by this runner yet.\n", uses("./docker")},
		{"docker", "##[error]Container action './image' cannot run: containers are not supported by this runner yet.\n", uses("./image")},
		{
			"image", "##[error]Container action 'docker://alpine:3' cannot run: containers are not supported by this runner yet.\n",
			wire.Step{Type: wire.ActionStep, Condition: "success()", Reference: wire.Reference{Type: wire.RefContainer, Image: "alpine:3"}},
		},
		{"broken", "Failed to load ", uses("./broken")},
		{"no script", "##[error]File not found: '", uses("./empty")},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, test.step, script("echo on", when("failure()")))
			b.workspace(map[string]string{
				"docker/Dockerfile": "FROM scratch",
				"image/action.yml":  "name: x\ndescription: x\nruns: {using: docker, image: Dockerfile}",
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

func TestContainersAreRefused(t *testing.T) { // RUN-10
	for _, test := range []struct {
		name     string
		change   func(*wire.JobMessage)
		want     string
		conclude string
	}{
		{"job", func(m *wire.JobMessage) { m.JobContainer = wire.String("node:20") }, "The job asks for container 'node:20'", wire.Failed},
		{"job, as mapping", func(m *wire.JobMessage) { m.JobContainer = wire.Mapping(wire.Pair("image", wire.String("docker://a"))) }, "The job asks for container 'a'", wire.Failed},
		{"service", func(m *wire.JobMessage) {
			m.JobServiceContainers = wire.Mapping(wire.Pair("db", wire.Mapping(wire.Pair("image", wire.String("pg")))))
		}, "The job asks for service container 'db'", wire.Failed},
		{"empty job container", func(m *wire.JobMessage) { m.JobContainer = expression("''") }, "", wire.Succeeded},
		{"empty service", func(m *wire.JobMessage) {
			m.JobServiceContainers = wire.Mapping(wire.Pair("db", wire.Mapping(wire.Pair("image", wire.String("")))))
		}, "", wire.Succeeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, script("echo hi"))
			test.change(b.job.Message)
			res := b.run()
			equal(t, "conclusion", res.Conclusion, test.conclude)
			contains(t, "setup", b.log(res.Steps[0].ExternalID), test.want)
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
