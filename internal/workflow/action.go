package workflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// An Action is an action.yml file: what a step's `uses` runs.
type Action struct {
	Path        string // as given to ParseAction, for messages
	Name        string
	Description string
	Inputs      []*ActionInput  // in the order of the file
	Outputs     []*ActionOutput // in the order of the file
	Runs        ActionRuns
}

// An ActionInput is a declared input of an action.
type ActionInput struct {
	Name               string
	Description        string
	Required           bool
	Default            *Token // string or expression; nil if there is none
	DeprecationMessage string
}

// An ActionOutput is a declared output. Only composite actions have a value.
type ActionOutput struct {
	Name        string
	Description string
	Value       *Token
}

// ActionRuns says how an action runs. Using is "composite", "docker" or
// "node" with a version; the other fields belong to one of these. It is empty where
// there is a Plugin.
type ActionRuns struct {
	Using  string
	Plugin string // of GitHub's runner itself
	Pos    Pos

	Steps []*Step // of composite

	Main, Pre, Post string     // scripts of node
	PreIf, PostIf   *expr.Expr // of node and docker; nil: always()

	Image                         string // of docker: Dockerfile, path or docker://image
	Entrypoint                    string
	PreEntrypoint, PostEntrypoint string
	Args                          *Token // sequence, or nil
	Env                           *Token // mapping, or nil
}

// ParseAction reads an action.yml file. The path is used in messages only. A
// non-nil error is always an [*ActionError].
func ParseAction(path string, src []byte) (*Action, error) {
	r := newReader(path)
	r.action = true
	a := &Action{Path: path}
	var runs runsForm
	root := r.load(src)
	if root != nil {
		runs = r.manifest(root, a)
	}
	if err := r.actionErr(root, runs); err != nil {
		return nil, err
	}
	return a, nil
}

// manifest reads the root. Unlike a workflow an action may have unknown keys
// outside of runs: there are many, and the marketplace reads some.
func (r *reader) manifest(t *Token, a *Action) (runs runsForm) {
	for key, v := range r.pairs(t) {
		switch key.Str {
		case "name":
			a.Name = r.literal(v)
		case "description":
			a.Description = r.literal(v)
		case "inputs":
			a.Inputs = r.actionInputs(v)
		case "outputs":
			a.Outputs = r.actionOutputs(v)
		case "runs":
			runs = r.runs(v, &a.Runs)
		}
	}
	return runs
}

// Scopes of action metadata (CMP-1).
func inputDefaultScope() *expr.Scope {
	return scope("github strategy matrix job runner", "hashFiles")
}

const compositeContexts = "github inputs steps job runner strategy matrix env"

func compositeSteps() stepRules {
	return stepRules{
		value:     scope(compositeContexts, "hashFiles"),
		cond:      scope(compositeContexts+" needs vars", statusFunctions+" hashFiles"),
		composite: true,
	}
}

func (r *reader) actionInputs(t *Token) []*ActionInput {
	var list []*ActionInput
	if t.Kind == Null {
		return nil
	}
	for key, value := range r.pairs(t) {
		in := &ActionInput{Name: r.name(key)}
		list = append(list, in)
		if value.Kind == Null {
			r.unexpected(value)
			continue
		}
		for k, v := range r.pairs(value) {
			switch k.Str {
			case "description":
				in.Description = r.literal(v)
			case "required":
				in.Required = strings.EqualFold(r.literal(v), "true")
			case "default":
				in.Default = text(r, v, inputDefaultScope())
			case "deprecationMessage":
				in.DeprecationMessage = r.literal(v)
			}
		}
	}
	return list
}

func (r *reader) actionOutputs(t *Token) []*ActionOutput {
	var list []*ActionOutput
	if t.Kind == Null {
		return nil
	}
	for key, value := range r.pairs(t) {
		out := &ActionOutput{Name: r.name(key)}
		list = append(list, out)
		if value.Kind == Null {
			continue
		}
		for k, v := range r.pairs(value) {
			switch k.Str {
			case "description":
				out.Description = r.literal(v)
			case "value":
				out.Value = text(r, v, scope(compositeContexts, ""))
			}
		}
	}
	return list
}

