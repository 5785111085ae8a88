package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/wire"
)

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
