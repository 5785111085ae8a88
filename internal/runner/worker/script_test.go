package worker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestShellsAreCalledAsOnGitHub(t *testing.T) { // RUN-1, RUN-3
	tests := []struct {
		name, shell, script, result, shown, output string
	}{
		{"no shell: a pipe may fail", "", "false | true", wire.Succeeded, "/usr/bin/bash -e {0}", ""},
		{"bash: a pipe may not", "bash", "false | true", wire.Failed, "/usr/bin/bash --noprofile --norc -e -o pipefail {0}", "##[error]Process completed with exit code 1.\n"},
		{"sh", "sh", "echo ${BASH_VERSION:-none}", wire.Succeeded, "/usr/bin/sh -e {0}", "none\n"},
		{"bash stops at the first error", "bash", "false\necho no", wire.Failed, "", "##[error]Process completed with exit code 1.\n"},
		{"custom", "bash -x {0}", "false\n:", wire.Succeeded, "/usr/bin/bash -x {0}", "+ false\n+ :\n"},
		{"custom in quotes", `bash -c "cat {0}"`, "text", wire.Succeeded, "", "text"},
		{"exit code", "sh", "exit 7", wire.Failed, "", "##[error]Process completed with exit code 7.\n"},
		{"killed", "sh", "kill -9 $$", wire.Failed, "", "##[error]Process completed with exit code 137.\n"},
		{"unknown", "nosuchshell {0}", "x", wire.Failed, "", "##[error]nosuchshell: command not found\n"},
		{"known program without {0}", "cat", "x", wire.Failed, "", "##[error]Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string containing '{0}'\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, script(test.script, input(wire.InputShell, test.shell)))
			res := b.run()
			equal(t, "conclusion", res.Conclusion, test.result)
			equal(t, "output", strings.TrimSuffix(b.output("s1"), "\n"), strings.TrimSuffix(test.output, "\n"))
			if test.shown != "" {
				contains(t, "log", b.log("s1"), "shell: "+test.shown+"\n")
			}
		})
	}
}

func TestPythonScript(t *testing.T) { // RUN-1
	if _, err := exec.LookPath("python"); err != nil {
		t.Skip("python is not installed")
	}
	b := newBench(t, script("import os\nprint('py', os.environ['GITHUB_SHA'])", input(wire.InputShell, "python")))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "output", b.output("s1"), "py abc123\n")
}

func TestDefaultsApplyToScripts(t *testing.T) { // RUN-2
	b := newBench(t,
		script("pwd; echo ${BASH_VERSION:-none}"),
		script("pwd", input(wire.InputWorkingDirectory, "other"), input(wire.InputShell, "bash")),
		script("pwd", input(wire.InputWorkingDirectory, "missing")),
	)
	b.workspace(map[string]string{"sub/x": "", "other/x": ""})
	b.job.Message.Defaults = []*wire.Token{wire.Mapping(wire.Pair("run", wire.Mapping(
		wire.Pair("shell", wire.String("sh")), wire.Pair("working-directory", expression("format('su{0}', 'b')")))))}
	b.run()
	workspace := filepath.Join(b.job.WorkDir, "hello", "hello")
	equal(t, "default", b.output("s1"), workspace+"/sub\nnone\n")
	equal(t, "own", b.output("s2"), workspace+"/other\n")
	contains(t, "missing", b.output("s3"), "##[error]An error occurred trying to start process '/usr/bin/sh' with working directory '"+workspace+"/missing'. No such file or directory\n")
}

func TestDefaultsOfAJobReplaceThoseOfItsWorkflow(t *testing.T) { // RUN-2
	run := func(values ...wire.TokenPair) *wire.Token {
		return wire.Mapping(wire.Pair("run", wire.Mapping(values...)))
	}
	b := newBench(t, script("echo $0; basename $PWD"), script("basename $PWD", input(wire.InputWorkingDirectory, "")))
	b.workspace(map[string]string{"top/x": "", "sub/x": ""})
	b.job.Message.Defaults = []*wire.Token{
		run(wire.Pair("shell", wire.String("bash {0} one")), wire.Pair("working-directory", wire.String("top"))),
		wire.Mapping(),
		run(wire.Pair("working-directory", wire.String("sub"))),
	}
	b.run()
	contains(t, "header", b.log("s1"), "bash -e {0}\n")
	contains(t, "output", b.output("s1"), "\nsub\n")
	equal(t, "an empty directory", b.output("s2"), "hello\n")
}

