package worker

import (
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
)

// contexts are what the expressions of a job see (AUTH-1): what the server sent,
// what the runner adds, and the current state of the job.
type contexts struct {
	sent   *expr.Object // by the server, with "secrets"
	early  []string     // names of those that are known before the first step
	github *expr.Object // without what differs from step to step
	runner *expr.Object
	event  string // the file of the event; "" if there is none

	container, services *expr.Object // of the context "job"; nil without
	state               *state
}

func newContexts(j *Job, s *state, debugs bool) *contexts {
	c := &contexts{sent: sentContexts(j.Message), state: s}
	for name := range j.Message.ContextData {
		c.early = append(c.early, name)
	}
	c.github = expr.NewObject().Set("token", j.Message.Variable(wire.VarToken))
	if job := j.Message.Variable(wire.VarJob); job != "" {
		c.github.Set("job", job)
	}
	given, _ := c.sent.Get("github")
	if given, ok := given.(*expr.Object); ok {
		for k, v := range given.All() {
			c.github.Set(k, v)
		}
	}
	c.runner = expr.NewObject().
		Set("os", j.Runner.OS).
		Set("arch", j.Runner.Arch).
		Set("name", j.Runner.Name).
		Set("environment", j.Runner.Environment).
		Set("tool_cache", j.ToolDir).
		Set("temp", j.TempDir)
	if debugs {
		c.runner.Set("debug", "1")
	}
	return c
}

// sentContexts are the contexts of the job message, and "secrets".
func sentContexts(m *wire.JobMessage) *expr.Object {
	sent := expr.NewObject()
	for name, data := range m.ContextData {
		sent.Set(name, convert.ContextFromWire(data))
	}
	for _, name := range []string{"needs", "inputs", "vars"} {
		if _, ok := sent.Get(name); !ok {
			sent.Set(name, expr.NewObject())
		}
	}
	secrets := expr.NewObject()
	for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
		v := m.Variables[name]
		if v.IsSecret && !strings.EqualFold(name, wire.VarToken) && !strings.EqualFold(name, "system.accessToken") {
			secrets.Set(name, v.Value)
		}
	}
	return sent.Set("secrets", secrets)
}

// home is the repository and commit of the file that the job is from, which a
// reusable workflow has of its own.
func (c *contexts) home() wire.Reference {
	given, _ := c.sent.Get("job")
	job, _ := given.(*expr.Object)
	job = clone(job)
	if name, sha := text(job, "workflow_repository"), text(job, "workflow_sha"); name != "" && sha != "" {
		return wire.Reference{Name: name, Ref: sha}
	}
	return wire.Reference{Name: text(c.github, "repository"), Ref: text(c.github, "sha")}
}

// inputs is the context "inputs" of the job.
func (c *contexts) inputs() expr.Value {
	v, _ := c.sent.Get("inputs")
	return v
}

// job is the context "job" as it is now (CTX-4).
func (c *contexts) job() *expr.Object {
	given, _ := c.sent.Get("job")
	object, _ := given.(*expr.Object)
	job := clone(object).Set("status", contextResult(c.state.status.get()))
	if c.container != nil {
		job.Set("container", c.container)
	}
	if c.services != nil {
		job.Set("services", c.services)
	}
	return job
}

// setContainer and setService change what the context "job" says of containers. Objects that it has
// given away stay as they are.
func (c *contexts) setContainer(key, value string) {
	c.container = clone(c.container).Set(key, value)
}

func (c *contexts) setService(name string, service *expr.Object) {
	c.services = clone(c.services).Set(name, service)
}

// beforeSteps are the contexts that are known before the first step.
func (c *contexts) beforeSteps() *expr.Object {
	known := expr.NewObject().Set("job", expr.NewObject())
	for _, name := range c.early {
		v, _ := c.sent.Get(name)
		known.Set(name, v)
	}
	return known
}

// in are all contexts as a step of the scope sees them. Those of a composite
// action have no secrets; needs and vars are for its conditions, and nothing
// else there may name them (CMP-1).
func (c *contexts) in(sc *scope, github, env *expr.Object) *expr.Object {
	all := expr.NewObject().
		Set("github", github).
		Set("env", env).
		Set("job", c.job()).
		Set("runner", c.runner).
		Set("steps", sc.steps).
		Set("inputs", sc.inputs)
	names := []string{"strategy", "matrix", "needs", "vars", "secrets"}
	if sc.composite != nil {
		names = names[:4]
	}
	for _, name := range names {
		v, _ := c.sent.Get(name)
		all.Set(name, v)
	}
	return all
}

// envIn starts the context "env" of a step: all variables of the job, and those
// of the composite actions around it, which are also returned alone.
func (c *contexts) envIn(sc *scope) (all, own *expr.Object) {
	all, own = clone(c.state.env), expr.NewCaseSensitiveObject()
	if sc.composite != nil {
		for k, v := range sc.composite.env.All() {
			all.Set(k, v)
			own.Set(k, v)
		}
	}
	return all, own
}

// githubIn starts the context "github" of a step. Below the steps of the job,
// "action" is the step of the job that is around.
func (c *contexts) githubIn(sc *scope, s *step) *expr.Object {
	github := clone(c.github).Set("action", s.contextName)
	if c.event != "" { // in the order that it has with GitHub's runner
		github.Set("event_path", c.event)
	}
	if composite := sc.composite; composite != nil {
		github.Set("action", composite.action)
		github.Set("action_path", composite.definition.dir)
		github.Set("action_status", contextResult(composite.result))
	}
	return github
}

// contextResult is a result as expressions know it.
func contextResult(result string) string {
	switch result {
	case wire.Failed:
		return "failure"
	case wire.Canceled:
		return "cancelled"
	case wire.Skipped:
		return "skipped"
	}
	return "success"
}
