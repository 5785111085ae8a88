package worker

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/wire"
)

func TestWorkflowCommands(t *testing.T) {
	tests := []struct {
		name, script, want string
	}{
		{"group", "echo '::group::My title'; echo in; echo ::endgroup::", "##[group]My title\nin\n##[endgroup]\n"},
		{"older form", "echo '##[group]My title'; echo 'x ##[endgroup]'", "##[group]My title\n##[endgroup]\n"},
		{"blanks before", "printf '  \\t::group::a\\n'", "##[group]a\n"},
		{"unescaped", "echo '::notice::50%25 a%0Ab%3A'", "##[notice]50% a\nb%3A\n"},
		{"not at the start of the line", "echo 'x ::group::a'", "x ::group::a\n"},
		{"unknown", "echo '::nosuch::a'; echo 'std::vector::size'", "::nosuch::a\nstd::vector::size\n"},
		{"any case", "echo '::GROUP::a'", "##[group]a\n"},
		{"debug is quiet", "echo '::debug::a'", ""},
		{"mask", "echo '::add-mask::sesame'; echo open sesame", "open ***\n"},
		{"mask, each line", "echo '::add-mask::line one%0Aline two'; echo is line two", "is ***\n"},
		{"empty mask", "echo '::add-mask::'", "##[warning]Can't add secret mask for empty string in ##[add-mask] command.\n"},
		{"pause", "echo ::stop-commands::tok; echo ::group::a; echo ::tok::; echo ::group::b", "::stop-commands::tok\n::group::a\n::tok::\n##[group]b\n"},
		{"echo", "echo ::echo::on; echo ::group::a; echo ::warning::w; echo ::add-mask::xyzzy; echo ::echo::OFF; echo ::group::b", "::group::a\n##[group]a\n##[warning]w\n::add-mask::***\n::echo::OFF\n##[group]b\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, script(test.script))
			res := b.run()
			equal(t, "conclusion", res.Conclusion, wire.Succeeded)
			equal(t, "output", b.output("s1"), test.want)
		})
	}
}

func TestWrongCommandsFailTheStep(t *testing.T) {
	for script1, want := range map[string]string{
		"echo ::echo::maybe":              "##[error]Unable to process command '::echo::maybe' successfully.\n##[error]Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: 'maybe'.\n",
		"echo '::set-env name=A::b'":      "##[error]Unable to process command '::set-env name=A::b' successfully.\n##[error]The `set-env` command is disabled.",
		"echo ::add-path::/x":             "##[error]Unable to process command '::add-path::/x' successfully.\n##[error]The `add-path` command is disabled.",
		"echo ::set-output::b":            "##[error]Required field 'name' is missing in ##[set-output] command.\n",
		"echo ::stop-commands::set-env":   "##[error]You cannot use a endToken that is an empty string",
		"echo '##[set-env name=A;x=y;]b'": "The `set-env` command is disabled.",
	} {
		b := newBench(t, script(script1))
		res := b.run()
		equal(t, script1, res.Conclusion, wire.Failed)
		contains(t, script1, b.output("s1"), want)
	}
}

func TestOldCommandsStillSetOutputAndState(t *testing.T) {
	b := newBench(t,
		script("echo '::set-output name=x::a%0Ab'", id("old")),
		script(`echo "$X"`, env("X", expression("steps.old.outputs.x"))),
		script("echo '::set-env name=A::b'; echo ::add-path::/nowhere", env("ACTIONS_ALLOW_UNSECURE_COMMANDS", wire.String("true"))),
		script("echo $A ${PATH%%:*}"),
	)
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	contains(t, "warning", b.output("s1"), "##[warning]The `set-output` command is deprecated and will be disabled soon.")
	equal(t, "output", b.output("s2"), "a\nb\n")
	equal(t, "env and path", b.output("s4"), "b /nowhere\n")
}

