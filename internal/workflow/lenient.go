package workflow

import "slices"

// Below `on` GitHub ignores what an event does not know (TRG-13). The methods in
// this file read such parts: what is wrong there is a warning. Duplicate keys and
// expressions are errors there, too.

// lenient reads a mapping with the given fields, none of them required, or nothing.
// Warnings name what it belongs to.
func (r *reader) lenient(t *Token, of string, fields ...field) {
	if t.Kind == Null {
		return
	}
	if t.Kind != Mapping {
		r.ignore(t, "What stands below "+of+" is ignored: a mapping was expected")
		return
	}
	for key, value := range r.pairs(t) {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Str }); i >= 0 {
			fields[i].read(value)
			continue
		}
		if r.noExpression(key) {
			r.warnf(key.Pos, "'%s' is ignored: %s does not have this key", key.Str, of)
		}
		anything(r, value, nil)
	}
}

// ignore warns that t has no effect, unless there are errors in it.
func (r *reader) ignore(t *Token, why string) {
	before := r.found
	if anything(r, t, nil); r.found == before {
		r.warnf(t.Pos, "%s", why)
	}
}

// texts reads a text or a sequence of texts, none of them empty. It is nil when t is
// something else; items that are something else are left out.
func (r *reader) texts(t *Token) []*Token {
	if t.Kind != Sequence {
		if !r.filled(t) {
			return nil
		}
		return []*Token{t}
	}
	return slices.DeleteFunc(slices.Clone(t.Items), func(item *Token) bool { return !r.filled(item) })
}

// filled says whether t is a text that is not empty, and warns when it is not.
func (r *reader) filled(t *Token) bool {
	s, ok := r.text(t)
	if ok && s == "" {
		r.warnf(t.Pos, "An empty value is ignored here")
	}
	return s != ""
}

// text reads a text. It is false when t is something else.
func (r *reader) text(t *Token) (s string, ok bool) {
	if t.Kind == Sequence || t.Kind == Mapping {
		r.ignore(t, "This value is ignored: a string was expected")
		return "", false
	}
	if !r.noExpression(t) {
		return "", false
	}
	return t.Text(), true
}

// textsOf are the texts of scalars, nil for nil.
func textsOf(tokens []*Token) []string {
	if tokens == nil {
		return nil
	}
	list := make([]string, 0, len(tokens))
	for _, t := range tokens {
		list = append(list, t.Text())
	}
	return list
}
