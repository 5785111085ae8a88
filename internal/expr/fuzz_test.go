package expr_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/understudy-ci/understudy/internal/expr"
)

// seeds are expressions of every form, good and bad.
var seeds = []string{
	"", "1", "-1.5e3", ".5", "0xff", "0o17", "'it''s'", "'open", "null", "NaN", "-Infinity", "True",
	"github.event['a'].*.b[0]", "p.*.t.*", "p[*].n", "a.*b", "!a == b && c || d", "1 < 2 <= 3 > 4 >= 5 != 6",
	"contains(p, 'x') || startsWith('a', 1) && endsWith(null, p)", "format('{0} {{}} {1:x}', p, 1)",
	"join(p.*.n, '+')", "toJSON(fromJSON('{\"a\":[1,{}]}'))", "case(true, 1, 2)", "hashFiles('**', '!x')",
	"success('a') && !failure() || always()", "((((1))))", "a[b[c[d]]]", "é", "'\xff'", "\u00a01\u2003", "fromJSON(toJSON(p))",
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
		f.Add("text ${{ " + s + " }} {text} ${{ 1 }}")
	}
	f.Fuzz(func(t *testing.T, s string) {
		check := func(e *expr.Expr, err error) {
			t.Helper()
			var fault *expr.Error
			switch {
			case err == nil:
				again, err := expr.Parse(e.String(), nil)
				if err != nil || again.String() != e.String() {
					t.Errorf("%q gives %q, which parses to %v, %v", s, e, again, err)
				}
			case !errors.As(err, &fault):
				t.Errorf("%q: %T is no *expr.Error", s, err)
			case fault.Offset < 0 || fault.Offset > len(s):
				t.Errorf("%q: offset %d is outside", s, fault.Offset)
			}
		}
		check(expr.Parse(s, nil))
		check(expr.Condition(s, nil))
		if e, isExpr, err := expr.Template(s, nil); isExpr {
			check(e, err)
		}
		if e, err := expr.Parse(s, &expr.Scope{}); err == nil && (e.Uses("github") || e.Calls("success")) {
			t.Errorf("%q names what the scope lacks", s)
		}
	})
}

func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "p.*.n")
		f.Add("toJSON("+s+")", sampleJSON)
	}
	f.Fuzz(func(t *testing.T, s, text string) {
		e, err := expr.Parse(s, nil)
		if err != nil {
			return
		}
		env := testEnv(t)
		env.Contexts.Set("text", text)
		env.MaxMemory, env.MaxSteps = 1<<20, 100_000
		v, err := e.Eval(env)
		var fault *expr.Error
		if err != nil {
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(s) {
				t.Errorf("%q: %#v", s, err)
			}
			return
		}
		switch v.(type) {
		case nil, bool, float64, string, *expr.Array, *expr.Object:
		default:
			t.Errorf("%q gives a %T", s, v)
		}
	})
}

// FuzzJSON compares with the standard library.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", sampleJSON, `"\ud83d\ude00\u12"`, "\"\xb3\xb3\"", "[1,]", `{"a":{"A":-0.1e+5}}`, "01", "\"\xff\"", "[[[]]]", "nul"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := expr.FromJSON(b)
		if err != nil {
			return // also for depth, which the standard library limits elsewhere
		}
		if !json.Valid(b) {
			t.Fatalf("%q is no JSON, read as %s", b, expr.ToJSON(v))
		}
		if text, ok := v.(string); ok {
			var want string
			if err := json.Unmarshal(b, &want); err != nil || text != want {
				t.Errorf("%q: got %q, want %q (%v)", b, text, want, err)
			}
			if err := json.Unmarshal([]byte(expr.ToJSON(v)), &want); err != nil || text != want {
				t.Errorf("%q: written as %s, read as %q (%v)", text, expr.ToJSON(v), want, err)
			}
		}
	})
}
