package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// commandFiles are the files in which a step sets variables, outputs, state,
// paths, its summary and what it has made, and one with what others have made. Every
// step has its own.
type commandFiles struct {
	env, output, state, path, summary, subjects, list string
}

// commandFilesDir is where they are, in the job's temporary directory.
const commandFilesDir = "_runner_file_commands"

// openFiles creates the files of the step and puts their paths into the context
// "github".
func (x *execution) openFiles() error {
	dir := filepath.Join(x.job.TempDir, commandFilesDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	id := uuid.NewString()
	f := &commandFiles{}
	x.github = clone(x.github)
	for _, file := range []struct {
		path          *string
		prefix, entry string
	}{
		{&f.path, "add_path_", "path"},
		{&f.env, "set_env_", "env"},
		{&f.summary, "step_summary_", "step_summary"},
		{&f.state, "save_state_", "state"},
		{&f.output, "set_output_", "output"},
		{&f.subjects, "artifacts_", "artifacts"},
		{&f.list, "artifacts_list_", "artifacts_list"},
	} {
		*file.path = filepath.Join(dir, file.prefix+id)
		if err := os.WriteFile(*file.path, nil, 0o644); err != nil {
			return err
		}
		x.github.Set(file.entry, *file.path)
	}
	x.files = f
	return x.listSubjects(f.list)
}

// keepAll keeps what the step has set, by commands and by files.
func (x *execution) keepAll() {
	if f := x.files; f != nil {
		x.readLines("path", f.path)
		x.newEnv = append(x.newEnv, x.readAssignments("env", f.env)...)
		x.keepSummary(f.summary)
		x.newState = append(x.newState, x.readAssignments("state", f.state)...)
		x.outputs = append(x.outputs, x.readAssignments("output", f.output)...)
		x.keepSubjects(f.subjects)
		_ = os.RemoveAll(f.list) // in the job's directory, which goes soon
	}
	x.job.state.addPaths(x.newPaths)
	if len(x.newEnv) > 0 {
		x.keepEnv()
	}
	x.job.state.save(x.step.key, x.newState)
}

func (x *execution) keepEnv() {
	x.env = clone(x.env)
	for _, v := range x.newEnv {
		if name, _, _ := strings.Cut(v.name, "="); strings.EqualFold(name, "NODE_OPTIONS") {
			x.record.fail("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
			continue
		}
		x.job.state.env.Set(v.name, v.value)
		x.env.Set(v.name, v.value)
		x.record.debug(v.name + "='" + v.value + "'")
	}
}

// wrong reports a command file that cannot be used; the step fails.
func (x *execution) wrong(file string, err error) {
	x.record.fail("Unable to process file command '"+file+"' successfully.", err.Error())
	x.failed = true
}

func (x *execution) read(file, path string) string {
	text, err := readCommandFile(path)
	if err != nil {
		x.wrong(file, err)
	}
	if err := os.RemoveAll(path); err != nil {
		x.job.Log.Warn("command file was not removed", "err", err)
	}
	return text
}

func (x *execution) readAssignments(file, path string) []assignment {
	text := x.read(file, path)
	if text == "" {
		return nil
	}
	entries, err := parseAssignments(text)
	if err != nil {
		x.wrong(file, err)
	}
	return entries
}

func (x *execution) readLines(file, path string) {
	if isDir(path) { // as if there were none
		return
	}
	for line := range strings.SplitSeq(strings.TrimPrefix(x.read(file, path), "\ufeff"), "\n") {
		if line = strings.TrimSuffix(line, "\r"); line != "" && !strings.ContainsRune(line, 0) {
			x.newPaths = append(x.newPaths, line)
		}
	}
}

// keepSummary adds to the summary of the record, which composite actions share
// among their steps.
func (x *execution) keepSummary(path string) {
	if isDir(path) { // as if there were none
		return
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().IsRegular() && info.Size() > maxSummary {
		x.record.fail(summaryTooLarge(info.Size()))
		_ = os.Remove(path) // in the job's directory, which goes soon
		return
	}
	if text := x.read("step_summary", path); text != "" {
		if size := x.record.summarize(text); size > maxSummary {
			x.record.fail(summaryTooLarge(int64(size)))
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func summaryTooLarge(size int64) string {
	return fmt.Sprintf("$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of %dk, got %dk. "+
		"For more information see: https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#adding-a-markdown-summary",
		maxSummary>>10, size>>10)
}
