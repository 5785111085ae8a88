package expr

import "strings"

// A builtin is a function of the language. It evaluates its arguments itself,
// so that it need not evaluate all of them.
type builtin func(*evaluation, *callNode) (Value, error)

// An arity is how many arguments a function takes.
type arity struct {
	min, max int
	odd      bool
}

// lookup finds a function by its name, without case. The builtin is nil for a
// function that Env.Functions supplies.
func lookup(name string, sc *Scope) (builtin, arity, bool) {
	switch strings.ToLower(name) {
	case "contains":
		return contains, arity{min: 2, max: 2}, true
	case "startswith":
		return startsWith, arity{min: 2, max: 2}, true
	case "endswith":
		return endsWith, arity{min: 2, max: 2}, true
	case "format":
		return format, arity{min: 1, max: maxArgs}, true
	case "join":
		return join, arity{min: 1, max: 2}, true
	case "tojson":
		return toJSON, arity{min: 1, max: 1}, true
	case "fromjson":
		return fromJSON, arity{min: 1, max: 1}, true
	case "case":
		return choose, arity{min: 3, max: maxArgs, odd: true}, true
	}
	count, ok := sc.function(name)
	return nil, count, ok
}

// pair evaluates the two arguments of a call.
func (n *callNode) pair(ev *evaluation) (a, b Value, err error) {
	if a, err = n.args[0].eval(ev); err != nil {
		return nil, nil, err
	}
	b, err = n.args[1].eval(ev)
	return a, b, err
}

// contains looks for a string in a string, or for an element of an array (EXP-11).
func contains(ev *evaluation, n *callNode) (Value, error) {
	where, what, err := n.pair(ev)
	if err != nil {
		return nil, err
	}
	if array, ok := plain(where).(*Array); ok {
		for _, item := range array.Items {
			if err := ev.compare(n.at, item, what); err != nil {
				return nil, err
			}
			if Equal(item, what) {
				return true, nil
			}
		}
		return false, nil
	}
	return ev.texts(n.at, where, what, strings.Contains)
}

func startsWith(ev *evaluation, n *callNode) (Value, error) {
	a, b, err := n.pair(ev)
	if err != nil {
		return nil, err
	}
	return ev.texts(n.at, a, b, strings.HasPrefix)
}

func endsWith(ev *evaluation, n *callNode) (Value, error) {
	a, b, err := n.pair(ev)
	if err != nil {
		return nil, err
	}
	return ev.texts(n.at, a, b, strings.HasSuffix)
}

// texts applies test to two scalars as strings without case. It is false when
// one of them is not a scalar.
func (ev *evaluation) texts(at int, a, b Value, test func(a, b string) bool) (Value, error) {
	if !isScalar(a) || !isScalar(b) {
		return false, nil
	}
	s, t := String(a), String(b)
	if err := ev.scan(at, s, t); err != nil {
		return nil, err
	}
	return test(foldCase(s), foldCase(t)), nil
}

// join puts the elements of an array into one string (EXP-11).
func join(ev *evaluation, n *callNode) (Value, error) {
	v, err := n.args[0].eval(ev)
	if err != nil {
		return nil, err
	}
	separator := ","
	if len(n.args) > 1 {
		s, err := n.args[1].eval(ev)
		if err != nil {
			return nil, err
		}
		if isScalar(s) {
			separator = String(s)
		}
	}
	array, ok := plain(v).(*Array)
	switch {
	case isScalar(v):
		return String(v), nil
	case !ok:
		return "", nil
	}
	var b strings.Builder
	for i, item := range array.Items {
		s := String(item)
		if i > 0 {
			s = separator + s
		}
		if err := ev.scan(n.at, s); err != nil {
			return nil, err
		}
		if err := ev.grow(n.at, len(s)); err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// toJSON writes a value as JSON (EXP-11).
func toJSON(ev *evaluation, n *callNode) (Value, error) {
	v, err := n.args[0].eval(ev)
	if err != nil {
		return nil, err
	}
	w := jsonWriter{spend: func(bytes int) error {
		if err := ev.spend(n.at, 1+bytes/64); err != nil {
			return err
		}
		return ev.grow(n.at, bytes)
	}}
	if err := w.value(plain(v), 0); err != nil {
		return nil, err
	}
	return string(w.out), nil
}

// fromJSON reads a value from JSON (EXP-11).
func fromJSON(ev *evaluation, n *callNode) (Value, error) {
	v, err := n.args[0].eval(ev)
	if err != nil {
		return nil, err
	}
	text := String(v)
	if err := ev.scan(n.at, text); err != nil {
		return nil, err
	}
	r := jsonReader{lax: true, src: text, grow: func(bytes int) error { return ev.grow(n.at, bytes) }}
	out, err := r.document()
	if err != nil {
		return nil, &Error{Msg: "Error parsing fromJson: " + err.Error(), Offset: n.at, Err: err}
	}
	return out, nil
}

// choose is the function case: the value after the first predicate that is
// true, or the last argument. Only what is needed is evaluated (EXP-11).
func choose(ev *evaluation, n *callNode) (Value, error) {
	last := len(n.args) - 1
	for i := 0; i < last; i += 2 {
		v, err := n.args[i].eval(ev)
		if err != nil {
			return nil, err
		}
		yes, ok := v.(bool)
		if !ok {
			return nil, fail(n.at, "The predicate of '%s' must be a boolean value, not %s", n.name, kindOf(v))
		}
		if yes {
			return n.args[i+1].eval(ev)
		}
	}
	return n.args[last].eval(ev)
}