// A runsForm is what GitHub's runner makes of the key runs.
type runsForm struct {
	keys []string // that it may have
	stop string   // why it is of no use
}

// runs reads how the action runs. The keys say which form it has; only then does the
// value of using count.
func (r *reader) runs(t *Token, a *ActionRuns) (form runsForm) {
	a.Pos = t.Pos
	using := false
	common := optional("using", func(v *Token) { a.Using, using = r.name(v), true })
	fields := r.variant(t, nil,
		append(r.dockerFields(a), common), append(r.nodeFields(a), common),
		[]field{optional("plugin", func(v *Token) { a.Plugin = r.name(v) })},
		[]field{common, optional("steps", func(v *Token) { a.Steps = r.steps(v, compositeSteps()) })},
	)
	for _, f := range fields {
		form.keys = append(form.keys, f.name)
	}
	steps := t.Get("steps") != nil && slices.Contains(form.keys, "steps")
	a.Using = strings.ToLower(a.Using)
	switch {
	case !using && a.Plugin == "":
		form.stop = "System.NotSupportedException: Missing 'using' value. 'using' requires 'composite', 'docker', 'node12', 'node16', 'node20' or 'node24'."
	case !using, a.Using == "composite" && steps, a.Using == "docker" && a.Image != "", nodeVersion(a.Using) && a.Main != "":
	case a.Using == "composite":
		form.stop = missing("You are using a composite action but there are no steps provided in " + r.path + ".")
	case a.Using == "docker":
		form.stop = missing("You are using a Container Action but an image is not provided in " + r.path + ".")
	case nodeVersion(a.Using):
		form.stop = missing("You are using a JavaScript Action but there is not an entry JavaScript file provided in " + r.path + ".")
	default:
		form.stop = fmt.Sprintf("System.ArgumentOutOfRangeException: Specified argument was out of the range of valid values. "+
			"(Parameter ''using: %s' is not supported, use 'docker', 'node12', 'node16', 'node20' or 'node24' instead.')", t.Get("using").Text())
	}
	return form
}

// missing is how GitHub's runner says that something is not there.
func missing(text string) string {
	return "System.ArgumentNullException: Value cannot be null. (Parameter '" + text + "')"
}

// nodeVersion says whether s is a version of Node.js that GitHub's runner takes. It
// runs the old ones by the oldest that it has.
func nodeVersion(s string) bool {
	return slices.Contains([]string{"node12", "node16", "node20", "node24"}, s)
}

func (r *reader) nodeFields(a *ActionRuns) []field {
	return []field{
		optional("main", func(v *Token) { a.Main = r.name(v) }),
		optional("pre", func(v *Token) { a.Pre = r.name(v) }),
		optional("pre-if", func(v *Token) { a.PreIf = r.stageIf(v) }),
		optional("post", func(v *Token) { a.Post = r.name(v) }),
		optional("post-if", func(v *Token) { a.PostIf = r.stageIf(v) }),
	}
}

func (r *reader) dockerFields(a *ActionRuns) []field {
	inputs := scope("inputs", "")
	return []field{
		optional("image", func(v *Token) { a.Image = r.name(v) }),
		optional("entrypoint", func(v *Token) { a.Entrypoint = r.name(v) }),
		optional("pre-entrypoint", func(v *Token) { a.PreEntrypoint = r.name(v) }),
		optional("pre-if", func(v *Token) { a.PreIf = r.stageIf(v) }),
		optional("post-entrypoint", func(v *Token) { a.PostEntrypoint = r.name(v) }),
		optional("post-if", func(v *Token) { a.PostIf = r.stageIf(v) }),
		optional("args", func(v *Token) { a.Args = list(text)(r, v, inputs) }),
		optional("env", func(v *Token) { a.Env = mapOf(text)(r, v, inputs) }),
	}
}

// stageIf reads pre-if or post-if, a condition without an implicit success()
// (RUN-7) and without ${{ }}.
func (r *reader) stageIf(t *Token) *expr.Expr {
	text := r.literal(t)
	if text == "" {
		return nil
	}
	e, err := expr.Parse(text, compositeSteps().cond)
	if err != nil { // GitHub's runner parses it when the stage comes
		return expr.Broken(text, err)
	}
	return e
}
