package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// title is what the step is called. It is complete when all expressions in it
// could be evaluated; otherwise they are shown as they are in the workflow.
func (s *step) title(env *expr.Env) (name string, complete bool) {
	if s.display != "" {
		return s.display, true
	}
	token, prefix := s.name, ""
	if token == nil {
		prefix = "Run "
		switch s.ref.Type {
		case wire.RefScript:
			token = s.inputs.Get(wire.InputScript)
		case wire.RefContainer:
			return prefix + s.ref.Image, true
		default:
			return prefix + refName(s.ref), true
		}
	}
	if token == nil {
		return "run", true
	}
	complete = evaluable(token, env)
	name = token.Text()
	if complete {
		v, err := token.EvalString(env)
		if err != nil {
			complete = false
		} else {
			name = v
		}
	}
	if name = firstLine(name); name == "" {
		return "run", complete
	}
	return prefix + name, complete
}

// firstLine is the first line of a text that is not blank, without the blanks
// before it.
func firstLine(text string) string {
	text = strings.TrimLeft(text, " \t\r\n")
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	return text
}

// evaluable says whether everything that a token names is known yet.
func evaluable(token *workflow.Token, env *expr.Env) bool {
	if token.Kind != workflow.Expression {
		return true
	}
	if env.Functions == nil && token.Expr.Calls("hashFiles") {
		return false
	}
	for _, name := range []string{"env", "job", "runner", "steps", "secrets"} {
		if _, ok := env.Contexts.Get(name); !ok && token.Expr.Uses(name) {
			return false
		}
	}
	return true
}

// refName is a repository action as `uses` names it.
func refName(ref wire.Reference) string {
	if ref.RepositoryType == wire.RepoSelf {
		return ref.Path
	}
	name := ref.Name
	if ref.Path != "" {
		name += "/" + ref.Path
	}
	if ref.Ref != "" {
		name += "@" + ref.Ref
	}
	return name
}
