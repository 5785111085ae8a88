package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// githubVariables are the keys of the context "github" that become GITHUB_…
// variables (CTX-7).
func githubVariables() []string {
	return strings.Fields("action action_path action_ref action_repository actor actor_id api_url artifacts artifacts_list base_ref env event_name " +
		"event_path graphql_url head_ref job output path ref ref_name ref_protected ref_type repository repository_id " +
		"repository_owner repository_owner_id retention_days run_attempt run_id run_number server_url sha state " +
		"step_summary triggering_actor workflow workflow_ref workflow_sha workspace")
}

// An environment is the environment of a process; later settings win. A value
// ends at its first NUL, as it does for every program. A name that has a = in it is one
// that ends there for programs.
type environment map[string]string

func (e environment) set(name, value string) {
	if name != "" && name[0] != '=' && !strings.ContainsRune(name, 0) {
		e[name], _, _ = strings.Cut(value, "\x00")
	}
}

// environment builds the environment of a process of the step (RUN-4): that of
// the runner, the workflow's variables, the extra ones of an action, then what
// nobody can change.
func (x *execution) environment(extra []assignment) environment {
	e := x.environmentFrom(x.job.Host.Env(), extra)
	if path := x.job.state.pathVariable(e["PATH"]); path != "" {
		e.set("PATH", path)
	}
	if x.job.Host == x.job.outside { // a container does not see the socket where it is
		x.job.gh.Add(e)
	}
	return e
}

// seen is where processes of the step see a file.
func (x *execution) seen(file string) string {
	if x.inside != nil {
		return x.inside(file)
	}
	return x.job.Host.Inside(file)
}

// environmentFrom is an environment without what belongs to a host.
func (x *execution) environmentFrom(start []string, extra []assignment) environment {
	e := make(environment, 128)
	for _, entry := range start {
		name, value, _ := strings.Cut(entry, "=")
		e.set(name, value)
	}
	for name, value := range x.env.All() {
		e.set(name, expr.String(value))
	}
	for name, value := range x.job.state.saved[x.step.key] {
		e.set("STATE_"+name, value)
	}
	for _, v := range extra {
		e.set(v.name, v.value)
	}
	for _, key := range githubVariables() {
		switch v, _ := x.github.Get(key); v.(type) {
		case string, bool:
			e.set("GITHUB_"+strings.ToUpper(key), x.seen(expr.String(v)))
		}
	}
	for key, v := range x.job.contexts.runner.All() {
		e.set("RUNNER_"+strings.ToUpper(key), x.seen(expr.String(v)))
	}
	e.set("GITHUB_ACTIONS", "true")
	if _, ok := e["CI"]; !ok {
		e.set("CI", "true")
	}
	return e
}
