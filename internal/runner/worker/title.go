package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// title is what the step is called. It is complete when all expressions in it
// could be evaluated; otherwise they are shown as they are in the workflow. The
// name of a step whose name is wrong is "run".
func (s *step) title(env *expr.Env) (name string, complete bool, err error) {
	if s.display != "" {
		return s.display, true, nil
	}
	prefix := ""
	if s.name == nil {
		prefix = "Run "
		switch s.ref.Type {
		case wire.RefScript:
		case wire.RefContainer:
			return prefix + s.ref.Image, true, nil
		default:
			return prefix + refName(s.ref), true, nil
		}
	}
	token := s.titleToken()
	if token == nil {
		return "run", true, nil
	}
	name = token.Text()
	if complete = evaluable(token, env); complete {
		if name, err = token.EvalString(env); err != nil {
			return "run", false, err
		}
	}
	if name = firstLine(name); name == "" {
		return "run", complete, nil
	}
	return prefix + name, complete, nil
}

// titleToken is what the step is called after: its name or its script.
func (s *step) titleToken() *workflow.Token {
	if s.name == nil {
		return s.inputs.Get(wire.InputScript)
	}
	return s.name
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
