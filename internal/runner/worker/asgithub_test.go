package worker

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/wire"
)

func TestScriptsSeeWhatTheySeeOnGitHubsRunner(t *testing.T) {
	for _, tt := range []struct {
		name   string
		step   wire.Step
		output string
	}{
		{"their input is a pipe at its end", script("[ -p /dev/stdin ] && cat && echo pipe"), "pipe\n"},
		{"a name with an equals sign", script("echo [$ODD]", env("ODD=x", wire.String("y"))), "[x=y]\n"},
		{"a byte order mark is dropped at the beginning only", script(`printf '\357\273\277a\n\357\273\277b\n'`), "a\n\ufeffb\n"},
		{"marks of GitHub's pages", script("echo 'x ##[start-action a' '##[end-action b' '##[group]c'"), "x ##[\\start-action a ##[\\end-action b ##[group]c\n"},
		{"half a character", script(`printf 'cut \342\202 mid\n'`), "cut \ufffd mid\n"},
		{
			"a working directory that is a file", script("true", input(wire.InputWorkingDirectory, "file")),
			"##[error]An error occurred trying to start process '/usr/bin/bash' with working directory 'DIR/file'. Not a directory\n",
		},
		{
			"no path to add", script("echo ::add-path::", env("ACTIONS_ALLOW_UNSECURE_COMMANDS", wire.String("true"))),
			"##[error]Unable to process command '::add-path::' successfully.\n##[error]The path is missing in ##[add-path] command.\n",
		},
	} {
		b := newBench(t, tt.step)
		b.workspace(map[string]string{"file": ""})
		b.run()
		equal(t, tt.name, strings.ReplaceAll(b.output("s1"), workspaceIn(b.job.WorkDir, "octo/hello"), "DIR"), tt.output)
	}
}

func TestWhatIsNoShellIsShownBeforeTheError(t *testing.T) {
	b := newBench(t, script("x", input(wire.InputShell, "cat -n"), env("A", wire.String("a"))))
	b.run()
	contains(t, "log", b.log("s1"), "cat -n\nenv:\n  A: a\n##[endgroup]\n##[error]Invalid shell option.")
}

func TestRangesThatEndBeforeTheyBeginAreDropped(t *testing.T) {
	b := newBench(t, script(`
		echo "::error file=a,line=9,endLine=5,col=3::lines"
		echo "::error file=a,line=9,col=7,endColumn=2::columns"
		echo "::error file=a,endLine=4,endColumn=2::only ends"`))
	type place struct{ line, endLine, col, endCol wire.Int }
	var got []place
	for _, a := range b.run().Steps[1].Annotations {
		got = append(got, place{a.StartLine, a.EndLine, a.StartColumn, a.EndColumn})
	}
	if d := cmp.Diff([]place{{0, 0, 0, 0}, {9, 9, 0, 0}, {4, 4, 2, 2}}, got, cmp.AllowUnexported(place{})); d != "" {
		t.Error(d)
	}
}

func TestLargeOutputsOfAJobDoNotFailIt(t *testing.T) { // RES-4
	b := newBench(t, script("for n in a b; do echo $n=$(printf %700000s | tr ' ' $n) >>$GITHUB_OUTPUT; done", id("s")))
	b.job.Message.JobOutputs = wire.Mapping(wire.Pair("a", expression("steps.s.outputs.a")), wire.Pair("b", expression("steps.s.outputs.b")))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	if len(res.Outputs["a"].Value) != 700000 || len(res.Outputs["b"].Value) != 700000 {
		t.Errorf("outputs of %d and %d bytes", len(res.Outputs["a"].Value), len(res.Outputs["b"].Value))
	}
}

func TestActionsOfRefsWithASlashHaveNoOtherSignsInTheirPath(t *testing.T) {
	b := newBench(t, uses("octo/c@rel/x"), uses("octo/c@../../x"))
	b.action("octo/c/rel/x", map[string]string{"action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - {run: echo $GITHUB_ACTION_PATH, shell: sh}\n"})
	res := b.run()
	contains(t, "set up", b.log(res.Steps[0].ExternalID), "Invalid action 'octo/c@../../x'")
	again := newBench(t, uses("octo/c@rel/x"))
	again.job.Actions = b.actions
	again.run()
	contains(t, "log", again.log("s1"), "\n"+again.job.ActionsDir+"/octo/c/rel/x\n")
}

func TestOnlyALocalActionMayBeOutsideOfItsRepository(t *testing.T) {
	b := newBench(t, uses("octo/c/../../x@v1"))
	b.action("octo/c/v1", map[string]string{"README": ""})
	res := b.run()
	contains(t, "set up", b.log(res.Steps[0].ExternalID), "Invalid path '../../x' of an action")
	again := newBench(t, uses("./../outside"))
	writeFiles(t, filepath.Join(again.job.WorkDir, "hello", "outside"), map[string]string{
		"action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - {run: echo from outside, shell: sh}\n",
	})
	again.run()
	contains(t, "log", again.log("s1"), "\nfrom outside\n")
}

func TestAnActionThatIsNotInItsRepositoryIsNamed(t *testing.T) {
	b := newBench(t, uses("octo/c/no/such@v1"))
	b.action("octo/c/v1", map[string]string{"README": ""})
	res := b.run()
	contains(t, "set up", b.log(res.Steps[0].ExternalID), "##[error]Can't find 'action.yml', 'action.yaml' or 'Dockerfile' for action 'octo/c/no/such@v1'.\n")
}

func TestAConditionOfAStageThatIsNoneFailsThatStage(t *testing.T) {
	needNode(t)
	b := newBench(t, uses("octo/c@v1"), script("echo on"))
	b.action("octo/c/v1", map[string]string{
		"action.yml": "name: x\ndescription: x\nruns: {using: node20, main: m.js, post: m.js, post-if: nosuch.thing == 'x'}\n", "m.js": "console.log('stage')",
	})
	res := b.run()
	equal(t, "steps", named(res), "Set up job=succeeded, Run octo/c@v1=succeeded, Run echo on=succeeded, Post Run octo/c@v1=failed, Complete job=succeeded")
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	equal(t, "post", b.logOf(res, "Post Run octo/c@v1"), "##[error]The template is not valid. GitHub.DistributedTask.Expressions2.ParseException: Unrecognized named-value: 'nosuch'. Located at position 1 within expression: nosuch.thing == 'x'\n")
}
