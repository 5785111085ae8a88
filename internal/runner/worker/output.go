package worker

import (
	"bytes"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// An output takes what one process prints: it acts on workflow commands and
// writes everything else to the log of the step.
type output struct {
	*execution
	stopped string // the token that ends a pause of commands; "" outside of one
	begun   bool   // something has been printed
}

// take handles a batch of lines; see [host.Process].
func (o *output) take(batch []byte) {
	o.record.mu.Lock()
	defer o.record.mu.Unlock()
	if !o.begun {
		o.begun = true
		batch = bytes.TrimPrefix(batch, []byte("\ufeff"))
	}
	for len(batch) > 0 {
		var line []byte
		line, batch = host.CutLine(batch)
		line = harmless(line)
		switch {
		case looksLikeCommand(line) && o.command(string(validText(line, &o.record.scratch))):
		case len(o.job.matchers) > 0 && o.matched(line):
		default:
			o.record.line(line)
		}
	}
	o.record.flush()
}

// harmless is a line without the marks by which GitHub's pages know where the part
// of an action begins and ends in a log.
func harmless(line []byte) []byte {
	const mark, disarmed = "##[", `##[\`
	for _, word := range []string{"start-action", "end-action"} {
		if bytes.Contains(line, []byte(mark+word)) {
			line = bytes.ReplaceAll(line, []byte(mark+word), []byte(disarmed+word))
		}
	}
	return line
}

// command acts on a line that is a command; any other is ordinary output.
func (o *output) command(line string) bool {
	c, ok := parseCommand(line, o.known)
	if !ok {
		return false
	}
	if o.stopped != "" {
		if c.name != o.stopped {
			return false
		}
		o.stopped = ""
		o.record.write("", line)
		return true
	}
	if o.echo && !quiet(c.name) {
		o.record.write("", line)
	}
	if err := o.act(c, line); err != nil {
		shown := line
		if quiet(c.name) {
			shown = c.name
		}
		for _, text := range []string{"Unable to process command '" + shown + "' successfully.", err.Error()} {
			o.record.annotate(wire.Annotation{Level: wire.LevelFailure, Message: text})
		}
		o.failed = true
	}
	return true
}

func (o *output) known(name string) bool {
	return isCommand(name) || o.stopped != "" && name == o.stopped
}

func isCommand(name string) bool {
	switch name {
	case "set-output", "save-state", "set-env", "add-path", "add-mask", "add-matcher", "remove-matcher",
		"debug", "notice", "warning", "error", "group", "endgroup", "echo", "stop-commands":
		return true
	}
	return false
}

// quiet commands are not shown when commands are echoed.
func quiet(name string) bool {
	switch name {
	case "add-mask", "debug", "notice", "warning", "error":
		return true
	}
	return false
}

func (o *output) act(c command, line string) error {
	switch c.name {
	case "set-output", "save-state", "set-env", "add-path":
		return o.assign(c)
	case "add-mask":
		o.addMask(c.data)
	case "add-matcher":
		return o.addMatchers(c.data)
	case "remove-matcher":
		return o.removeMatchers(c.props["owner"], c.data)
	case "debug":
		if o.record.debugs {
			for text := range strings.SplitSeq(strings.ReplaceAll(c.data, "\r\n", "\n"), "\n") {
				o.record.write("##[debug]", text)
			}
		}
	case "notice", "warning", "error":
		o.record.annotate(o.annotation(c))
	case "group":
		o.record.write("", "##[group]"+c.data)
	case "endgroup":
		o.record.write("", "##[endgroup]")
	case "echo":
		return o.setEcho(c.data)
	case "stop-commands":
		return o.stop(c.data, line)
	}
	return nil
}

func (o *output) addMask(value string) {
	if strings.TrimSpace(value) == "" {
		o.record.annotate(wire.Annotation{
			Level:   wire.LevelWarning,
			Message: "Can't add secret mask for empty string in ##[add-mask] command.",
		})
		return
	}
	if o.echo {
		o.record.write("", "::add-mask::***")
	}
	o.job.state.mask.Add(value)
}

func (o *output) setEcho(value string) error {
	switch strings.ToUpper(strings.TrimSpace(value)) {
	case "ON":
		o.echo = true
	case "OFF":
		o.echo = false
	default:
		return problemf("Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '%s'.", value)
	}
	return nil
}

// stop pauses commands until the token comes, which is a secret from then on:
// who prints it by accident would end the pause.
func (o *output) stop(secret, line string) error {
	const shortest = 7 // characters of a token that masks
	token := strings.ToLower(secret)
	if token == "" || token == "pause-logging" || isCommand(token) {
		if !o.allows("ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS") {
			return problemf("You cannot use a endToken that is an empty string, the string 'pause-logging', or another workflow command. " +
				"For more information see: https://docs.github.com/actions/learn-github-actions/workflow-commands-for-github-actions#example-stopping-and-starting-workflow-commands " +
				"or opt into insecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` environment variable to `true`.")
		}
	}
	if len(secret) >= shortest {
		o.job.state.mask.Add(secret)
	}
	o.record.write("", line)
	o.stopped = token
	return nil
}

// assign handles the four commands that files have replaced.
func (o *output) assign(c command) error {
	name := c.props["name"]
	switch c.name {
	case "set-env", "add-path":
		if !o.allows("ACTIONS_ALLOW_UNSECURE_COMMANDS") {
			return problemf("The `%s` command is disabled. Please upgrade to using Environment Files or opt into unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`. For more information see: https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/", c.name)
		}
	case "set-output", "save-state":
		o.record.annotate(wire.Annotation{
			Level:   wire.LevelWarning,
			Message: "The `" + c.name + "` command is deprecated and will be disabled soon. Please upgrade to using Environment Files. For more information see: https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/",
		})
	}
	switch {
	case c.name != "add-path" && name == "":
		return problemf("Required field 'name' is missing in ##[%s] command.", c.name)
	case c.name == "add-path" && c.data == "":
		return problemf("The path is missing in ##[%s] command.", c.name)
	}
	entry := assignment{name, c.data}
	switch c.name {
	case "set-env":
		o.newEnv = append(o.newEnv, entry)
	case "add-path":
		o.newPaths = append(o.newPaths, c.data)
	case "set-output":
		o.outputs = append(o.outputs, entry)
	case "save-state":
		o.newState = append(o.newState, entry)
	}
	return nil
}

// allows says whether the step's env context switches an old habit on.
func (o *output) allows(variable string) bool {
	return strings.EqualFold(text(o.env, variable), "true")
}
