package worker

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

func timeLimit(minutes *wire.Token) func(*wire.Step) {
	return func(s *wire.Step) { s.TimeoutInMinutes = minutes }
}

func mayFail(s *wire.Step) { s.ContinueOnError = wire.Boolean(true) }

// runWith runs the job and sends a signal when a step has printed "ready".
func (b *bench) runWith(stepID string, signal Signal) *Result {
	b.t.Helper()
	done := make(chan *Result, 1)
	go func() { done <- runJob(b.t.Context(), b.job, b.timing) }()
	b.sink.await(b.t, stepID, "\nready\n")
	b.signals <- signal
	return <-done
}

func TestConclusionsOfSteps(t *testing.T) { // IF-2, RES-1, RES-2,
	b := newBench(t,
		script("exit 1", id("absorbed"), mayFail),
		script("echo $O $C", env("O", expression("steps.absorbed.outcome")), env("C", expression("steps.absorbed.conclusion"))),
		script("exit 2"),
		script("echo skipped", id("skipped")),
		script("echo $S $J", when("failure()"), env("S", expression("steps.skipped.outcome")), env("J", expression("job.status"))),
		script("echo always", when("always()")),
		script("echo never", when("cancelled()")),
	)
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	equal(t, "absorbed", b.output("s2"), "failure success\n")
	equal(t, "after failure", b.output("s5"), "skipped failure\n")
	equal(t, "steps", strings.ReplaceAll(conclusions(res), "Run echo ", ""), `1 Set up job: succeeded
2 Run exit 1: succeeded
3 $O $C: succeeded
4 Run exit 2: failed
5 skipped: skipped
6 $S $J: succeeded
7 always: succeeded
8 never: skipped
9 Complete job: succeeded
`)
}

func TestErrorsInExpressionsSayWhereTheyAre(t *testing.T) {
	wrong := expression("fromJSON('{')")
	wrong.File, wrong.Line, wrong.Col = 1, 12, 14
	b := newBench(t, script("true", env("A", wrong)))
	b.job.Message.FileTable = []string{".github/workflows/ci.yml"}
	b.run()
	contains(t, "log", b.log("s1"), "##[error].github/workflows/ci.yml (Line: 12, Col: 14):\n"+
		"##[error]The template is not valid. .github/workflows/ci.yml (Line: 12, Col: 14): Error parsing fromJson: ")
}

func TestNamesThatCannotBeEvaluatedAreTold(t *testing.T) {
	named := func(e string) func(*wire.Step) {
		return func(s *wire.Step) {
			s.DisplayNameToken = expression(e)
			s.DisplayNameToken.File, s.DisplayNameToken.Line, s.DisplayNameToken.Col = 1, 3, 4
		}
	}
	b := newBench(t, script("true", named("fromJSON('[1]')")), script("true", when("false"), named("format('n {0}', fromJSON(env.NONE))")))
	b.job.Message.FileTable = []string{"ci.yml"}
	res := b.run()
	equal(t, "steps", conclusions(res), "1 Set up job: succeeded\n2 run: succeeded\n3 n ${{ fromJSON(env.NONE) }}: skipped\n4 Complete job: succeeded\n")
	want := "##[error]ci.yml (Line: 3, Col: 4): A sequence was not expected\n##[warning]Encountered an error when evaluating display name " +
		"${{ fromJSON('[1]') }}. The template is not valid. ci.yml (Line: 3, Col: 4): A sequence was not expected\n"
	contains(t, "set up", b.log(res.Steps[0].ExternalID), want)
	contains(t, "first", b.log("s1"), want)
	contains(t, "skipped", b.log("s2"), "##[error]ci.yml (Line: 3, Col: 4):\n", "display name ${{ format('n {0}', fromJSON(env.NONE)) }}. The template is not valid. ci.yml (Line: 3, Col: 4): ")
}

func TestContinueOnErrorSeesTheOutputsOfItsStep(t *testing.T) { // RES-1
	b := newBench(t,
		script("echo may=yes >> $GITHUB_OUTPUT; exit 1", id("own"), func(s *wire.Step) {
			s.ContinueOnError = expression("steps.own.outputs.may == 'yes'")
		}),
		script("exit 0"),
	)
	equal(t, "conclusion", b.run().Conclusion, wire.Succeeded)
}

