package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/wire"
)

// matcherFile is a file with one matcher.
func matcherFile(owner, severity, patterns string) string {
	return fmt.Sprintf(`{"problemMatcher": [{"owner": %q, "severity": %q, "pattern": [%s]}]}`, owner, severity, patterns)
}

const (
	oneLine  = `{"regexp": "^(.+):(\\d+):(\\d+): (error|warning|oops): (.*)$", "file": 1, "line": 2, "column": 3, "severity": 4, "message": 5}`
	fileLine = `{"regexp": "^in (\\S+)$", "file": 1}`
	loopLine = `{"regexp": "^  (\\d+) (.*)$", "line": 1, "message": 2, "loop": true}`
)

// annotations are those of a step, one a line.
func annotations(s wire.StepResult) []string {
	var lines []string
	for _, a := range s.Annotations {
		lines = append(lines, fmt.Sprintf("%s %s:%d:%d %s", a.Level, a.Path, a.StartLine, a.StartColumn, a.Message))
	}
	return lines
}

func TestProblemMatchersAnnotateWhatStepsPrint(t *testing.T) {
	b := newBench(t,
		script(`echo ::add-matcher::one.json
echo top.c:7:8: error: broken
printf '\033[31mtop.c\033[0m:1:2: warning: odd\n'
echo top.c:1:1: oops: no severity
echo missing.c:3:4: error: ghs_secret
echo 'top.c:1:1: error:  '`),
		script("echo ::add-matcher::loop.json; echo in top.c; echo '  1 first'; echo '  2 second'; echo else; echo '  3 alone'"),
		script("echo in top.c"),
		script("echo '  4 of another process'; echo ::remove-matcher owner=ONE::; echo top.c:7:8: error: no more; "+
			"echo ::remove-matcher::loop.json; echo in top.c; echo '  5 no more'"),
	)
	b.workspace(map[string]string{
		"one.json": matcherFile("one", "", oneLine), "loop.json": matcherFile("loop", "warning", fileLine+","+loopLine), "top.c": "",
		".git/config": "[remote \"origin\"]\n\turl = https://github.com/octo/hello\n",
	})
	res := b.run()
	equal(t, "log", b.output("s1"), "##[error]top.c:7:8: error: broken\n##[warning]\x1b[31mtop.c\x1b[0m:1:2: warning: odd\n"+
		"top.c:1:1: oops: no severity\n##[error]missing.c:3:4: error: ***\ntop.c:1:1: error:  \n")
	want := []string{"failure top.c:7:8 broken", "warning :1:2 odd", "failure :3:4 ***"}
	if d := cmp.Diff(want, annotations(res.Steps[1])); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"warning top.c:1:0 first", "warning top.c:2:0 second"}, annotations(res.Steps[2])); d != "" {
		t.Error(d)
	}
	if a := annotations(res.Steps[4]); len(a) > 0 {
		t.Errorf("matched after their end: %q", a)
	}
}

func TestWrongMatcherFilesFailTheStep(t *testing.T) {
	for name, test := range map[string][2]string{
		"not JSON":     {`{"secret`, "is no file of problem matchers"},
		"no owner":     {matcherFile("", "", oneLine), "Owner must not be empty"},
		"no pattern":   {matcherFile("o", "", ""), "Matcher 'o' does not contain any patterns"},
		"severity":     {matcherFile("o", "fatal", oneLine), "Matcher 'o' contains unexpected default severity 'fatal'"},
		"no message":   {matcherFile("o", "", fileLine), "At least one pattern must set 'message'"},
		"range":        {matcherFile("o", "", `{"regexp": "(x)", "message": 2}`), "The property 'message' is set to 2 which is out of range"},
		"loop":         {matcherFile("o", "", loopLine), "Only the last pattern in a multiline matcher may set 'loop'"},
		"twice":        {matcherFile("o", "", fileLine+","+fileLine), "The property 'file' is set twice"},
		"expression":   {matcherFile("o", "", `{"regexp": "(", "message": 0}`), "Invalid pattern '('."},
		"missing file": {"", "Could not find file '"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, script("echo ::add-matcher::m.json"))
			if test[0] != "" {
				b.workspace(map[string]string{"m.json": test[0]})
			}
			res := b.run()
			equal(t, "conclusion", res.Conclusion, wire.Failed)
			contains(t, "log", b.log("s1"), "##[error]Unable to process command '::add-matcher::m.json' successfully.\n##[error]", test[1])
		})
	}
}

func TestMatcherThatNeverEndsIsRemoved(t *testing.T) {
	b := newBench(t, script("echo ::add-matcher::m.json; echo "+strings.Repeat("a", 60)+"!; echo goes on; echo "+strings.Repeat("a", 60)+"!"))
	b.workspace(map[string]string{"m.json": matcherFile("slow", "", `{"regexp": "^(a+)+$", "message": 1}`)})
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	contains(t, "log", b.log("s1"), "##[warning]Removing issue matcher 'slow'.", "!\ngoes on\n")
	if n := len(res.Steps[1].Annotations); n != 1 {
		t.Errorf("%d annotations, want one", n)
	}
}
