package expr_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/expr"
)

func TestAnExpressionSaysWhatItNames(t *testing.T) {
	for src, want := range map[string]string{
		"github.ref":                            "[github.ref flows]",
		"GITHUB['Ref'].x[0]":                    "[GITHUB.Ref.x.0 flows]",
		"github.event.commits.*.message":        "[github.event.commits.*.message flows]",
		"matrix[env.X].y":                       "[env.X matrix… flows]",
		"github.ref == 'x' && github.actor":     "[github.ref github.actor flows]",
		"github.a || github.b":                  "[github.a flows github.b flows]",
		"!github.a":                             "[github.a]",
		"contains(github.a, 'x')":               "[github.a]",
		"format('{0}', github.a)":               "[github.a flows]",
		"toJSON(github.event)":                  "[github.event flows json]",
		"fromJSON(needs.a.outputs.b).c":         "[needs.a.outputs.b flows]",
		"case(github.a, github.b, github.c)":    "[github.a github.b flows github.c flows]",
		"contains(toJSON(github), github.a)":    "[github github.a]",
		"'github.ref'":                          "[]",
		"steps.a.outputs[matrix.os] == inputs.": "",
	} {
		e, err := expr.Parse(src, nil)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", src, err)
			}
			continue
		}
		var said []string
		for _, r := range e.References() {
			s := r.Text()
			if r.Open {
				s += "…"
			}
			if r.Flows {
				s += " flows"
			}
			if r.AsJSON {
				s += " json"
			}
			said = append(said, s)
		}
		if d := cmp.Diff(want, fmt.Sprint(said)); d != "" {
			t.Errorf("%s (-want +got):\n%s", src, d)
		}
	}
}

func TestSomeExpressionsAreKnownWithoutARun(t *testing.T) {
	for src, want := range map[string]string{
		"false": "false", "1 == 2": "false", "!true": "false", "''": "", "false && github.ref": "false",
		"github.ref && false": "false", "true || github.ref": "true", "true && github.ref": "?", "false || success()": "?",
		"github.ref": "?", "always()": "?", "success() && (false)": "false", "fromJSON('false')": "false", "fromJSON('{')": "?",
	} {
		e, err := expr.Parse(src, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := "?"
		if v, ok := e.Known(); ok {
			got = expr.String(v)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", src, got, want)
		}
	}
}

func TestAnErrorSaysWhetherThereIsNoSuchToken(t *testing.T) {
	for src, want := range map[string]bool{"'open": true, `"a"`: true, "a*b": true, "1 ==": false, "nope()": false, "(1": false} {
		_, err := expr.Parse(src, nil)
		e, ok := err.(*expr.Error) //nolint:errorlint // Parse promises it
		if !ok || e.Lexing != want {
			t.Errorf("%s: %v, lexing %v, want %v", src, err, !want, want)
		}
	}
}