func TestErrorInAConditionFailsTheStep(t *testing.T) { // IF-7
	b := newBench(t, script("echo no", when("fromJSON('{') == 1"), mayFail), script("echo yes", when("failure()")))
	res := b.run()
	equal(t, "condition", res.Steps[1].Conclusion, wire.Failed)
	equal(t, "next", res.Steps[2].Conclusion, wire.Succeeded)
	contains(t, "log", b.log("s1"), "##[error]The template is not valid. Error parsing fromJson: ")
}

func TestErrorInStepVariablesFailsTheStep(t *testing.T) {
	b := newBench(t, script("echo no", env("A", expression("fromJSON('')"))))
	equal(t, "conclusion", b.run().Conclusion, wire.Failed)
}

func TestCancelledJobRunsTheStepsThatWantTo(t *testing.T) { // CAN-2
	b := newBench(t,
		script("echo ready; exec sleep 600"),
		script("echo a"),
		script("echo b; echo $J", when("cancelled()"), env("J", expression("job.status"))),
		script("echo c", when("failure()")),
		script("echo d", when("always()")),
	)
	res := b.runWith("s1", Cancel)
	equal(t, "conclusion", res.Conclusion, wire.Canceled)
	equal(t, "steps", conclusions(res), `1 Set up job: succeeded
2 Run echo ready; exec sleep 600: canceled
3 Run echo a: skipped
4 Run echo b; echo $J: succeeded
5 Run echo c: skipped
6 Run echo d: succeeded
7 Complete job: succeeded
`)
	contains(t, "cancelled", b.output("s1"), "##[error]The operation was canceled.\n")
	equal(t, "job.status", b.output("s3"), "b\ncancelled\n")
}

func TestStepThatWantsToRunIsNotCancelled(t *testing.T) { // CAN-2
	b := newBench(t, script("echo ready; until [ -e go ]; do sleep 0.05; done; echo end", when("always()")), script("echo next"))
	done := make(chan *Result, 1)
	go func() { done <- runJob(t.Context(), b.job, b.timing) }()
	b.sink.await(t, "s1", "\nready\n")
	b.signals <- Cancel
	b.signals <- Cancel // taken when the first one has been acted on
	b.workspace(map[string]string{"go": ""})
	res := <-done
	equal(t, "step", res.Steps[1].Conclusion, wire.Succeeded)
	contains(t, "log", b.output("s1"), "\nend\n")
	equal(t, "next", res.Steps[2].Conclusion, wire.Skipped)
	equal(t, "conclusion", res.Conclusion, wire.Canceled)
}

func TestCancellationReachesIntoComposites(t *testing.T) { // CAN-2, CMP-3
	b := newBench(t, uses("./act"))
	b.workspace(map[string]string{"act/action.yml": `
name: x
description: x
runs:
  using: composite
  steps:
    - {shell: sh, run: "echo ready; exec sleep 600"}
    - {shell: sh, run: echo no, if: success()}
    - {shell: sh, run: echo cleanup, if: cancelled()}
`})
	res := b.runWith("s1", Cancel)
	equal(t, "step", res.Steps[1].Conclusion, wire.Canceled)
	contains(t, "log", b.log("s1"), "##[error]The operation was canceled.\n", "\ncleanup\n")
}

func TestCompositeOfACancelledJobLooksAtItsOwnSteps(t *testing.T) { // CMP-3
	b := newBench(t, script("echo ready; sleep 30"), uses("octo/late@v1", when("always()")))
	b.action("octo/late/v1", map[string]string{"action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n" +
		"    - {run: echo plain, shell: sh}\n    - {run: echo success, shell: sh, if: success()}\n    - {run: echo cancelled, shell: sh, if: cancelled()}\n" +
		"    - {run: echo failure, shell: sh, if: failure()}\n"})
	b.runWith("s1", Cancel)
	contains(t, "log", b.log("s2"), "\nplain\n", "\nsuccess\n", "\ncancelled\n")
	if strings.Contains(b.log("s2"), "\nfailure\n") {
		t.Error("a step for failures ran")
	}
}

