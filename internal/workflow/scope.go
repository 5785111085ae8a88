package workflow

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// Names of contexts and of special functions, by where in a file they may be used
// (CTX-1). Each list is built on the one before.
const (
	runContexts      = "github inputs vars"
	needsContexts    = runContexts + " needs"
	strategyContexts = needsContexts + " strategy matrix"
	runnerContexts   = strategyContexts + " job runner env"
	stepContexts     = runnerContexts + " steps"

	statusFunctions = "always cancelled success failure"
)

// scope makes a scope of names that are separated by blanks.
func scope(contexts, functions string) *expr.Scope {
	return &expr.Scope{Contexts: strings.Fields(contexts), Functions: strings.Fields(functions)}
}

func strategyScope() *expr.Scope { return scope(strategyContexts, "") }

// jobScope is for values that the runner evaluates before or after the steps.
func jobScope() *expr.Scope { return scope(stepContexts+" secrets", "") }

// stepScope is for values that the runner evaluates for one step.
func stepScope() *expr.Scope { return scope(stepContexts+" secrets", "hashFiles") }

func stepIfScope() *expr.Scope { return scope(stepContexts, statusFunctions+" hashFiles") }
