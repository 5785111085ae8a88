package worker

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A running is a [Job] that is being executed. Only the goroutine of [Run]
// touches it, except for status and mask, which have locks of their own.
type running struct {
	*Job
	timing timing
	hard   context.Context // ends when the job must end at once
	status *status
	mask   mask.Masker
	closed bool // the host, with the processes that steps left behind
	debugs bool

	workspace string
	github    *expr.Object // without what differs from step to step
	runner    *expr.Object
	base      *expr.Object // contexts that stay the same
	env       *expr.Object // of the workflow and job, and what steps added
	paths     []string     // added by steps; the last one comes first in PATH
	programs  map[string]string
	shell     string // defaults.run
	directory string

	steps   *scope
	fetched map[string]bool              // directories of repositories
	actions map[string]*definition       // by directory; those in the workspace change and are not here
	state   map[string]map[string]string // of actions, between their stages, by step key

	records    []*record
	last       int  // number of the last record
	spread     bool // numbers for post steps are reserved
	posts      []*post
	inner      map[string][]*post // in composite actions, by the key of the step that uses one
	registered map[string]bool    // steps that have a post, by key

	outputs        map[string]wire.Variable
	annotations    []wire.Annotation
	environmentURL string
	infrastructure string
}

func newRunning(hard context.Context, j *Job, t timing) *running {
	r := &running{
		Job: j, timing: t, hard: hard,
		status:     &status{result: wire.Succeeded},
		env:        expr.NewCaseSensitiveObject(),
		programs:   map[string]string{},
		fetched:    map[string]bool{},
		actions:    map[string]*definition{},
		state:      map[string]map[string]string{},
		inner:      map[string][]*post{},
		registered: map[string]bool{},
		outputs:    map[string]wire.Variable{},
	}
	r.hideSecrets()
	r.debugs = r.flag(wire.VarStepDebug)
	r.buildContexts()
	return r
}

// hideSecrets adds all that the job message calls secret to the masker.
func (r *running) hideSecrets() {
	m := r.Message
	for _, v := range m.Variables {
		if v.IsSecret {
			r.mask.Add(v.Value)
		}
	}
	for _, e := range m.Resources.Endpoints {
		r.mask.Add(e.Token())
	}
	for _, hint := range m.Mask {
		if !strings.EqualFold(hint.Type, "regex") {
			continue
		}
		if err := r.mask.AddRegexp(hint.Value); err != nil {
			r.mask.Add(hint.Value)
		}
	}
	token := m.Variable(wire.VarToken)
	r.mask.Add(base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token)))
}

// flag is a switch that variables, secrets or the context vars may set.
func (r *running) flag(name string) bool {
	value := r.Message.Variable(name)
	if vars, ok := r.Message.ContextData["vars"].(*wire.ContextDict); ok && value == "" {
		v, _ := vars.Get(name)
		value, _ = v.(string)
	}
	return strings.EqualFold(value, "true")
}

// buildContexts makes the contexts that all steps share (§3).
func (r *running) buildContexts() {
	m := r.Message
	r.base = expr.NewObject()
	for name, data := range m.ContextData {
		r.base.Set(name, toValue(data))
	}
	for _, name := range []string{"needs", "inputs", "vars"} {
		if _, ok := r.base.Get(name); !ok {
			r.base.Set(name, expr.NewObject())
		}
	}
	secret := expr.NewObject()
	for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
		v := m.Variables[name]
		if v.IsSecret && !strings.EqualFold(name, wire.VarToken) && !strings.EqualFold(name, "system.accessToken") {
			secret.Set(name, v.Value)
		}
	}
	r.base.Set("secrets", secret)
	r.github = r.newGitHub()
	r.runner = expr.NewObject().
		Set("name", r.Runner.Name).
		Set("os", r.Runner.OS).
		Set("arch", r.Runner.Arch).
		Set("environment", r.Runner.Environment).
		Set("temp", r.TempDir).
		Set("tool_cache", r.ToolDir)
	if r.debugs {
		r.runner.Set("debug", "1")
	}
	inputs, _ := r.base.Get("inputs")
	r.steps = &scope{steps: expr.NewObject(), inputs: inputs}
}

func (r *running) newGitHub() *expr.Object {
	github := expr.NewObject().Set("token", r.Message.Variable(wire.VarToken))
	if job := r.Message.Variable(wire.VarJob); job != "" {
		github.Set("job", job)
	}
	given, _ := r.base.Get("github")
	if given, ok := given.(*expr.Object); ok {
		for k, v := range given.All() {
			github.Set(k, v)
		}
	}
	return github
}

// jobContext is the context "job" of this moment (CTX-4).
func (r *running) jobContext() *expr.Object {
	given, _ := r.base.Get("job")
	object, _ := given.(*expr.Object)
	return clone(object).Set("status", contextResult(r.status.get()))
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

// A scope is what the steps of one list share: those of the job, or those of
// one composite action (CMP-2).
type scope struct {
	steps     *expr.Object // context "steps"
	inputs    expr.Value   // context "inputs"
	composite *composite   // nil for the job
	depth     int          // composite actions around
}

// contexts are all contexts as a step of the scope sees them. Those of a
// composite action have no needs, vars and secrets (CMP-1).
func (r *running) contexts(sc *scope, github, env *expr.Object) *expr.Object {
	c := expr.NewObject().
		Set("github", github).
		Set("env", env).
		Set("job", r.jobContext()).
		Set("runner", r.runner).
		Set("steps", sc.steps).
		Set("inputs", sc.inputs)
	names := []string{"strategy", "matrix", "needs", "vars", "secrets"}
	if sc.composite != nil {
		names = names[:2]
	}
	for _, name := range names {
		v, _ := r.base.Get(name)
		c.Set(name, v)
	}
	return c
}