func TestProcessIsAskedThenToldThenKilled(t *testing.T) { // CAN-3
	b := newBench(t, script(`
		trap 'echo interrupted' INT
		trap 'echo terminated' TERM
		echo ready
		while :; do sleep 0.05; done`, input(wire.InputShell, "bash {0}")))
	const each = 1500 * time.Millisecond // in which a trap runs, on a busy machine, too
	b.timing.grace = host.Grace{Interrupt: each, Terminate: each, Output: time.Second}
	start := time.Now()
	res := b.runWith("s1", Cancel)
	if d := time.Since(start); d < 2*each {
		t.Errorf("took %v", d)
	}
	equal(t, "step", res.Steps[1].Conclusion, wire.Canceled)
	contains(t, "log", b.output("s1"), "\ninterrupted\nterminated\n##[error]The operation was canceled.\n")
}

func TestProcessMayEndByItselfWhenCancelled(t *testing.T) { // CAN-3
	b := newBench(t, script("trap 'echo cleaned up; exit 0' INT; echo ready; while :; do sleep 0.05; done"))
	b.timing.grace.Interrupt = time.Minute
	res := b.runWith("s1", Cancel)
	equal(t, "step", res.Steps[1].Conclusion, wire.Canceled)
	contains(t, "log", b.output("s1"), "\ncleaned up\n")
}

func TestWholeTreeIsKilled(t *testing.T) { // CAN-3
	b := newBench(t, script(`
		trap '' INT TERM
		(trap '' INT TERM; echo pid $BASHPID; touch one; while :; do sleep 1; done) &
		setsid sh -c 'trap "" INT TERM; echo pid $$; touch two; while :; do sleep 1; done' &
		until [ -e one ] && [ -e two ]; do sleep 0.05; done
		echo ready
		while :; do sleep 1; done`))
	b.timing.grace = host.Grace{Interrupt: 50 * time.Millisecond, Terminate: 50 * time.Millisecond, Output: time.Second}
	b.runWith("s1", Cancel)
	pids := pidsIn(t, b.output("s1"))
	if len(pids) != 2 {
		t.Fatalf("%d processes", len(pids))
	}
	for _, pid := range pids {
		awaitEnd(t, pid)
	}
}

func pidsIn(t *testing.T, log string) []int {
	t.Helper()
	var pids []int
	for line := range strings.Lines(log) {
		if text, ok := strings.CutPrefix(line, "pid "); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitEnd waits until a process has ended.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it is gone
	}
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	if n == 0 || err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.Errorf("process %d still runs (%v)", pid, err)
	}
}

func TestBackgroundProcessesOutliveTheirStepNotTheJob(t *testing.T) { // RUN-6
	b := newBench(t,
		script("sleep 600 >/dev/null 2>&1 & echo pid $!"),
		script("setsid sleep 601 & echo pid $!"), // holds the output open
		script("kill -0 $P && echo alive", env("P", wire.String(""))),
	)
	b.timing.grace.Output = 100 * time.Millisecond
	b.job.Message.Steps[2].Inputs = wire.Mapping(wire.Pair(wire.InputScript, wire.String("pgrep -f 'sleep 600' >/dev/null && echo alive")))
	res := b.run()
	equal(t, "later step", b.output("s3"), "alive\n")
	for _, id := range []string{"s1", "s2"} {
		for _, pid := range pidsIn(t, b.output(id)) {
			awaitEnd(t, pid)
		}
	}
	contains(t, "complete", b.log(res.Steps[4].ExternalID), "Cleaning up orphan processes\nTerminate orphan process: pid (", ") (sleep)\n")
}

