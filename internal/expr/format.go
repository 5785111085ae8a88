package expr

import (
	"strconv"
	"strings"
)

// format replaces {n} in its first argument by the other arguments (EXP-11).
// An argument that the format does not mention is not evaluated.
func format(ev *evaluation, n *callNode) (Value, error) {
	v, err := n.args[0].eval(ev)
	if err != nil {
		return nil, err
	}
	f := formatter{ev: ev, call: n, text: String(v), args: make([]argument, len(n.args)-1)}
	if err := ev.scan(n.at, f.text); err != nil {
		return nil, err
	}
	if err := f.run(); err != nil {
		return nil, err
	}
	return f.out.String(), nil
}

// A formatter is one call of format.
type formatter struct {
	ev   *evaluation
	call *callNode
	text string
	args []argument
	out  strings.Builder
}

// An argument of format is evaluated when the format first mentions it.
type argument struct {
	ready bool
	kind  kind
	text  string
}

func (f *formatter) run() error {
	rest := f.text
	for {
		brace := strings.IndexAny(rest, "{}")
		if brace < 0 {
			return f.write(rest)
		}
		if err := f.write(rest[:brace]); err != nil {
			return err
		}
		char, after := rest[brace:brace+1], rest[brace+1:]
		if strings.HasPrefix(after, char) { // {{ or }}
			if err := f.write(char); err != nil {
				return err
			}
			rest = after[1:]
			continue
		}
		if char == "}" {
			return f.invalid()
		}
		size, err := f.placeholder(after)
		if err != nil {
			return err
		}
		rest = after[size:]
	}
}

func (f *formatter) invalid() error {
	return fail(f.call.at, "The following format string is invalid: %s", clip(f.text))
}

// placeholder replaces the one that s starts with, after its opening brace,
// and returns its length.
func (f *formatter) placeholder(s string) (size int, err error) {
	rest := trimDigits(s)
	n, err := strconv.ParseUint(s[:len(s)-len(rest)], 10, 8)
	if err != nil {
		return 0, f.invalid()
	}
	spec, rest, ok := cutSpecifier(rest)
	switch {
	case !ok:
		return 0, f.invalid()
	case n >= uint64(len(f.args)):
		return 0, fail(f.call.at, "The following format string references more arguments than were supplied: %s", clip(f.text))
	}
	arg := &f.args[n]
	if !arg.ready {
		v, err := f.call.args[n+1].eval(f.ev)
		if err != nil {
			return 0, err
		}
		*arg = argument{true, kindOf(v), String(v)}
	}
	if spec != "" { // no kind of value has any
		return 0, fail(f.call.at, "The format specifiers '%s' are not valid for objects of type '%s'", clip(spec), arg.kind)
	}
	return len(s) - len(rest), f.write(arg.text)
}

// cutSpecifier reads "}" or ":spec}" where "}}" in spec stands for a brace.
func cutSpecifier(s string) (spec, rest string, ok bool) {
	if rest, ok := strings.CutPrefix(s, "}"); ok {
		return "", rest, true
	}
	s, ok = strings.CutPrefix(s, ":")
	var b strings.Builder
	for ok {
		var part string
		if part, s, ok = strings.Cut(s, "}"); !ok {
			break
		}
		b.WriteString(part)
		if !strings.HasPrefix(s, "}") {
			return b.String(), s, true
		}
		b.WriteByte('}')
		s = s[1:]
	}
	return "", "", false
}

func (f *formatter) write(s string) error {
	if err := f.ev.scan(f.call.at, s); err != nil {
		return err
	}
	if err := f.ev.grow(f.call.at, len(s)); err != nil {
		return err
	}
	f.out.WriteString(s)
	return nil
}
