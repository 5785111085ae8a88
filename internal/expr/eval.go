package expr

import (
	"fmt"
	"math"
	"strings"
)

// Limits of an evaluation whose Env sets none.
const (
	DefaultMaxMemory = 10 << 20
	DefaultMaxSteps  = 1_000_000
)

// An Env is what an evaluation sees. Evaluations only read it, so goroutines
// may share one without a Budget.
type Env struct {
	Contexts  *Object         // values by name: github, env, …; a missing one is null
	Functions map[string]Func // by lower-case name: success, failure, cancelled, always, hashfiles
	MaxMemory int             // bytes of all values that are made; 0 means DefaultMaxMemory
	MaxSteps  int             // nodes, elements and 64-byte pieces of text visited; 0 means DefaultMaxSteps
	Budget    *Budget         // what this evaluation shares with others; nil if nothing
}

// A Budget is what evaluations may use together, one after the other. Each takes
// what it uses.
type Budget struct {
	Memory int // bytes that are left
	Steps  int
}

// Exhausted says whether an evaluation failed, or will, because nothing is left.
func (b *Budget) Exhausted() bool { return b.Memory < 0 || b.Steps < 0 }

// A Func is a function that is not part of the language. Its arguments are
// evaluated already; it may return any Go value that [Of] takes.
type Func func(args []Value) (Value, error)

// Eval evaluates the expression; a nil env has nothing in it. The error is
// always an [*Error].
func (e *Expr) Eval(env *Env) (Value, error) {
	if env == nil {
		env = &Env{}
	}
	ev := &evaluation{env: env, memory: env.MaxMemory, steps: env.MaxSteps}
	if ev.memory <= 0 {
		ev.memory = DefaultMaxMemory
	}
	if ev.steps <= 0 {
		ev.steps = DefaultMaxSteps
	}
	if b := env.Budget; b != nil {
		memory, steps := min(ev.memory, max(b.Memory, 0)), min(ev.steps, max(b.Steps, 0))
		ownMemory, ownSteps := ev.memory, ev.steps
		ev.memory, ev.steps = memory, steps
		defer func() { // an evaluation that was cut short leaves less than nothing
			b.Memory -= spent(memory, ev.memory, ownMemory)
			b.Steps -= spent(steps, ev.steps, ownSteps)
		}()
	}
	v, err := e.root.eval(ev)
	if err != nil {
		return nil, err
	}
	return plain(v), nil
}

// spent is what an evaluation has used of what it had: of no more than that, unless
// it would have had more of its own.
func spent(had, left, own int) int {
	if left < 0 && had == own {
		return had
	}
	return had - left
}

// An evaluation counts down what is left of its budget.
type evaluation struct {
	env    *Env
	memory int
	steps  int
}

// spend takes steps from the budget, for the work at a node.
func (ev *evaluation) spend(at, steps int) error {
	if ev.steps -= steps; ev.steps < 0 {
		return fail(at, "The maximum number of evaluation steps was exceeded")
	}
	return nil
}

// scan takes the steps for reading strings at a node.
func (ev *evaluation) scan(at int, texts ...string) error {
	steps := 1
	for _, s := range texts {
		steps += len(s) / 64
	}
	return ev.spend(at, steps)
}

// grow takes memory from the budget, before a value is made at a node.
func (ev *evaluation) grow(at, bytes int) error {
	if ev.memory -= bytes; ev.memory < 0 {
		return fail(at, "The maximum allowed memory size was exceeded")
	}
	return nil
}

// fail makes an evaluation error.
func fail(at int, format string, args ...any) *Error {
	return &Error{Msg: fmt.Sprintf(format, args...), Offset: at}
}

func (n *literalNode) eval(ev *evaluation) (Value, error) {
	return n.value, ev.spend(n.at, 1)
}

func (n *contextNode) eval(ev *evaluation) (Value, error) {
	v, _ := ev.env.Contexts.Get(n.name)
	return v, ev.spend(n.at, 1)
}

func (n *notNode) eval(ev *evaluation) (Value, error) {
	v, err := n.operand.eval(ev)
	if err != nil {
		return nil, err
	}
	return !Truthy(v), ev.spend(n.at, 1)
}

// eval returns the operand that decides, not a boolean (EXP-4). Operands after
// it are not evaluated.
func (n *logicalNode) eval(ev *evaluation) (v Value, err error) {
	for _, operand := range n.operands {
		if v, err = operand.eval(ev); err != nil {
			return nil, err
		}
		if Truthy(v) != n.and {
			break
		}
	}
	return v, ev.spend(n.at, 1)
}

