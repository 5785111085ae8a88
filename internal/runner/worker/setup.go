package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// setUp runs the step "Set up job". It returns the steps to run; when it fails
// there are none.
func (r *running) setUp(ctx context.Context) (tries []try, ok bool) {
	rec := r.newRecord(uuid.NewString(), "Set up job", r.nextNumber())
	rec.addInfo(wire.StepRunner, "", "")
	rec.start()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pop := r.status.push(&stoppable{wanted: func() bool { return false }, cancel: cancel})
	tries, err := r.prepareJob(ctx, rec)
	pop()
	switch {
	case err == nil:
		rec.complete(wire.Succeeded)
		for _, t := range tries {
			t.record.announce()
		}
		return tries, true
	case ctx.Err() != nil:
		rec.fail("The operation was canceled.")
		rec.complete(wire.Canceled)
	default:
		rec.issue(wire.Annotation{Level: wire.LevelFailure, Message: err.Error(), IsInfrastructureIssue: r.infrastructure != ""})
		rec.complete(wire.Failed)
		r.status.merge(wire.Failed)
	}
	return nil, false
}

func (r *running) prepareJob(ctx context.Context, rec *record) ([]try, error) {
	rec.print("Current runner version: '" + r.Runner.Version + "'")
	rec.print(r.introduction()...)
	rec.print("Prepare workflow directory")
	if err := r.makeWorkspace(); err != nil {
		return nil, err
	}
	if err := r.evaluateJob(rec); err != nil {
		return nil, err
	}
	steps := make([]*step, 0, len(r.Message.Steps))
	for _, s := range r.Message.Steps {
		if s.Type != wire.ActionStep && s.Type != "" {
			return nil, problemf("Steps of type '%s' are not supported by this runner yet.", s.Type)
		}
		st, err := newStep(s)
		if err != nil {
			return nil, err
		}
		steps = append(steps, st)
	}
	rec.print("Prepare all required actions")
	if err := r.prepare(ctx, rec, steps); err != nil {
		return nil, err
	}
	rec.print(r.calledWorkflow()...)
	if strings.TrimSpace(r.Message.JobDisplayName) != "" {
		rec.print("Complete job name: " + r.Message.JobDisplayName)
	}
	return r.planSteps(steps), nil
}

// planSteps makes the records of the steps, and of those before them.
func (r *running) planSteps(steps []*step) []try {
	env := &expr.Env{Contexts: expr.NewObject()}
	for name := range r.Message.ContextData {
		v, _ := r.base.Get(name)
		env.Contexts.Set(name, v)
	}
	env.Contexts.Delete("job")
	var tries []try
	for _, s := range steps {
		if elsewhere(s.ref) && r.hasPre(s) {
			name, _ := stepName(s, env)
			rec := r.newRecord(uuid.NewString(), "Pre "+name, r.nextNumber())
			tries = append(tries, try{r.steps, s, preStage, r.preCondition(s), rec, r.hard})
		}
	}
	for _, s := range steps {
		name, _ := stepName(s, env)
		rec := r.newRecord(s.key, name, r.nextNumber())
		tries = append(tries, try{r.steps, s, mainStage, s.cond, rec, r.hard})
	}
	return tries
}

// introduction tells who runs the job and what its token may do.
func (r *running) introduction() []string {
	var lines []string
	for _, line := range []struct{ label, value string }{
		{"Runner name", r.Runner.Name},
		{"Runner group name", r.Runner.GroupName},
		{"Machine name", r.Runner.MachineName},
	} {
		if line.value != "" {
			lines = append(lines, line.label+": '"+line.value+"'")
		}
	}
	permissions, err := expr.FromJSON([]byte(r.Message.Variable(wire.VarTokenPermissions)))
	if object, ok := permissions.(*expr.Object); ok && err == nil {
		lines = append(lines, "##[group]GITHUB_TOKEN Permissions")
		for scope, level := range object.All() {
			lines = append(lines, scope+": "+expr.String(level))
		}
		lines = append(lines, "##[endgroup]")
	}
	if source := text(r.github, "secret_source"); source != "" {
		lines = append(lines, "Secret source: "+source)
	}
	if mode := r.Message.Variable(wire.VarCacheMode); mode != "" {
		lines = append(lines, "Cache mode: "+mode)
	}
	if len(r.Message.Dependencies) > 0 {
		lines = append(lines, "Using locked action versions from the workflow's lockfile")
	}
	return lines
}