func TestEnvironmentHoldsWhatItShould(t *testing.T) { // RUN-4, CTX-7
	b := newBench(t, script("env | sort", env("GITHUB_SHA", wire.String("mine")), env("OWN", wire.String("1"))))
	b.job.Host = host.NewLocal(append(b.job.Host.Env(), "OWN=0"), host.NewTrackingID())
	b.job.Message.EnvironmentVariables = []*wire.Token{wire.Mapping(wire.Pair("JOBVAR", expression("vars.region")))}
	b.run()
	got := map[string]string{}
	for line := range strings.Lines(b.output("s1")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[name] = value
	}
	workspace := filepath.Join(b.job.WorkDir, "hello", "hello")
	want := map[string]string{
		"GITHUB_SHA": "abc123", "OWN": "1", "JOBVAR": "north", "CI": "true", "GITHUB_ACTIONS": "true",
		"GITHUB_WORKSPACE": workspace, "GITHUB_REPOSITORY": "octo/hello", "GITHUB_JOB": "build", "GITHUB_ACTION": "__run_1",
		"GITHUB_HEAD_REF": "", "GITHUB_REF_PROTECTED": "false", "GITHUB_RUN_ID": "42", "GITHUB_ACTION_REPOSITORY": "",
		"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_NAME": "test", "RUNNER_TEMP": b.job.TempDir,
		"RUNNER_TOOL_CACHE": b.job.ToolDir, "RUNNER_ENVIRONMENT": "self-hosted", "RUNNER_WORKSPACE": filepath.Dir(workspace),
		"PATH": os.Getenv("PATH"),
	}
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s is %q (set: %t), want %q", name, v, ok, value)
		}
	}
	for name := range got {
		switch {
		case name == "GITHUB_TOKEN", name == "GITHUB_EVENT", strings.HasPrefix(name, "ACTIONS_"), name == "RUNNER_DEBUG", name == "GOPATH":
			t.Errorf("%s is in the environment", name)
		}
	}
}

func TestEventFileHoldsThePayload(t *testing.T) { // TRG-3
	b := newBench(t, script("cat $GITHUB_EVENT_PATH"))
	b.run()
	equal(t, "event", b.output("s1"), "{\n  \"after\": \"0123\",\n  \"n\": 3\n}\n")
}

func TestCommandFiles(t *testing.T) { // CTX-2
	b := newBench(t,
		script(`
			echo A=one >> $GITHUB_ENV
			echo "B<<END" >> $GITHUB_ENV; echo two >> $GITHUB_ENV; echo three >> $GITHUB_ENV; echo END >> $GITHUB_ENV
			echo val=4=2 >> $GITHUB_OUTPUT
			mkdir -p $RUNNER_TEMP/bin; printf '#!/bin/sh\necho mine' > $RUNNER_TEMP/bin/mytool; chmod +x $RUNNER_TEMP/bin/mytool
			echo $RUNNER_TEMP/bin >> $GITHUB_PATH
			echo '# Summary of hunter2hunter2' >> $GITHUB_STEP_SUMMARY`, id("first")),
		script(`echo "$A/$B"; mytool; echo ${PATH%%:*}`),
		script("echo $X", env("X", expression("format('{0} {1} {2}', steps.first.outputs.val, env.A, steps.first.conclusion)"))),
		script("echo 'NODE_OPTIONS=--bad' >> $GITHUB_ENV"),
		script("echo nothing >> $GITHUB_OUTPUT"),
		script("echo 'a<<E' >> $GITHUB_OUTPUT; echo b >> $GITHUB_OUTPUT"),
		script("rm $GITHUB_OUTPUT; mkfifo $GITHUB_OUTPUT", when("always()")),
	)
	res := b.run()
	equal(t, "env and path", b.output("s2"), "one/two\nthree\nmine\n"+b.job.TempDir+"/bin\n")
	equal(t, "output", b.output("s3"), "4=2 one success\n")
	equal(t, "summary", b.sink.summaries["s1"], "# Summary of ***\n")
	contains(t, "NODE_OPTIONS", b.output("s4"), "##[error]Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.\n")
	contains(t, "format", b.output("s5"), "##[error]Unable to process file command 'output' successfully.\n##[error]Invalid format 'nothing'\n")
	if got := res.Steps[5].Conclusion; got != wire.Failed {
		t.Errorf("step with a wrong file is %s", got)
	}
	contains(t, "skipped", conclusions(res), "7 Run echo 'a<<E' >> $GITHUB_OUTPUT; echo b >> $GITHUB_OUTPUT: skipped")
	contains(t, "pipe", b.output("s7"), "is not a regular file")
}