func (n *compareNode) eval(ev *evaluation) (Value, error) {
	left, err := n.left.eval(ev)
	if err != nil {
		return nil, err
	}
	right, err := n.right.eval(ev)
	if err != nil {
		return nil, err
	}
	if err := ev.compare(n.at, left, right); err != nil {
		return nil, err
	}
	return related(left, n.op, right), nil
}

// related says whether a comparison holds. Values without an order can still
// be equal, and so satisfy <= and >= (EXP-6).
func related(left Value, op string, right Value) bool {
	switch op {
	case "==":
		return Equal(left, right)
	case "!=":
		return !Equal(left, right)
	}
	order, ok := compare(left, right)
	switch op {
	case "<":
		return ok && order < 0
	case ">":
		return ok && order > 0
	case "<=":
		return ok && order < 0 || Equal(left, right)
	}
	return ok && order > 0 || Equal(left, right)
}

// compare takes the steps for comparing two values.
func (ev *evaluation) compare(at int, left, right Value) error {
	l, _ := left.(string)
	r, _ := right.(string)
	return ev.scan(at, l, r)
}

func (n *callNode) eval(ev *evaluation) (Value, error) {
	if err := ev.spend(n.at, 1); err != nil {
		return nil, err
	}
	if n.builtin != nil {
		return n.builtin(ev, n)
	}
	fn := ev.env.Functions[strings.ToLower(n.name)]
	if fn == nil {
		return nil, fail(n.at, "Function '%s' is not available here", n.name)
	}
	args := make([]Value, len(n.args))
	for i, arg := range n.args {
		v, err := arg.eval(ev)
		if err != nil {
			return nil, err
		}
		args[i] = plain(v)
	}
	v, err := fn(args)
	if err != nil {
		return nil, &Error{Msg: fmt.Sprintf("%s: %v", n.name, err), Offset: n.at, Err: err}
	}
	return Of(v), nil
}

// A filtered array is what .* gives. Unlike an array it passes an index on to
// its elements. It never leaves an evaluation.
type filtered struct {
	Array
}

// plain makes an array of a filtered array, and returns other values as they are.
func plain(v Value) Value {
	if f, ok := v.(*filtered); ok {
		return &f.Array
	}
	return v
}

// eval dereferences (EXP-9) or filters (EXP-10).
func (n *indexNode) eval(ev *evaluation) (Value, error) {
	left, err := n.left.eval(ev)
	if err != nil {
		return nil, err
	}
	var key Value
	if n.key != nil {
		if key, err = n.key.eval(ev); err != nil {
			return nil, err
		}
	}
	if err := ev.compare(n.at, nil, key); err != nil {
		return nil, err
	}
	if f, ok := left.(*filtered); ok {
		return n.each(ev, f, key)
	}
	if n.key == nil {
		out := &filtered{}
		return out, n.spread(ev, out, left)
	}
	v, _ := at(left, key)
	return v, nil
}

// each indexes every collection in f, and leaves out those without the key.
func (n *indexNode) each(ev *evaluation, f *filtered, key Value) (Value, error) {
	out := &filtered{}
	for _, item := range f.Items {
		if err := ev.compare(n.at, nil, key); err != nil {
			return nil, err
		}
		if n.key == nil {
			if err := n.spread(ev, out, item); err != nil {
				return nil, err
			}
			continue
		}
		if v, ok := at(item, key); ok {
			if err := ev.grow(n.at, valueSize); err != nil {
				return nil, err
			}
			out.Items = append(out.Items, v)
		}
	}
	return out, nil
}

// spread appends the values of a collection to out.
func (n *indexNode) spread(ev *evaluation, out *filtered, v Value) error {
	size := 0
	switch v := v.(type) {
	case *Array:
		size = len(v.Items)
	case *Object:
		size = v.Len()
	}
	if err := ev.spend(n.at, size); err != nil {
		return err
	}
	if err := ev.grow(n.at, size*valueSize); err != nil {
		return err
	}
	switch v := v.(type) {
	case *Array:
		out.Items = append(out.Items, v.Items...)
	case *Object:
		for _, item := range v.All() {
			out.Items = append(out.Items, item)
		}
	}
	return nil
}

// at returns the element of a collection with the given key. ok is false when
// there is none, and for a scalar.
func at(v, key Value) (Value, bool) {
	switch v := v.(type) {
	case *Object:
		if isScalar(key) {
			return v.Get(String(key))
		}
	case *Array:
		if i := math.Floor(Number(key)); i >= 0 && i < float64(len(v.Items)) {
			return v.Items[int(i)], true
		}
	}
	return nil, false
}