// calledWorkflow tells which reusable workflow the job is from, and its inputs.
func (r *running) calledWorkflow() []string {
	m := r.Message
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
	given, _ := r.base.Get("inputs")
	if inputs, ok := given.(*expr.Object); ok && inputs.Len() > 0 {
		lines = append(lines, "##[group] Inputs")
		for name, value := range inputs.All() {
			lines = append(lines, "  "+name+": "+expr.String(value))
		}
		lines = append(lines, "##[endgroup]")
	}
	return lines
}

// makeWorkspace creates the directories of the job and the file of its event.
func (r *running) makeWorkspace() error {
	_, name, ok := strings.Cut(text(r.github, "repository"), "/")
	if !ok || name == "" || strings.Contains(name, "/") || !filepath.IsLocal(name) {
		return problemf("The job message names no repository.")
	}
	parent := filepath.Join(r.WorkDir, name)
	r.workspace = filepath.Join(parent, name)
	if err := os.MkdirAll(r.workspace, 0o755); err != nil {
		return err
	}
	r.github.Set("workspace", r.workspace)
	r.runner.Set("workspace", parent)
	given, _ := r.Message.ContextData["github"].(*wire.ContextDict)
	event, ok := given.Get("event")
	if !ok {
		return nil
	}
	return r.writeEvent(event)
}

func (r *running) writeEvent(event any) error {
	compact, err := wire.ContextToJSON(event)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "  "); err != nil {
		return err
	}
	dir := filepath.Join(r.TempDir, "_github_workflow")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "event.json")
	r.github.Set("event_path", file)
	return os.WriteFile(file, pretty.Bytes(), 0o644)
}

// evaluateJob evaluates what concerns all steps: env, defaults, containers.
func (r *running) evaluateJob(rec *record) error {
	for _, t := range r.Message.EnvironmentVariables {
		token, err := toToken(t)
		if err != nil {
			return err
		}
		vars, err := evalStrings(token, r.expressions())
		if err != nil {
			return err
		}
		for _, v := range vars {
			r.env.Set(v.name, v.value)
		}
	}
	if err := r.refuseContainers(rec); err != nil {
		return err
	}
	for _, t := range r.Message.Defaults {
		token, err := toToken(t)
		if err != nil {
			return err
		}
		defaults, err := evalStrings(token.Get("run"), r.expressions())
		if err != nil {
			return err
		}
		for _, d := range defaults {
			switch {
			case d.value == "":
			case strings.EqualFold(d.name, "shell"):
				r.shell = d.value
			case strings.EqualFold(d.name, "working-directory"):
				r.directory = d.value
			}
		}
	}
	return nil
}

// expressions is what an expression of the job itself sees.
func (r *running) expressions() *expr.Env {
	return &expr.Env{Contexts: r.contexts(r.steps, r.github, clone(r.env))}
}

// refuseContainers fails a job that asks for containers. An image that
// evaluates to nothing asks for none (RUN-10).
func (r *running) refuseContainers(rec *record) error {
	container, err := r.evaluate(r.Message.JobContainer)
	if err != nil {
		return err
	}
	if image := imageOf(container); image != "" {
		return problemf("The job asks for container '%s': containers are not supported by this runner yet.", image)
	}
	services, err := r.evaluate(r.Message.JobServiceContainers)
	if err != nil {
		return err
	}
	object, _ := services.(*expr.Object)
	for name, service := range object.All() {
		if imageOf(service) != "" {
			return problemf("The job asks for service container '%s': containers are not supported by this runner yet.", name)
		}
		rec.print("The service '" + name + "' will not be started because the container definition has an empty image.")
	}
	return nil
}

func (r *running) evaluate(t *wire.Token) (expr.Value, error) {
	token, err := toToken(t)
	if err != nil {
		return nil, err
	}
	return token.Eval(r.expressions())
}

// imageOf is the image of a container, given alone or in a mapping.
func imageOf(container expr.Value) string {
	if object, ok := container.(*expr.Object); ok {
		container, _ = object.Get("image")
	}
	return strings.TrimPrefix(expr.String(container), "docker://")
}