func TestStepTimeLimit(t *testing.T) { // RUN-8
	b := newBench(t,
		script("echo slow; exec sleep 600", timeLimit(expression("1 * '1'"))),
		script("echo next", when("failure()")),
		script("echo fraction", when("always()"), timeLimit(wire.Number(0.9))),
		script("echo wrong", when("always()"), timeLimit(expression("fromJSON('x')"))),
	)
	b.job.Message.Steps[0].TimeoutInMinutes = wire.Number(1)
	b.timing.minute = 100 * time.Millisecond
	res := b.run()
	equal(t, "slow", res.Steps[1].Conclusion, wire.Failed)
	contains(t, "log", b.output("s1"), "slow\n##[error]The action 'Run echo slow; exec sleep 600' has timed out after 1 minutes.\n")
	equal(t, "next", res.Steps[2].Conclusion, wire.Succeeded)
	equal(t, "fraction", res.Steps[3].Conclusion, wire.Succeeded)
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "wrong", b.log("s4"), "##[error]An error occurred when attempting to determine the step timeout.\n")
}

func TestTimeLimitHoldsInsideOfComposites(t *testing.T) { // RUN-8
	b := newBench(t, uses("./act", timeLimit(wire.Number(1))))
	b.timing.minute = 100 * time.Millisecond
	b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{shell: sh, run: exec sleep 600}, {shell: sh, run: echo no}]}"})
	res := b.run()
	equal(t, "step", res.Steps[1].Conclusion, wire.Failed)
	contains(t, "log", b.log("s1"), "##[error]The action has timed out.\n")
}

func TestStepsOfAnActionThatRunAfterItsTimeLimitHaveAMoment(t *testing.T) { // RUN-8
	b := newBench(t, uses("./act", timeLimit(wire.Number(1))))
	b.timing.minute = 100 * time.Millisecond
	b.timing.late = time.Minute // of a busy machine
	b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{shell: sh, run: exec sleep 600}, " +
		"{shell: sh, run: echo no}, {if: always(), shell: sh, run: 'echo in order'}, {if: failure(), shell: sh, run: 'echo too'}]}"})
	res := b.run()
	equal(t, "step", res.Steps[1].Conclusion, wire.Failed)
	contains(t, "log", b.log("s1"), "\nin order\n##[error]The action has timed out.\n", "\ntoo\n##[error]The action has timed out.\n")
	if strings.Contains(b.log("s1"), "echo no") {
		t.Error("a step that needs success has run")
	}
}

func TestAStepOfAnActionThatLastsAfterItsTimeLimitIsStopped(t *testing.T) { // RUN-8
	b := newBench(t, uses("./act", timeLimit(wire.Number(1))))
	b.timing.minute, b.timing.late = 100*time.Millisecond, 100*time.Millisecond
	b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns: {using: composite, steps: [{shell: sh, run: exec sleep 600}, {if: always(), shell: sh, run: exec sleep 600}]}"})
	res := b.run()
	equal(t, "step", res.Steps[1].Conclusion, wire.Failed)
}

func TestShutdownFailsTheJobWithoutAskingConditions(t *testing.T) { // CAN-6
	b := newBench(t, script("echo ready; exec sleep 600", when("always()")), script("echo no", when("always()")))
	res := b.runWith("s1", Shutdown)
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	equal(t, "running", res.Steps[1].Conclusion, wire.Canceled)
	equal(t, "next", res.Steps[2].Conclusion, wire.Skipped)
	if len(res.Annotations) != 1 || res.Annotations[0].Message != shutdownMessage {
		t.Errorf("annotations: %v", res.Annotations)
	}
}

func TestEndOfTheContextEndsTheJobAtOnce(t *testing.T) { // CAN-4
	b := newBench(t, script("trap '' INT TERM; echo ready; while :; do sleep 0.1; done", when("always()")), script("echo no", when("always()")))
	b.timing = officialTiming()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan *Result, 1)
	go func() { done <- runJob(ctx, b.job, b.timing) }()
	b.sink.await(t, "s1", "\nready\n")
	start := time.Now()
	cancel()
	res := <-done
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
	equal(t, "conclusion", res.Conclusion, wire.Canceled)
	equal(t, "next", res.Steps[2].Conclusion, wire.Skipped)
}

