package worker

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// script runs a `run` step (RUN-1, RUN-2, RUN-3).
func (x *execution) script() error {
	x.github = clone(x.github).Set("action_repository", "").Set("action_ref", "")
	if err := x.openFiles(); err != nil {
		return err
	}
	inputs, err := evalStrings(x.step.inputs, x.expressions(x.contexts()))
	if err != nil {
		return err
	}
	text, _ := value(inputs, wire.InputScript)
	option, _ := value(inputs, wire.InputShell)
	dir, hasDir := value(inputs, wire.InputWorkingDirectory)
	if x.scope.composite == nil { // defaults do not reach into actions
		if option == "" {
			option = x.job.defaults.shell
		}
		if !hasDir { // an empty one is the workspace
			dir = x.job.defaults.directory
		}
	}
	if option == "" && x.job.Host != x.job.outside {
		option = "sh" // as with GitHub's runner: nobody has looked into the container
	}
	x.printScript(text)
	sh, err := shellFor(option, x.job.look)
	if err != nil { // the group stays open, as with GitHub's runner
		return err
	}
	x.record.addInfo(wire.StepRun, sh.name, "")
	x.record.print(append(append([]string{"shell: " + sh.path + " " + sh.format}, x.printedEnv()...), "##[endgroup]")...)

	file := filepath.Join(x.job.TempDir, uuid.NewString()+sh.extension())
	if err := os.WriteFile(file, []byte(sh.script(text)), 0o644); err != nil {
		return err
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(x.job.Host.Inside(x.job.workspace), dir)
	}
	return x.runShell(sh, file, dir)
}

// runShell runs a script file in a directory to its end.
func (x *execution) runShell(sh shell, file, dir string) error {
	args, err := sh.arguments(x.job.Host.Inside(file))
	if err != nil {
		return err
	}
	x.record.debug(sh.path + " " + strings.Join(args, " "))
	code, err := x.process(host.Process{Path: sh.path, Args: args, Dir: dir, Env: x.environment(x.stepVariables())})
	if err == nil && code != 0 {
		x.record.fail(fmt.Sprintf("Process completed with exit code %d.", code))
		err = errStepFailed
	}
	return err
}

// value is that of the entry with a name in any case, and whether there is one.
func value(entries []assignment, name string) (string, bool) {
	for _, e := range entries {
		if strings.EqualFold(e.name, name) {
			return e.value, true
		}
	}
	return "", false
}

// printScript opens the group that shows what runs.
func (x *execution) printScript(text string) {
	lines := []string{"##[group]Run " + firstLine(text)}
	body := strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for line := range strings.SplitSeq(body, "\n") {
		lines = append(lines, "\x1b[36;1m"+line+"\x1b[0m")
	}
	x.record.print(lines...)
}

// printedEnv are the lines that show the variables of the step.
func (x *execution) printedEnv() []string {
	var lines []string
	for name, v := range x.env.All() {
		lines = append(lines, "  "+name+": "+expr.String(v))
	}
	for _, s := range sortedState(x.job.state.saved[x.step.key]) {
		lines = append(lines, "  STATE_"+s.name+": "+s.value)
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"env:"}, lines...)
}

// sortedState is the state of an action in a fixed order.
func sortedState(state map[string]string) []assignment {
	out := make([]assignment, 0, len(state))
	for _, name := range slices.Sorted(maps.Keys(state)) {
		out = append(out, assignment{name, state[name]})
	}
	return out
}
