package expr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/expr"
)

// trace are the lines about an evaluation, and its value as text.
func trace(t *testing.T, src string, most int) (lines []string, value string) {
	t.Helper()
	e, err := expr.Parse(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Trace(testEnv(t), func(line string) bool {
		lines = append(lines, line)
		return len(lines) < most
	})
	if err != nil {
		return append(lines, err.Error()), ""
	}
	return lines, expr.String(v)
}

func TestATraceTellsHowAnExpressionIsEvaluated(t *testing.T) {
	t.Parallel()
	const many = 1000
	for src, want := range map[string]string{
		"true":      "Evaluating: true¦Evaluating Boolean:¦=> true¦Result: true",
		"success()": "Evaluating: success()¦Evaluating success:¦=> true¦Result: true",
		" !failure() && github.ref != 'it''s' || nosuch": "Evaluating: ((!failure() && (github['ref'] != 'it''s')) || nosuch)¦Evaluating Or:¦..Evaluating And:¦" +
			"....Evaluating Not:¦......Evaluating failure:¦......=> false¦....=> true¦" +
			"....Evaluating NotEqual:¦......Evaluating Index:¦........Evaluating github:¦........=> Object¦........Evaluating String:¦........=> 'ref'¦" +
			"......=> 'refs/heads/x'¦......Evaluating String:¦......=> 'it''s'¦....=> true¦..=> true¦=> true¦" +
			"Expanded: ((!false && ('refs/heads/x' != 'it''s')) || nosuch)¦Result: true",
		"p.*.n": "Evaluating: p[*]['n']¦Evaluating Index:¦..Evaluating Index:¦....Evaluating p:¦....=> Array¦..=> Array¦..Evaluating String:¦..=> 'n'¦=> Array¦Result: Array",
		"nosuch >= 1": "Evaluating: (nosuch >= 1)¦Evaluating GreaterThanOrEqual:¦..Evaluating nosuch:¦..=> null¦..Evaluating Number:¦..=> 1¦=> false¦" +
			"Expanded: (null >= 1)¦Result: false",
		"fromJSON('{')": "Evaluating: fromJSON('{')¦Evaluating fromJSON:¦..Evaluating String:¦..=> '{'¦" + fromJSONError(t),
	} {
		lines, _ := trace(t, src, many)
		if d := cmp.Diff(strings.Split(want, "¦"), lines); d != "" {
			t.Errorf("%s: %s", src, d)
		}
	}
}

func fromJSONError(t *testing.T) string {
	t.Helper()
	_, err := evaluate(t, "fromJSON('{')")
	return err.Error()
}

func TestATraceEndsWhenNobodyWantsMore(t *testing.T) {
	t.Parallel()
	lines, value := trace(t, "success() && github.ref", 2)
	if len(lines) != 2 || value != "refs/heads/x" {
		t.Errorf("%q, %s", lines, value)
	}
	long, _ := trace(t, "join(p.*.n, '"+strings.Repeat("x", 10_000)+"')", 100)
	for _, line := range long[1:] {
		if len(line) > 5000 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}
