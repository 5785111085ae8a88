package convert

import "strings"

// sourceText is an expression of the job message as people wrote it in
// the workflow file: format('a {0}', b), which stands for text with
// expressions in it, is shown as "a ${{ b }}".
func sourceText(source string) string {
	inner, ok := strings.CutPrefix(source, "format(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return "${{ " + source + " }}"
	}
	args, ok := splitArguments(strings.TrimSuffix(inner, ")"))
	if !ok || len(args[0]) < 2 || args[0][0] != '\'' {
		return "${{ " + source + " }}"
	}
	pattern := strings.ReplaceAll(args[0][1:len(args[0])-1], "''", "'")
	return fillPattern(pattern, args[1:])
}

// fillPattern puts the arguments of a call of format back where they belong.
func fillPattern(pattern string, args []string) string {
	var b strings.Builder
	for pattern != "" {
		i := strings.IndexAny(pattern, "{}")
		if i < 0 {
			break
		}
		b.WriteString(pattern[:i])
		pattern = pattern[i:]
		if strings.HasPrefix(pattern, "{{") || strings.HasPrefix(pattern, "}}") {
			b.WriteByte(pattern[0])
			pattern = pattern[2:]
			continue
		}
		number, rest, _ := strings.Cut(strings.TrimPrefix(pattern, "{"), "}")
		n := 0
		for _, c := range number {
			n = min(10*n+int(c-'0'), len(args))
		}
		if number != "" && n >= 0 && n < len(args) {
			b.WriteString("${{ " + args[n] + " }}")
		}
		pattern = rest
	}
	b.WriteString(pattern)
	return b.String()
}

// splitArguments cuts the arguments of a call at the commas between them. It
// reports false when there is more than one call.
func splitArguments(s string) (args []string, ok bool) {
	depth, start, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted // two of them inside of a string change nothing
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			if depth--; depth < 0 {
				return nil, false
			}
		case c == ',' && depth == 0:
			args = append(args, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(args, strings.TrimSpace(s[start:])), depth == 0 && !quoted
}
