package worker

import (
	"maps"
	"slices"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// introduction says who runs the job and what its token may do.
func introduction(j *Job, github *expr.Object) []string {
	var lines []string
	for _, line := range []struct{ label, value string }{
		{"Runner name", j.Runner.Name},
		{"Runner group name", j.Runner.GroupName},
		{"Machine name", j.Runner.MachineName},
	} {
		if line.value != "" {
			lines = append(lines, line.label+": '"+line.value+"'")
		}
	}
	permissions, err := expr.FromJSON([]byte(j.Message.Variable(wire.VarTokenPermissions)))
	if object, ok := permissions.(*expr.Object); ok && err == nil {
		lines = append(lines, "##[group]GITHUB_TOKEN Permissions")
		for scope, level := range object.All() {
			lines = append(lines, scope+": "+expr.String(level))
		}
		lines = append(lines, "##[endgroup]")
	}
	if source := text(github, "secret_source"); source != "" {
		lines = append(lines, "Secret source: "+source)
	}
	if mode := j.Message.Variable(wire.VarCacheMode); mode != "" {
		lines = append(lines, "Cache mode: "+mode)
	}
	if len(j.Message.Dependencies) > 0 {
		lines = append(lines, "Using locked action versions from the workflow's lockfile")
	}
	return lines
}

// surroundings say what keeps the job from the rest of the machine, and what it may use
// of it. GitHub's runner has no such lines, so they come after all of its own: what is
// wrong with a job is then on the same line of the log as there.
func surroundings(r RunnerInfo) []string {
	var lines []string
	if r.Isolation != "" {
		lines = append(lines, "Isolation: '"+r.Isolation+"'")
	}
	if r.Limits != "" {
		lines = append(lines, "Limits: '"+r.Limits+"'")
	}
	return lines
}

// unmasked says which secrets are shown in logs as they are.
func unmasked(m *wire.JobMessage) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
		if v := m.Variables[name]; v.IsSecret && v.Value != "" && mask.TooShort(v.Value) {
			lines = append(lines, "##[warning]The secret "+name+" is too short to be masked in logs")
		}
	}
	return lines
}

// calledWorkflow says which reusable workflow the job is from, and its inputs.
func calledWorkflow(m *wire.JobMessage, given expr.Value) []string {
	file, ref, sha := m.Variable(wire.VarWorkflowFile), m.Variable(wire.VarWorkflowFileRef), m.Variable(wire.VarWorkflowFileSHA)
	switch {
	case file == "":
		return nil
	case ref != "" && sha != "":
		file += "@" + ref + " (" + sha + ")"
	case sha != "":
		file += "@" + sha
	}
	lines := []string{"Uses: " + file}
	if inputs, ok := given.(*expr.Object); ok && inputs.Len() > 0 {
		lines = append(lines, "##[group] Inputs")
		for name, value := range inputs.All() {
			lines = append(lines, "  "+name+": "+expr.String(value))
		}
		lines = append(lines, "##[endgroup]")
	}
	return lines
}
