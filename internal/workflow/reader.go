package workflow

import (
	"iter"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// A reader walks the tree of one file and collects what is wrong with it.
type reader struct {
	path   string
	errs   Errors
	banned map[Pos]bool // expressions that may not stand where they do: reported once
}

func newReader(path string) *reader { return &reader{path: path, banned: make(map[Pos]bool)} }

// pairs yields the entries of mapping t. What is not a mapping, and keys that
// are defined twice (YAML-6: compared without case), are errors.
func (r *reader) pairs(t *Token) iter.Seq2[*Token, *Token] {
	return func(yield func(key, value *Token) bool) {
		if t.Kind != Mapping {
			r.unexpected(t)
			return
		}
		seen := make(map[string]bool, len(t.Pairs))
		for _, p := range t.Pairs {
			key := strings.ToLower(p.Key.Str)
			if seen[key] && !strings.Contains(key, "${{") {
				r.errorf(p.Key.Pos, "'%s' is already defined", p.Key.Str)
				continue
			}
			seen[key] = true
			if !yield(p.Key, p.Value) {
				return
			}
		}
	}
}

// A field is a key of a closed mapping and what to do with its value.
type field struct {
	name string
	must bool
	read func(value *Token)
}

func optional(name string, read func(value *Token)) field { return field{name, false, read} }
func required(name string, read func(value *Token)) field { return field{name, true, read} }

// object reads a mapping that has the given keys only, none of them computed.
func (r *reader) object(t *Token, fields ...field) {
	found := make(map[string]bool, len(fields))
	for key, value := range r.pairs(t) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Str })
		if i < 0 {
			r.unexpected(key)
			continue
		}
		found[key.Str] = true
		fields[i].read(value)
	}
	for _, f := range fields {
		if f.must && !found[f.name] && t.Kind == Mapping {
			r.errorf(t.Pos, "Required property is missing: %s", f.name)
		}
	}
}

// literal returns a scalar as a string; expressions are not allowed.
func (r *reader) literal(t *Token) string {
	if t.Kind == Sequence || t.Kind == Mapping {
		r.unexpected(t)
		return ""
	}
	r.noExpression(t)
	return t.Text()
}

// name is a literal that is not empty.
func (r *reader) name(t *Token) string {
	s := r.literal(t)
	if s == "" && t.Kind != Sequence && t.Kind != Mapping {
		r.unexpected(t)
	}
	return s
}

// names is a literal or a sequence of literals, none of them empty. The
// result is not nil.
func (r *reader) names(t *Token) []string {
	if t.Kind != Sequence {
		return []string{r.name(t)}
	}
	list := make([]string, 0, len(t.Items))
	for _, item := range t.Items {
		list = append(list, r.name(item))
	}
	return list
}

// flag is a literal boolean.
func (r *reader) flag(t *Token) bool {
	if t.Kind != Boolean {
		r.unexpected(t)
	}
	return t.Bool
}

// noExpression records an error if t is a string with ${{ }}.
func (r *reader) noExpression(t *Token) {
	if t.Kind == String && strings.Contains(t.Str, "${{") {
		r.errorf(t.Pos, "A template expression is not allowed in this context")
		r.banned[t.Pos] = true
	}
}

// template parses the expressions in a string. A nil scope allows none.
func (r *reader) template(t *Token, sc *expr.Scope) *Token {
	if t.Kind != String {
		return t
	}
	if sc == nil {
		r.noExpression(t)
		return t
	}
	e, isExpr, err := expr.Template(t.Str, sc)
	switch {
	case err != nil:
		r.exprError(t, err)
		return t
	case !isExpr:
		return t
	}
	return &Token{Kind: Expression, Pos: t.Pos, Str: t.Str, Expr: e}
}

// condition reads the value of an `if` (EXP-2, IF-1). A nil token is an
// absent one. The text is as it stands in the file.
func (r *reader) condition(t *Token, sc *expr.Scope) (cond *expr.Expr, source string) {
	if t == nil {
		t = &Token{Kind: Null}
	}
	if t.Kind == Sequence || t.Kind == Mapping {
		r.unexpected(t)
		return nil, ""
	}
	source = t.Text()
	cond, err := expr.Condition(source, sc)
	if err != nil {
		r.exprError(t, err)
	}
	return cond, source
}

func (r *reader) exprError(t *Token, err error) {
	r.errorf(t.Pos, "%v", err)
}
