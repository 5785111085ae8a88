package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
)

// evaluateJob evaluates what concerns all steps: env, defaults, containers.
func (r *running) evaluateJob(rec *record) error {
	for _, t := range r.Message.EnvironmentVariables {
		vars, err := r.evaluateStrings(t)
		if err != nil {
			return err
		}
		for _, v := range vars {
			r.state.env.Set(v.name, v.value)
		}
	}
	if err := r.readContainers(rec); err != nil {
		return err
	}
	for _, t := range r.Message.Defaults {
		if err := r.evaluateDefaults(t); err != nil {
			return err
		}
	}
	return nil
}

// evaluateDefaults evaluates defaults.run. That of the job replaces that of the
// workflow as a whole (RUN-2).
func (r *running) evaluateDefaults(t *wire.Token) error {
	token, err := convert.TokenFromWire(t)
	if err != nil {
		return err
	}
	run := token.Get("run")
	if run == nil {
		return nil
	}
	values, err := evalStrings(run, r.expressions())
	if err != nil {
		return err
	}
	r.defaults = defaults{}
	for _, v := range values {
		switch {
		case strings.EqualFold(v.name, "shell"):
			r.defaults.shell = v.value
		case strings.EqualFold(v.name, "working-directory"):
			r.defaults.directory = v.value
		}
	}
	return nil
}

// expressions is what an expression of the job itself sees.
func (r *running) expressions() *expr.Env {
	return &expr.Env{Contexts: r.contexts.in(r.steps.scope, r.contexts.github, clone(r.state.env))}
}

// evaluate evaluates a token of the job message.
func (r *running) evaluate(t *wire.Token) (expr.Value, error) {
	token, err := convert.TokenFromWire(t)
	if err != nil {
		return nil, err
	}
	return token.Eval(r.expressions())
}

// evaluateStrings evaluates a token of the job message that is a mapping of
// strings.
func (r *running) evaluateStrings(t *wire.Token) ([]assignment, error) {
	token, err := convert.TokenFromWire(t)
	if err != nil {
		return nil, err
	}
	return evalStrings(token, r.expressions())
}
