package workflow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/workflow"
)

func TestErrorsOfSyntaxAreWhereTheMistakeIs(t *testing.T) {
	const (
		head = "on: push\njobs:\n  a:\n"
		tab  = "found a tab character that violates indentation; tabs are not allowed there"
	)
	for name, c := range map[string]struct {
		text, msg string
		pos       workflow.Pos
	}{
		"key less indented":      {head + "    runs-on: x\n   steps:\n    - run: a\n", "did not find expected key", workflow.Pos{Line: 5, Col: 4}},
		"item less indented":     {head + "    steps:\n    - run: a\n   - run: b\n", "did not find expected key", workflow.Pos{Line: 6, Col: 4}},
		"item more indented":     {head + "    steps:\n    - run: a\n      id: b\n     - run: b\n", "did not find expected key", workflow.Pos{Line: 7, Col: 6}},
		"item in a mapping":      {"on: push\njobs:\n  a: b\n  - c\n", "did not find expected key", workflow.Pos{Line: 4, Col: 3}},
		"key in a sequence":      {"- on: push\njobs:\n  a: b\n", "did not find expected '-' indicator", workflow.Pos{Line: 2, Col: 1}},
		"text after a string":    {head + "    name: \"é\" b\n", "did not find expected key", workflow.Pos{Line: 4, Col: 15}},
		"text after a sequence":  {head + "    needs: [a,\n      b] c\n", "did not find expected key", workflow.Pos{Line: 5, Col: 10}},
		"sequence not closed":    {head + "    needs: [a, b\n    if: c\n", "did not find expected ',' or ']'", workflow.Pos{Line: 5, Col: 7}},
		"mapping not closed":     {head + "    env: [a,\n     {b: c\n    ]\n", "did not find expected ',' or '}'", workflow.Pos{Line: 6, Col: 5}},
		"not closed at the end":  {"on: push\njobs: {a: b", "did not find expected ',' or '}'", workflow.Pos{Line: 2, Col: 1}},
		"two commas":             {"on: push\njobs: [a, , b]\n", "did not find expected node content", workflow.Pos{Line: 2, Col: 11}},
		"tag without directive":  {head + "    name: !e!foo bar\n", "found undefined tag handle", workflow.Pos{Line: 4, Col: 14}},
		"colon in a string":      {head + "    run: echo a: b\n", "mapping values are not allowed in this context", workflow.Pos{Line: 4, Col: 16}},
		"string not closed":      {head + "    name: 'x\n    run: a\n", "found unexpected end of stream", workflow.Pos{Line: 4, Col: 11}},
		"first line":             {"on: [push\njobs: a\n", "did not find expected ',' or ']'", workflow.Pos{Line: 2, Col: 5}},
		"windows lines":          {"on: push\r\njobs:\r\n  a:\r\n    runs-on: x\r\n   steps: 1\r\n", "did not find expected key", workflow.Pos{Line: 5, Col: 4}},
		"tab":                    {"on: push\njobs:\n\ta: b\n", tab, workflow.Pos{Line: 3, Col: 1}},
		"tab after spaces":       {head + "  \truns-on: x\n", tab, workflow.Pos{Line: 4, Col: 3}},
		"tab on a later line":    {head + "    runs-on: x\n\tsteps: y\n", tab, workflow.Pos{Line: 5, Col: 1}},
		"tab that goes on":       {head + "    runs-on: x\n    \tsteps: y\n", tab, workflow.Pos{Line: 5, Col: 5}},
		"tab behind a dash":      {"on: push\njobs:\n-\ta: b\n", tab, workflow.Pos{Line: 3, Col: 2}},
		"too long to search for": {"#" + strings.Repeat("x", 64<<10) + "\n" + head + "    runs-on: x\n   steps:\n", "did not find expected key", workflow.Pos{Line: 4, Col: 1}},
	} {
		_, err := workflow.Parse("ci.yml", []byte(c.text))
		var errs workflow.Errors
		if !errors.As(err, &errs) || len(errs) != 1 || errs[0].Msg != "Invalid YAML: "+c.msg || errs[0].Pos != c.pos {
			t.Errorf("%s: %v, want %v %s", name, err, c.pos, c.msg)
		}
	}
}

func TestErrorsOfSyntaxAreFoundInBoundedTime(t *testing.T) {
	const size = 64<<10 - 100
	for name, c := range map[string]struct{ text, tail string }{
		"lines":    {"- a\n", "b: c\n"},
		"one line": {"{a: b},", "c\nd: e\n"},
		"deep":     {"[", "]}"},
		"colons":   {"- a: 'b'\n", " c: d\n"},
	} {
		start := time.Now()
		if _, err := workflow.Parse("ci.yml", []byte(strings.Repeat(c.text, size/len(c.text))+c.tail)); err == nil {
			t.Errorf("%s: no error", name)
		}
		if d := time.Since(start); d > time.Minute { // it is a fraction of a second, unless the machine is very busy
			t.Errorf("%s: took %s", name, d)
		}
	}
}
