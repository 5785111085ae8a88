package workflow

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// An InputType is the type of a workflow's input.
type InputType string

// The types of input. Choice and Environment are for workflow_dispatch only.
const (
	StringInput      InputType = "string"
	BooleanInput     InputType = "boolean"
	NumberInput      InputType = "number"
	ChoiceInput      InputType = "choice"
	EnvironmentInput InputType = "environment"
)

// An Input is a value that a workflow takes when dispatched or called.
type Input struct {
	Name        string
	Pos         Pos
	Description string
	Type        InputType
	Required    bool
	Default     *Token   // nil if the file has none; of workflow_call it may be an expression
	Options     []string // of a choice
}

// Limits of workflow_dispatch (TRG-12).
const (
	maxDispatchInputs = 25
	maxDispatchText   = 65_535 // characters of all values
)

// callInputs reads the inputs of workflow_call. Each has a type.
func (r *reader) callInputs(t *Token) []*Input {
	var list []*Input
	for key, value := range r.pairs(t) {
		in := &Input{Name: r.name(key), Pos: key.Pos}
		r.object(value,
			optional("description", func(v *Token) { in.Description = r.literal(v) }),
			optional("required", func(v *Token) { in.Required = r.flag(v) }),
			required("type", func(v *Token) {
				in.Type = InputType(r.constant(v, string(StringInput), string(BooleanInput), string(NumberInput)))
			}),
			optional("default", func(v *Token) { in.Default = scalar(r, v, scope(runContexts, "")) }),
		)
		list = append(list, in)
	}
	return list
}

// dispatchInputs reads the inputs of workflow_dispatch. What is wrong with one is a
// warning (TRG-13).
func (r *reader) dispatchInputs(t *Token) []*Input {
	if t.Kind == Null {
		return nil
	}
	if t.Kind != Mapping {
		r.ignore(t, "'inputs' is ignored: a mapping was expected")
		return nil
	}
	var list []*Input
	for key, value := range r.pairs(t) {
		if !r.noExpression(key) {
			continue
		}
		if key.Str == "" {
			r.ignore(value, "An input without a name is ignored")
			continue
		}
		list = append(list, r.dispatchInput(key, value))
	}
	if len(list) > maxDispatchInputs {
		r.errorf(t.Pos, "you may only define up to %d `inputs` for a `workflow_dispatch` event", maxDispatchInputs)
	}
	return list
}

func (r *reader) dispatchInput(key, t *Token) *Input {
	in := &Input{Name: key.Str, Pos: key.Pos, Type: StringInput}
	r.lenient(t, "the input '"+in.Name+"'",
		optional("description", func(v *Token) { in.Description, _ = r.text(v) }),
		optional("required", func(v *Token) { in.Required = r.lenientFlag(v) }),
		optional("type", func(v *Token) { in.Type = r.dispatchType(v) }),
		optional("default", func(v *Token) {
			if v.Kind == Sequence || v.Kind == Mapping {
				r.ignore(v, "The default is ignored: a string, boolean or number was expected")
				return
			}
			in.Default = scalar(r, v, nil)
		}),
		optional("options", func(v *Token) { in.Options = r.options(v) }),
	)
	if in.Type == ChoiceInput && len(in.Options) == 0 {
		r.warnf(in.Pos, "The input '%s' is read as a string: it has no options to choose from", in.Name)
		in.Type = StringInput
	}
	return in
}

// options reads the options of a choice. One may be empty.
func (r *reader) options(t *Token) []string {
	if t.Kind != Sequence {
		r.ignore(t, "The options are ignored: a sequence was expected")
		return nil
	}
	list := make([]string, 0, len(t.Items))
	for _, item := range t.Items {
		if s, ok := r.text(item); ok {
			list = append(list, s)
		}
	}
	return list
}

// lenientFlag reads a boolean, which may be written as text.
func (r *reader) lenientFlag(t *Token) bool {
	if t.Kind == Boolean {
		return t.Bool
	}
	s, _ := r.text(t)
	if s != "" && s != "true" && s != "false" {
		r.warnf(t.Pos, "'%s' is ignored: a boolean was expected", s)
	}
	return s == "true"
}

func (r *reader) dispatchType(t *Token) InputType {
	text, _ := r.text(t)
	switch typ := InputType(text); typ {
	case StringInput, BooleanInput, NumberInput, ChoiceInput, EnvironmentInput:
		return typ
	case "":
	default:
		r.warnf(t.Pos, "'%s' is no type of an input: it is read as a string", typ)
	}
	return StringInput
}

// DispatchInputs resolves what a caller gave to a workflow_dispatch event
// (TRG-12): typed values for the `inputs` context, and the same as strings for
// `github.event.inputs`. The error text is for the caller.
func (e *Event) DispatchInputs(given map[string]string) (inputs, event *expr.Object, err error) {
	left := make(map[string]string, len(given))
	size := 0
	for k, v := range given {
		left[strings.ToLower(k)] = k
		size += len(v)
	}
	if size > maxDispatchText {
		return nil, nil, fmt.Errorf("inputs are too large: at most %d characters are allowed", maxDispatchText)
	}
	inputs, event = expr.NewObject(), expr.NewObject()
	for _, in := range e.Inputs {
		key := strings.ToLower(in.Name)
		name, ok := left[key]
		delete(left, key)
		text, err := in.resolve(given[name], ok)
		if err != nil {
			return nil, nil, err
		}
		event.Set(in.Name, text)
		inputs.Set(in.Name, in.typed(text))
	}
	if len(left) > 0 {
		names := make([]string, 0, len(left))
		for _, name := range left {
			names = append(names, strconv.Quote(name))
		}
		slices.Sort(names)
		return nil, nil, fmt.Errorf("Unexpected inputs provided: [%s]", strings.Join(names, ", ")) //nolint:staticcheck // GitHub's text
	}
	return inputs, event, nil
}

// resolve gives the text of the input: the given one, the default, or the
// empty value of its type.
func (in *Input) resolve(given string, ok bool) (string, error) {
	if !ok || given == "" && in.Type != StringInput {
		if in.Default != nil && in.Default.Text() != "" {
			return in.Default.Text(), nil
		}
		if in.Required {
			return "", fmt.Errorf("Required input '%s' not provided", in.Name) //nolint:staticcheck // GitHub's text
		}
		if in.Type == BooleanInput {
			return "false", nil
		}
		return "", nil
	}
	wrong := false
	switch in.Type {
	case BooleanInput:
		wrong = given != "true" && given != "false"
	case NumberInput:
		wrong = math.IsNaN(expr.Number(given))
	case ChoiceInput:
		wrong = !slices.Contains(in.Options, given)
	case StringInput, EnvironmentInput:
		if given == "" && in.Required {
			return "", fmt.Errorf("Required input '%s' not provided", in.Name) //nolint:staticcheck // GitHub's text
		}
	}
	if wrong {
		//nolint:staticcheck // GitHub's text
		return "", fmt.Errorf("Provided value '%s' for input '%s' not in the list of allowed values", cut(given, 100), in.Name)
	}
	return given, nil
}

// typed is the value in the `inputs` context: only booleans are not strings.
func (in *Input) typed(text string) expr.Value {
	if in.Type == BooleanInput {
		return text == "true"
	}
	return text
}