func TestCancelBeforeTheJobBegins(t *testing.T) { // CAN-2
	b := newBench(t, script("echo no"), script("echo yes", when("always()")))
	signals := make(chan Signal, 2)
	signals <- Cancel
	signals <- Cancel
	b.job.Signals = signals
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Canceled)
}

func TestJobOutputs(t *testing.T) { // RES-4
	b := newBench(t, script("echo v=42 >> $GITHUB_OUTPUT; echo s=hunter2hunter2 >> $GITHUB_OUTPUT; exit 1", id("a")))
	out := func(e string) *wire.Token { return expression(e) }
	b.job.Message.JobOutputs = wire.Mapping(wire.Pair("v", out("steps.a.outputs.v")), wire.Pair("s", out("steps.a.outputs.s")),
		wire.Pair("empty", out("steps.a.outputs.none")), wire.Pair("n", out("1.5")))
	b.job.Message.ActionsEnvironment = &wire.Environment{Name: "prod", URL: out("format('https://x/{0}', steps.a.outputs.v)")}
	res := b.run()
	want := map[string]wire.Variable{"v": {Value: "42"}, "n": {Value: "1.5"}}
	if len(res.Outputs) != 2 || res.Outputs["v"] != want["v"] || res.Outputs["n"] != want["n"] {
		t.Errorf("outputs are %v", res.Outputs)
	}
	equal(t, "url", res.EnvironmentURL, "https://x/42")
	equal(t, "log", b.log(res.Steps[2].ExternalID), "Evaluate and set job outputs\nSet output 'v'\n"+
		"##[warning]Skip output 's' since it may contain secret.\nSet output 'n'\n"+
		"Evaluate and set environment url\nEvaluated environment url: https://x/42\nCleaning up orphan processes\n")
}

func TestErrorInAJobOutputFailsTheJob(t *testing.T) { // RES-4
	b := newBench(t, script("true"))
	b.job.Message.JobOutputs = wire.Mapping(wire.Pair("v", expression("fromJSON('{')")))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "log", b.log(res.Steps[2].ExternalID), "##[error]Fail to evaluate job outputs\n")
}

func TestStepNamesAreEvaluated(t *testing.T) {
	b := newBench(t,
		script("echo v=1 >> $GITHUB_OUTPUT", id("a"), func(s *wire.Step) { s.DisplayNameToken = expression("format('Go {0}', matrix.go)") }),
		script("true", func(s *wire.Step) {
			s.DisplayNameToken = expression("format('got {0} of {{x}}', steps.a.outputs.v)")
		}),
		script("true", when("false"), func(s *wire.Step) {
			s.DisplayNameToken = expression("format('got {0}''s {1}', steps.a.outputs.v, toJSON('a, b'))")
		}),
		script("\n\n  first line\nsecond", when("false")),
		script("", when("false")),
		script("true", func(s *wire.Step) { s.DisplayNameToken = expression("format('job {0}', job.status)") }),
	)
	b.job.Message.EnvironmentVariables = []*wire.Token{wire.Mapping(wire.Pair("X", wire.String("x")))}
	b.job.Message.Steps[3].Inputs = wire.Mapping(wire.Pair(wire.InputScript, expression("format('echo {0}\ntwo', env.X)")))
	res := b.run()
	equal(t, "steps", conclusions(res), `1 Set up job: succeeded
2 Go 2: succeeded
3 got 1 of {x}: succeeded
4 got 1's "a, b": skipped
5 Run echo x: skipped
6 run: skipped
7 job : succeeded
8 Complete job: succeeded
`)
}

func TestResultsMerge(t *testing.T) { // RES-2
	for _, test := range [][3]string{
		{wire.Succeeded, wire.Failed, wire.Failed},
		{wire.Failed, wire.Succeeded, wire.Failed},
		{wire.Failed, wire.Canceled, wire.Canceled},
		{wire.Canceled, wire.Failed, wire.Canceled},
		{wire.Succeeded, wire.Skipped, wire.Succeeded},
		{wire.Canceled, wire.Skipped, wire.Canceled},
	} {
		equal(t, test[0]+"+"+test[1], mergeResults(test[0], test[1]), test[2])
	}
}
