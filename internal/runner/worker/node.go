package worker

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/toolkit"
	"github.com/understudy-ci/understudy/internal/wire"
)

// node runs the script of a JavaScript action.
func (x *execution) node(d *definition, inputs []assignment) error {
	script := map[stage]string{preStage: d.Runs.Pre, mainStage: d.Runs.Main, postStage: d.Runs.Post}[x.stage]
	file := script
	if !filepath.IsAbs(script) {
		file = d.dir + "/" + script
	}
	if !isFile(file) {
		return problemf("File not found: '%s'", file)
	}
	dir := x.job.Host.Inside(x.job.workspace)
	program, ok := x.job.findNode(d.Runs.Using, dir)
	if !ok {
		return problemf("node: command not found. JavaScript actions run by the Node.js that the runner finds in its --node directory, in its PATH (%s), where "+
			"`understudy admin node install` has put one, or in a directory that a step has added by GITHUB_PATH. "+
			"Install one by that command, or Node.js 20 or newer in the PATH of the runner, or of the server of a bundled one (https://nodejs.org).",
			hostVariable(x.job.Host, "PATH"))
	}
	extra := x.serverVariables()
	for _, in := range inputs {
		extra = append(extra, assignment{"INPUT_" + strings.ToUpper(strings.ReplaceAll(in.name, " ", "_")), in.value})
	}
	env := x.environment(extra)
	delete(env, "NODE_ICU_DATA") // meant for another node
	args := []string{x.job.Host.Inside(file)}
	if d.local && x.job.Message.Variable(wire.VarLiftHostCheck) == "true" {
		first, err := x.preload()
		if err != nil {
			return err
		}
		defer os.Remove(first) // in the job's directory, which goes soon
		args = append([]string{"--require", x.job.Host.Inside(first)}, args...)
	}
	code, err := x.process(host.Process{Path: program, Args: args, Dir: dir, Env: env})
	if err == nil && code != 0 {
		err = errStepFailed // the action has told why
	}
	return err
}

// preload writes the script that lifts the toolkit's check of host names in an action
// of the workspace: those of archives have it lifted by the server.
func (x *execution) preload() (string, error) {
	file := filepath.Join(x.job.TempDir, commandFilesDir, "lift_host_check_"+uuid.NewString()+".cjs")
	return file, os.WriteFile(file, []byte(toolkit.Preload()), 0o644)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
