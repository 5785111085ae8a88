package workflow

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// A reader walks the tree of one file and collects what is wrong with it.
type reader struct {
	path     string
	action   bool // the file is an action's, of which GitHub's runner takes less
	errs     Errors
	found    int    // errors, also those beyond the limit
	late     Errors // those of an action that come after all others
	warnings Errors

	twoDocuments bool // the file has a second document
}

func newReader(path string) *reader { return &reader{path: path} }

// pairs yields the entries of mapping t. What is not a mapping, and keys that
// are defined twice (YAML-6: compared without case), are errors.
func (r *reader) pairs(t *Token) iter.Seq2[*Token, *Token] {
	return func(yield func(key, value *Token) bool) {
		if t.Kind != Mapping {
			r.misplaced(t)
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

// object reads a mapping with the given fields only. No key is an expression.
func (r *reader) object(t *Token, fields ...field) {
	found := make(map[string]bool, len(fields))
	computed := false // a key is an expression, which might give any of the fields
	for key, value := range r.pairs(t) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Str })
		switch {
		case i >= 0:
			found[key.Str] = true
			fields[i].read(value)
		case r.noExpression(key):
			r.unexpected(key)
		default:
			computed = true
		}
	}
	for _, f := range fields {
		if f.must && !found[f.name] && !computed && t.Kind == Mapping {
			r.errorf(t.Pos, "Required property is missing: %s", f.name)
		}
	}
}

// variant reads a mapping that has one of several forms: each has keys of its own
// besides those in common. The first key that not all forms have decides which one it
// is, so a later key of another form is unexpected. It returns the fields that the
// mapping may have.
func (r *reader) variant(t *Token, common []field, forms ...[]field) []field {
	for _, p := range t.Pairs {
		having := slices.DeleteFunc(slices.Clone(forms), func(form []field) bool { return !has(form, p.Key.Str) })
		if len(having) > 0 {
			forms = having
		}
	}
	fields := slices.Concat(common, shared(forms))
	r.object(t, fields...)
	if len(forms) > 1 && t.Kind == Mapping {
		r.errorf(t.Pos, "There's not enough info to determine what you meant. Add one of these properties: %s", strings.Join(distinct(forms), ", "))
	}
	return fields
}

// shared are the fields that all of the forms have.
func shared(forms [][]field) []field {
	return slices.DeleteFunc(slices.Clone(forms[0]), func(f field) bool {
		return slices.ContainsFunc(forms, func(form []field) bool { return !has(form, f.name) })
	})
}

func has(fields []field, name string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return f.name == name })
}

// distinct are the keys that only one of the forms has, in the order of the alphabet.
func distinct(forms [][]field) []string {
	count := make(map[string]int)
	for _, form := range forms {
		for _, f := range form {
			count[f.name]++
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n > 1 })
	return slices.Sorted(maps.Keys(count))
}

// read returns a scalar as a string, or false after it has recorded an error:
// collections and expressions are not allowed.
func (r *reader) read(t *Token) (string, bool) {
	if t.Kind == Sequence || t.Kind == Mapping {
		r.unexpected(t)
		return "", false
	}
	return t.Text(), r.noExpression(t)
}

// literal is a scalar as a string, empty when it is not one.
func (r *reader) literal(t *Token) string {
	if s, ok := r.read(t); ok {
		return s
	}
	return ""
}

// name is a literal that is not empty. It is empty only after an error.
func (r *reader) name(t *Token) string {
	s, ok := r.read(t)
	if ok && s == "" {
		r.unexpected(t)
	}
	if !ok {
		return ""
	}
	return s
}

// constant is a literal that is one of those allowed. It is empty only after an error.
func (r *reader) constant(t *Token, allowed ...string) string {
	s, ok := r.read(t)
	switch {
	case !ok:
		return ""
	case !slices.Contains(allowed, s):
		r.unexpected(t)
		return ""
	}
	return s
}

// flag is a literal boolean.
func (r *reader) flag(t *Token) bool {
	if t.Kind != Boolean {
		r.misplaced(t)
	}
	return t.Bool
}

// misplaced records that t is not allowed where there may be no expressions either.
func (r *reader) misplaced(t *Token) {
	if r.noExpression(t) {
		r.unexpected(t)
	}
}

// noExpression says whether t has no ${{ }}, and records an error otherwise.
func (r *reader) noExpression(t *Token) bool {
	if t.Kind != String || !strings.Contains(t.Str, "${{") {
		return true
	}
	if _, _, err := expr.Template(t.Str, scope("", "")); r.action && err != nil {
		r.exprError(t, err)
	} else {
		r.errorf(t.Pos, "A template expression is not allowed in this context")
	}
	return false
}

// template parses the expressions in a string. A nil scope allows none: that is an
// error, and the result is an expression all the same, as it fits every shape. An
// expression that cannot be parsed stays a string.
func (r *reader) template(t *Token, sc *expr.Scope) *Token {
	if t.Kind != String {
		return t
	}
	if sc == nil {
		if r.noExpression(t) {
			return t
		}
		return &Token{Kind: Expression, Pos: t.Pos, Str: t.Str}
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

// condition reads the value of an `if` (EXP-2, IF-1), and returns its text in the
// file as well. A nil token stands for an absent `if`.
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
	switch {
	case err != nil && r.action:
		r.add(&r.late, ofExpression, t.Pos, "%v", err)
	case err != nil:
		r.exprError(t, err)
	}
	return cond, source
}

func (r *reader) exprError(t *Token, err error) {
	r.add(&r.errs, ofExpression, t.Pos, "%v", err)
}
