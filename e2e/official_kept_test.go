package e2e_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A keptRow is a row of testdata/official/kept: lines that may differ.
type keptRow struct {
	text    string
	cases   string // pattern of names of cases
	pattern *regexp.Regexp
	used    bool
}

type keptRows []*keptRow

// readKept reads rows of three columns with tabs between: the pattern of the names of
// cases, a regular expression of lines, and the reason.
func readKept(t *testing.T, file string) (rows keptRows) {
	t.Helper()
	for line := range strings.Lines(string(read(t, file))) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, "\t")
		if len(columns) != 3 || columns[2] == "" {
			t.Fatalf("%s: %q is not a pattern of cases, a regular expression and a reason", file, line)
		}
		if _, err := path.Match(columns[0], ""); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		pattern, err := regexp.Compile(columns[1])
		if err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		rows = append(rows, &keptRow{text: line, cases: columns[0], pattern: pattern})
	}
	return rows
}

// has says whether a line of a case may differ.
func (rows keptRows) has(name, line string) bool {
	found := false
	for _, r := range rows {
		if ok, _ := path.Match(r.cases, name); ok && r.pattern.MatchString(line) {
			r.used, found = true, true
		}
	}
	return found
}

// unused are the rows that no line needed, of those that are about one of the cases.
func (rows keptRows) unused(cases []*officialCase) (unused []string) {
	for _, r := range rows {
		about := func(c *officialCase) bool {
			ok, _ := path.Match(r.cases, c.name)
			return ok
		}
		if !r.used && slices.ContainsFunc(cases, about) {
			unused = append(unused, r.text)
		}
	}
	return unused
}

// difference lists the lines that only one of two texts has, "-" those of the first and
// "+" those of the second, but for those that may differ.
func (rows keptRows) difference(name string, want, got []string) string {
	var diff strings.Builder
	write := func(sign, line string) {
		if !rows.has(name, line) {
			diff.WriteString(sign + line + "\n")
		}
	}
	both := common(want, got)
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && both[i+1][j] >= both[i][j+1]:
			write("-", want[i])
			i++
		default:
			write("+", got[j])
			j++
		}
	}
	return diff.String()
}

// common says how many lines the rests of two texts have in common, in order, from
// each line of the one and each line of the other.
func common(a, b []string) [][]int32 {
	n := make([][]int32, len(a)+1)
	for i := range n {
		n[i] = make([]int32, len(b)+1)
	}
	for i, line := range slices.Backward(a) {
		for j, other := range slices.Backward(b) {
			if line == other {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	return n
}
