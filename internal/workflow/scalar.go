package workflow

import (
	"math"
	"strconv"
	"strings"
)

// resolve gives the type of a plain scalar by the YAML 1.2 core schema
// (YAML-1), which knows no yes, no, octal 010, 1_000 or dates.
func resolve(s string, pos Pos) *Token {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return &Token{Kind: Null, Pos: pos}
	case "true", "True", "TRUE":
		return &Token{Kind: Boolean, Pos: pos, Bool: true}
	case "false", "False", "FALSE":
		return &Token{Kind: Boolean, Pos: pos}
	}
	if n, ok := numeric(s); ok {
		return &Token{Kind: Number, Pos: pos, Num: n}
	}
	return &Token{Kind: String, Pos: pos, Str: s}
}

// numeric reads an integer or float.
func numeric(s string) (float64, bool) {
	if n, ok := integer(s); ok {
		return n, true
	}
	return float(s)
}

func integer(s string) (float64, bool) {
	base, digits := 10.0, s
	if s != "" && (s[0] == '+' || s[0] == '-') {
		digits = s[1:]
	}
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		base, digits = 16, rest
	} else if rest, ok := strings.CutPrefix(s, "0o"); ok {
		base, digits = 8, rest
	}
	if digits == "" {
		return 0, false
	}
	n := 0.0
	for _, c := range []byte(digits) {
		d := hexDigit(c)
		if d >= base {
			return 0, false
		}
		n = n*base + d
	}
	if base == 10 {
		n, _ = strconv.ParseFloat(s, 64) // exact for long numbers; out of range is ±Inf
	}
	return n, true
}

// hexDigit is the value of c, or 16 if it is no hexadecimal digit.
func hexDigit(c byte) float64 {
	switch {
	case c >= '0' && c <= '9':
		return float64(c - '0')
	case c >= 'a' && c <= 'f':
		return float64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return float64(c-'A') + 10
	}
	return 16
}

func float(s string) (float64, bool) {
	unsigned, sign := s, 1
	switch {
	case strings.HasPrefix(s, "-"):
		unsigned, sign = s[1:], -1
	case strings.HasPrefix(s, "+"):
		unsigned = s[1:]
	}
	switch unsigned {
	case ".inf", ".Inf", ".INF":
		return math.Inf(sign), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), unsigned == s
	}
	// What is left must be digits[.digits][e[sign]digits] or .digits[…]:
	// ParseFloat knows more (underscores, hexadecimal, "inf").
	mantissa, exponent, hasExponent := cutAny(unsigned, "eE")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return 0, false
	}
	if hasExponent {
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if exponent == "" || !allDigits(exponent) {
			return 0, false
		}
	}
	n, _ := strconv.ParseFloat(s, 64) // out of range is ±Inf
	return n, true
}

func cutAny(s, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
