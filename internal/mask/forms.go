package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// patterns returns the texts that give a value away: the forms of it and of
// each of its lines, long ones in pieces. Programs print a line with other
// blanks around it, or with none, so those are no part of it.
func patterns(value string) []string {
	known := map[string]bool{}
	var out []string
	add := func(text string) {
		for piece := range pieces(text) {
			if maskable(piece) && !known[piece] {
				known[piece] = true
				out = append(out, piece)
			}
		}
	}
	forms(value, add)
	for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != value {
			forms(line, add)
		}
	}
	return out
}

// pieces cuts a text into parts of maxPattern bytes that cover all of it.
func pieces(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > maxPattern {
			if !yield(text[:maxPattern]) {
				return
			}
			text = text[min(maxPattern, len(text)-maxPattern):]
		}
		yield(text)
	}
}

// forms calls add with every form of a value. A value of one character has
// none, since all of them would be ordinary text.
func forms(value string, add func(string)) {
	if !maskable(value) {
		return
	}
	add(value)
	base64Forms(value, add)
	urlForms(value, add)
	jsonForms(value, add)
	add(strings.ReplaceAll(value, "'", "''"))   // a literal of an expression
	add(strings.ReplaceAll(value, `"`, `\"`))   // a quoted argument of a command
	add(strings.ReplaceAll(value, `'`, `'\''`)) // the same in a POSIX shell
	add(html.EscapeString(value))
	add(forXML.Replace(value))
	if inner := strings.TrimPrefix(strings.TrimSuffix(value, `"`), `"`); len(value) > 8 && len(inner) == len(value)-2 {
		add(inner)
	}
	powerShellForms(value, add)
}

var (
	forXML  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")
	forURLs = strings.NewReplacer("+", "-", "/", "_") // what base64 has
)

// minEncoded is the length from which a part of an encoding is telling. Shorter
// ones would match in ordinary text.
const minEncoded = 4

// base64Forms adds value as it looks inside base64 text: what comes before it
// shifts it by 0, 1 or 2 bytes, and what follows decides its last character.
// Characters that value shares with its neighbours are left out.
func base64Forms(value string, add func(string)) {
	for shift := range 3 {
		padded := base64.StdEncoding.EncodeToString(append(make([]byte, shift, shift+len(value)), value...))
		from := (8*shift + 5) / 6
		inner := padded[from : (shift+len(value))*8/6]
		for _, text := range []string{padded[from:], strings.TrimRight(padded[from:], "="), inner} {
			if len(text) >= minEncoded {
				add(text)
				add(forURLs.Replace(text))
			}
		}
	}
}

// urlForms adds value escaped for the parts of a URL. Programs differ in what
// they leave as it is.
func urlForms(value string, add func(string)) {
	const unreserved = "-_.~"
	const upper, lower = "0123456789ABCDEF", "0123456789abcdef"
	add(percent(value, unreserved, upper))
	add(percent(value, unreserved, lower))
	add(percent(value, unreserved+"!'()*", upper)) // encodeURIComponent
	add(percent(value, unreserved+"/", upper))     // Python's quote
	add(url.QueryEscape(value))
	add(url.PathEscape(value))
}

// percent escapes all bytes but letters, digits and those of keep.
func percent(value, keep, digits string) string {
	var b strings.Builder
	b.Grow(len(value))
	for i := range len(value) {
		c := value[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// jsonForms adds value as the inside of a JSON string: as it must be escaped,
// with HTML's characters escaped, and with all but ASCII escaped.
func jsonForms(value string, add func(string)) {
	for _, escapeHTML := range []bool{false, true} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(escapeHTML)
		if err := enc.Encode(value); err != nil {
			return // a string always encodes
		}
		text := strings.TrimSuffix(b.String(), "\n")
		text = text[1 : len(text)-1]
		add(text)
		add(ascii(text))
	}
}

// ascii writes characters outside ASCII as JSON escapes.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// powerShellForms adds the parts that PowerShell prints on their own, coloured,
// when it reports an error in a command line with an ampersand: what is up to
// the last &, or up to the first &+, and what is after.
func powerShellForms(value string, add func(string)) {
	const shortest = 6 // of a part that is telling
	at := strings.LastIndexByte(value, '&') + 1
	skip := 0
	if i := strings.Index(value, "&+"); i >= 0 {
		at, skip = i+len("&+"), 1 // the next character is coloured by itself
	}
	if at == 0 {
		return
	}
	for _, part := range []string{value[:at], value[min(at+skip, len(value)):]} {
		if len(part) >= shortest {
			add(part)
		}
	}
}
