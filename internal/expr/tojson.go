package expr

import (
	"strings"
	"unicode/utf8"
)

// ToJSON writes v as the function toJSON does: indented by two spaces, keys in
// their order, no HTML escapes.
func ToJSON(v Value) string {
	w := jsonWriter{spend: func(int) error { return nil }}
	_ = w.value(v, 0) // only spend could fail
	return string(w.out)
}

// A jsonWriter calls spend before it writes each piece.
type jsonWriter struct {
	out   []byte
	spend func(bytes int) error
}

func (w *jsonWriter) value(v Value, level int) error {
	switch v := v.(type) {
	case nil:
		return w.text("null")
	case string:
		return w.quoted(v)
	case *Array:
		if len(v.Items) == 0 {
			return w.text("[]")
		}
		return w.array(v, level+1)
	case *Object:
		if v.Len() == 0 {
			return w.text("{}")
		}
		return w.object(v, level+1)
	}
	return w.text(String(v))
}

func (w *jsonWriter) array(a *Array, level int) error {
	before := "["
	for _, item := range a.Items {
		if err := w.line(before, level); err != nil {
			return err
		}
		if err := w.value(item, level); err != nil {
			return err
		}
		before = ","
	}
	if err := w.line("", level-1); err != nil {
		return err
	}
	return w.text("]")
}

func (w *jsonWriter) object(o *Object, level int) error {
	before := "{"
	for key, item := range o.All() {
		if err := w.line(before, level); err != nil {
			return err
		}
		if err := w.quoted(key); err != nil {
			return err
		}
		if err := w.text(": "); err != nil {
			return err
		}
		if err := w.value(item, level); err != nil {
			return err
		}
		before = ","
	}
	if err := w.line("", level-1); err != nil {
		return err
	}
	return w.text("}")
}

func (w *jsonWriter) text(s string) error {
	if err := w.spend(len(s)); err != nil {
		return err
	}
	w.out = append(w.out, s...)
	return nil
}

// line ends a line after before and indents the next.
func (w *jsonWriter) line(before string, level int) error {
	if err := w.spend(len(before) + 1 + 2*level); err != nil {
		return err
	}
	w.out = append(append(w.out, before...), '\n')
	for range level {
		w.out = append(w.out, ' ', ' ')
	}
	return nil
}

// quoted writes s as a JSON string.
func (w *jsonWriter) quoted(s string) error {
	if err := w.spend(len(s) + 2); err != nil {
		return err
	}
	start := len(w.out)
	w.out = appendQuoted(w.out, s)
	if more := len(w.out) - start - len(s) - 2; more > 0 {
		return w.spend(more)
	}
	return nil
}

// appendQuoted appends s as a JSON string: quotes, backslashes, control
// characters and Unicode's line separators are escaped, nothing else is.
func appendQuoted(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
			if r != '\u0085' && r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || size > 1) {
				i += size
				continue
			}
		}
		out = append(out, s[from:i]...)
		if short := strings.IndexRune("\"\\\b\f\n\r\t", r); short >= 0 {
			out = append(out, '\\', `"\bfnrt`[short])
		} else {
			out = append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
		i += size
		from = i
	}
	return append(append(out, s[from:]...), '"')
}