func TestOddCommandFilesAreReadAsOnGitHub(t *testing.T) {
	b := newBench(t,
		script("printf 'A=1\\nB=a\\0b\\n' >> $GITHUB_ENV; printf 'x=a\\0b\\n' >> $GITHUB_OUTPUT", id("nul")),
		script("echo \"[$A] [$B]\"; echo $X", env("X", expression("toJSON(steps.nul.outputs)"))),
		script("rm $GITHUB_ENV $GITHUB_PATH $GITHUB_STEP_SUMMARY; ln -s nowhere $GITHUB_ENV; mkdir $GITHUB_PATH $GITHUB_STEP_SUMMARY"),
		script("rm $GITHUB_OUTPUT; mkdir $GITHUB_OUTPUT"),
	)
	res := b.run()
	contains(t, "NUL", b.output("s2"), "[1] [a]\n", `"x": "a\u0000b"`)
	if res.Steps[3].Conclusion != wire.Succeeded || res.Steps[4].Conclusion != wire.Failed {
		t.Errorf("steps: %s", conclusions(res))
	}
	contains(t, "a folder", b.log("s4"), "##[error]Access to the path '", "' is denied.\n")
}

func TestAssignmentsInFiles(t *testing.T) {
	tests := []struct {
		name, text string
		want       []assignment
		problem    string
	}{
		{"plain", "a=b\n\nc=\n", []assignment{{"a", "b"}, {"c", ""}}, ""},
		{"equals in value", "a=b=c<<d", []assignment{{"a", "b=c<<d"}}, ""},
		{"heredoc", "a<<EOF\nx\n\ny\nEOF\nb=1", []assignment{{"a", "x\n\ny"}, {"b", "1"}}, ""},
		{"empty heredoc", "a<<EOF\nEOF\n", []assignment{{"a", ""}}, ""},
		{"delimiter without line break", "a<<EOF\nx\nEOF", []assignment{{"a", "x"}}, ""},
		{"no delimiter", "a<<EOF\nx\n", nil, "Invalid value. Matching delimiter not found 'EOF'"},
		{"delimiter on the last line of the value", "a<<EOF\nxEOF\n", nil, "Invalid value. Matching delimiter not found 'EOF'"},
		{"the value ends with the file", "a=b\nc<<EOF\nx", []assignment{{"a", "b"}}, "Invalid value. EOF marker missing new line."},
		{"no value", "a<<EOF", nil, "Invalid value. Matching delimiter not found 'EOF'"},
		{"no name", "=x", nil, "Invalid format '=x'. Name must not be empty"},
		{"no delimiter name", "a<<\nx", nil, "Invalid format 'a<<'. Name must not be empty and delimiter must not be empty"},
		{"neither", "a", nil, "Invalid format 'a'"},
		{"byte order mark", "\ufeffa=b", []assignment{{"a", "b"}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseAssignments(test.text)
			if d := cmp.Diff(test.want, got, cmp.AllowUnexported(assignment{})); d != "" {
				t.Error(d)
			}
			if problem := ""; err != nil || test.problem != "" {
				if err != nil {
					problem = err.Error()
				}
				equal(t, "problem", problem, test.problem)
			}
		})
	}
}

func TestSummaryOverOneMebibyteIsRefused(t *testing.T) {
	b := newBench(t, script("head -c 1100000 /dev/zero | tr '\\0' x >> $GITHUB_STEP_SUMMARY"))
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	contains(t, "log", b.log("s1"), "##[error]$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got 1074k.")
	if len(b.sink.summaries) > 0 {
		t.Error("there is a summary")
	}
}
