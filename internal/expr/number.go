package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Number converts v to a number: null is 0, true is 1, a string is parsed
// (EXP-7), and an array or object is NaN.
func Number(v Value) float64 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return v
	case string:
		return parseNumber(v)
	}
	return math.NaN()
}

// parseNumber follows EXP-7. It returns NaN for a string that is not a number.
func parseNumber(s string) float64 {
	s = strings.TrimFunc(s, unicode.IsSpace)
	switch {
	case s == "":
		return 0
	case s == "Infinity", s == "+Infinity":
		return math.Inf(1)
	case s == "-Infinity":
		return math.Inf(-1)
	case strings.HasPrefix(s, "0x"):
		return parseUint32(s[2:], 16)
	case strings.HasPrefix(s, "0o"):
		return parseUint32(s[2:], 8)
	case !isDecimal(s):
		return math.NaN()
	}
	// The only error left is a range error, whose value is ±Inf as wanted.
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func parseUint32(digits string, base int) float64 {
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return math.NaN()
	}
	return float64(n)
}

// isDecimal says whether s is [sign] digits [. digits] [e [sign] digits], with
// a digit before or after the point.
func isDecimal(s string) bool {
	s = trimSign(s)
	rest := trimDigits(s)
	digits := len(s) - len(rest)
	if fraction, ok := strings.CutPrefix(rest, "."); ok {
		rest = trimDigits(fraction)
		digits += len(fraction) - len(rest)
	}
	if digits == 0 {
		return false
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	exponent := trimSign(rest[1:])
	return exponent != "" && trimDigits(exponent) == ""
}

func trimSign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

func trimDigits(s string) string {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[i:]
}

// formatNumber writes f with 15 significant digits (EXP-8), in scientific form
// from 1E+15 upwards and below 0.0001.
func formatNumber(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0 && math.Signbit(f):
		return "-0"
	case f == 0:
		return "0"
	}
	// 15 significant digits, so one before the point and 14 after it.
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', 14, 64), "e")
	exp, _ := strconv.Atoi(exponent)
	if exp < -4 || exp >= 15 {
		if strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		sign := "+"
		if exp < 0 {
			sign, exp = "-", -exp
		}
		digits := strconv.Itoa(exp)
		if len(digits) < 2 {
			digits = "0" + digits
		}
		return mantissa + "E" + sign + digits
	}
	fixed := strconv.FormatFloat(f, 'f', 14-exp, 64)
	if strings.Contains(fixed, ".") {
		fixed = strings.TrimRight(strings.TrimRight(fixed, "0"), ".")
	}
	return fixed
}