func TestAnnotationsOfCommands(t *testing.T) { // JOB-4
	b := newBench(t, script(`
		echo "::error file=$GITHUB_WORKSPACE/a.go,line=3,col=4,endColumn=9,title=Oh%2C no::bad hunter2hunter2"
		echo "::warning file=b.go,line=3,endLine=5,col=1::w"
		echo "::notice::n"`))
	res := b.run()
	got := res.Steps[1].Annotations
	want := []wire.Annotation{
		{Level: wire.LevelFailure, Message: "bad ***", Title: "Oh, no", Path: "a.go", StartLine: 3, EndLine: 3, StartColumn: 4, EndColumn: 9, StepNumber: 2},
		{Level: wire.LevelWarning, Message: "w", Path: "b.go", StartLine: 3, EndLine: 5, StepNumber: 2},
		{Level: wire.LevelNotice, Message: "n", StartLine: 10, EndLine: 10, StepNumber: 2},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	equal(t, "the line of the log", strings.Split(b.log("s1"), "\n")[9], "##[notice]n")
}

func TestAnnotationsAreLimited(t *testing.T) {
	b := newBench(t, script("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo ::error::$i; echo ::warning::$i; done; echo ::notice::$(head -c 5000 /dev/zero | tr '\\0' x)"))
	res := b.run()
	if n := len(res.Steps[1].Annotations); n != 21 {
		t.Fatalf("%d annotations, want 10 errors, 10 warnings and a notice", n)
	}
	if n := len(res.Steps[1].Annotations[20].Message); n != maxMessage {
		t.Errorf("message of %d characters", n)
	}
	contains(t, "log", b.output("s1"), "##[error]12\n")
}

func TestSecretsAreMaskedEverywhere(t *testing.T) {
	b := newBench(t,
		script("printf hunter2; sleep 0.05; echo hunter2; echo $P | base64; echo '::warning::see hunter2hunter2'", env("P", expression("secrets.PASSWORD"))),
		script("echo job-token-value ghs_secret; printf 'x-access-token:ghs_secret' | base64", func(s *wire.Step) {
			s.DisplayNameToken = expression("format('with {0}', secrets.PASSWORD)")
		}),
	)
	b.job.Message.Mask = []wire.MaskHint{{Type: "regex", Value: "tok-[0-9]+"}}
	b.job.Message.Steps[0].Inputs.Map[0].Value.Lit += "; echo a tok-123 b; echo $P >&2"
	res := b.run()
	contains(t, "log", b.log("s1"), "  P: ***\n", "##[warning]see ***\n", "a *** b\n")
	equal(t, "name", res.Steps[2].Name, "with ***")
	for _, log := range []string{b.log("s1"), b.log("s2"), res.Steps[1].Annotations[0].Message} {
		for _, secret := range []string{"hunter2hunter2", "aHVudGVy", "ghs_secret", "job-token-value", "eC1hY2Nlc3M", "tok-123"} {
			if strings.Contains(log, secret) {
				t.Errorf("%q is shown in\n%s", secret, log)
			}
		}
	}
}

func TestBothStreamsAndOddBytesReachTheLog(t *testing.T) {
	b := newBench(t, script("echo err >&2; printf 'a\\377b\\0c\\033[1m\\rsecond'"))
	b.run()
	contains(t, "output", "\n"+b.output("s1"), "\nerr\n", "\na\ufffdb\x00c\x1b[1m\n", "\nsecond\n")
}

func TestSecretInALineOfTenMegabytes(t *testing.T) {
	b := newBench(t, script("head -c 10000000 /dev/zero | tr '\\0' x; printf hunter2; sleep 0.01; echo hunter2; echo after"))
	b.run()
	equal(t, "end of the output", strings.TrimLeft(b.output("s1"), "x"), "***\nafter\n")
}

func TestDebugLoggingTellsMore(t *testing.T) {
	b := newBench(t, script("echo ::debug::detail; echo $RUNNER_DEBUG"))
	b.job.Message.Variables[wire.VarStepDebug] = wire.Variable{Value: "true"}
	b.run()
	contains(t, "log", b.log("s1"), "##[debug]detail\n", "\n1\n")
}

func TestDebugLoggingTellsWhyAStepRuns(t *testing.T) {
	b := newBench(
		t, script("true"), uses("./act", when("success() && github.ref == 'refs/heads/main'")),
		script("true", when("success() && secrets.PASSWORD == github.sha")),
	)
	b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n    - {run: echo inner, shell: sh, if: always()}\n"})
	b.job.Message.Variables[wire.VarStepDebug] = wire.Variable{Value: "true"}
	b.run()
	debug := func(lines ...string) string { return "##[debug]" + strings.Join(lines, "\n##[debug]") + "\n" }
	begins := func(log, want string) {
		t.Helper()
		if !strings.HasPrefix(log, want) {
			t.Errorf("got\n%s\nwant at its beginning\n%s", log, want)
		}
	}
	begins(b.log("s1"), debug(
		"Evaluating condition for step: 'Run true'", "Evaluating: success()", "Evaluating success:", "=> true", "Result: true", "Starting: Run true",
	))
	contains(t, "the end", b.log("s1"), debug("Finishing: Run true"))
	contains(t, "condition", b.log("s2"),
		debug("Evaluating: (success() && (github['ref'] == 'refs/heads/main'))", "Evaluating And:", "..Evaluating success:", "..=> true", "..Evaluating Equal:"),
		debug("Expanded: (true && ('refs/heads/main' == 'refs/heads/main'))", "Result: true", "Starting: Run ./act"),
		debug("Evaluating condition for step: 'run'", "Evaluating: always()", "Evaluating always:", "=> true", "Result: true", "Starting: run"),
		debug("Finished: run"),
	)
	contains(t, "a secret", b.log("s3"), debug("Expanded: (true && ('***' == 'abc123'))", "Result: false"))
	if strings.Contains(b.log("s3"), "Starting") {
		t.Errorf("the third step starts:\n%s", b.log("s3"))
	}
}

func TestTokenOfStoppedCommandsIsASecret(t *testing.T) {
	b := newBench(t, script("t=long-token; echo ::stop-commands::$t; echo ::warning::no; echo ::$t::; echo $t"), script("echo ::stop-commands::short; echo ::short::"))
	b.run()
	equal(t, "long", b.output("s1"), "::stop-commands::***\n::warning::no\n::***::\n***\n")
	equal(t, "short", b.output("s2"), "::stop-commands::short\n::short::\n")
}

func TestClosedPipeIsAnErrorAndNoSignal(t *testing.T) {
	b := newBench(t, script("yes | head -1", input(wire.InputShell, "bash"), mayFail), script("kill -PIPE $$; echo lives"))
	b.run()
	contains(t, "pipe", b.output("s1"), "y\n", "Broken pipe\n", "##[error]Process completed with exit code 1.\n")
	equal(t, "signal", b.output("s2"), "lives\n")
}
