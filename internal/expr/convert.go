package expr

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Truthy says whether v counts as true: false, 0, NaN, the empty string and
// null do not, everything else does (EXP-5).
func Truthy(v Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	}
	return true
}

// String converts v to text (EXP-8). An array is the word Array and an object
// the word Object; [ToJSON] shows their content.
func String(v Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "true"
		}
		return "false"
	case float64:
		return formatNumber(v)
	case string:
		return v
	}
	return string(kindOf(v))
}

// Equal compares as the operator == does (EXP-6): strings without case,
// different kinds after conversion to numbers, collections by identity.
func Equal(a, b Value) bool {
	a, b = alike(a, b)
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		bb, ok := b.(bool)
		return ok && a == bb
	case float64:
		bf, ok := b.(float64)
		return ok && a == bf
	case string:
		bs, ok := b.(string)
		return ok && equalFold(a, bs)
	}
	return a == b // pointers
}

// compare orders a and b (EXP-6). ok is false when they have no order.
func compare(a, b Value) (order int, ok bool) {
	a, b = alike(a, b)
	switch a := a.(type) {
	case bool:
		if b, ok := b.(bool); ok {
			return compareNumbers(Number(a), Number(b))
		}
	case float64:
		if b, ok := b.(float64); ok {
			return compareNumbers(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return compareFold(a, b), true
		}
	}
	return 0, false
}

func compareNumbers(a, b float64) (int, bool) {
	switch {
	case a < b:
		return -1, true
	case a > b:
		return 1, true
	}
	return 0, a == b // false when one is NaN
}

// alike converts scalars of different kinds to numbers, to compare them.
func alike(a, b Value) (Value, Value) {
	if isScalar(a) && isScalar(b) && kindOf(a) != kindOf(b) {
		return Number(a), Number(b)
	}
	return a, b
}

type kind string

const (
	nullKind    kind = "Null"
	booleanKind kind = "Boolean"
	numberKind  kind = "Number"
	stringKind  kind = "String"
	arrayKind   kind = "Array"
	objectKind  kind = "Object"
)

// KindOf is the kind of a value as GitHub names it: Null, Boolean, Number, String,
// Array or Object.
func KindOf(v Value) string { return string(kindOf(v)) }

func kindOf(v Value) kind {
	switch v.(type) {
	case nil:
		return nullKind
	case bool:
		return booleanKind
	case float64:
		return numberKind
	case string:
		return stringKind
	case *Array, *filtered:
		return arrayKind
	}
	return objectKind
}

func isScalar(v Value) bool {
	switch v.(type) {
	case nil, bool, float64, string:
		return true
	}
	return false
}

// foldCase returns the folded form of s: two strings are equal without case exactly
// when their folded forms are equal. A string in lower case is its own folded form.
func foldCase(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

func foldRune(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	if r < utf8.RuneSelf {
		return r
	}
	return upper(r)
}

func equalFold(a, b string) bool { return a == b || compareFold(a, b) == 0 }

// compareFold orders a and b by their characters in upper case.
func compareFold(a, b string) int {
	for a != "" && b != "" {
		ra, na := upperRune(a)
		rb, nb := upperRune(b)
		if ra != rb {
			return int(ra) - int(rb)
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

// upperRune returns the first character of s in upper case and its size in s.
func upperRune(s string) (r rune, size int) {
	if c := s[0]; c < utf8.RuneSelf {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		return rune(c), 1
	}
	r, size = utf8.DecodeRuneInString(s)
	return upper(r), size
}

// upper maps one character to upper case. No character outside ASCII becomes
// one of ASCII, so that a dotless i or a long s is never taken for a letter of
// a name.
func upper(r rune) rune {
	u := unicode.ToUpper(r)
	if u < utf8.RuneSelf && r >= utf8.RuneSelf {
		return r
	}
	return u
}
