package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/expr"
)

func parseNil(src string) (*expr.Expr, error) { return expr.Parse(src, nil) }

func TestTemplateIsTypedWhenItIsOneExpressionAndTextOtherwise(t *testing.T) { // EXP-1
	for _, row := range []struct{ scalar, source, value string }{
		{"${{ 5 }}", "5", "5"},
		{"${{5}}", "5", "5"},
		{"v${{ 5 }}", "format('v{0}', 5)", `"v5"`},
		{"${{ 5 }} ", "format('{0} ', 5)", `"5 "`},
		{"${{ 5 }}${{ 6 }}", "format('{0}{1}', 5, 6)", `"56"`},
		{"a ${{ 'x' }} b ${{ github.ref }}", "format('a {0} b {1}', 'x', github.ref)", `"a x b refs/heads/x"`},
		{"it's {${{ 1 }}}", "format('it''s {{{0}}}', 1)", `"it's {1}"`},
		{"}} ${{ 1 }}", "format('}}}} {0}', 1)", `"}} 1"`},
		{"${{ '}}' }}", "'}}'", `"}}"`},
		{"${{ '${{' }}", "'${{'", `"${{"`},
		{"${{ 'it''s }}' }}", "'it''s }}'", `"it's }}"`},
		{"${{ format('{0}', 1) }}", "format('{0}', 1)", `"1"`},
		{"${{ p.*.n }}", "p.*.n", "[\n  \"a\",\n  \"b\"\n]"},
		{"false && ${{ false }}", "format('false && {0}', false)", `"false && false"`},
		{"${{\n  true\n}}", "true", "true"},
	} {
		e, isExpr, err := expr.Template(row.scalar, nil)
		if err != nil || !isExpr {
			t.Errorf("%q: %v, %v", row.scalar, isExpr, err)
			continue
		}
		v, err := e.Eval(testEnv(t))
		if got := expr.ToJSON(v); err != nil || got != row.value || e.String() != row.source {
			t.Errorf("%q: got %s = %s (%v), want %s = %s", row.scalar, e, got, err, row.source, row.value)
		}
		if again, err := expr.Parse(e.String(), nil); err != nil || again.String() != e.String() {
			t.Errorf("%q: its source %s does not parse: %v", row.scalar, e, err)
		}
	}
}

func TestPlainTextIsNoTemplate(t *testing.T) { // EXP-1
	for _, s := range []string{"", "text", "$ {{ 1 }}", "{{ 1 }}", "$\u007b"} {
		if e, isExpr, err := expr.Template(s, nil); e != nil || isExpr || err != nil {
			t.Errorf("%q: got %v, %v, %v", s, e, isExpr, err)
		}
	}
}

func TestTemplateFaultsAreAtTheirOffsetInTheScalar(t *testing.T) { // EXP-1
	for scalar, want := range map[string]int{
		"abc ${{ 1":               4,
		"${{ 'a }}":               0,
		"${{ }}":                  4,
		"${{}}":                   3,
		"é ${{ 1 }} ${{ x. }}":    17,
		"a${{ 1 }}b${{ nope() }}": 14,
		"${{ 1 2 }}":              6,
	} {
		_, isExpr, err := expr.Template(scalar, nil)
		var e *expr.Error
		if !isExpr || !errors.As(err, &e) || e.Offset != want {
			t.Errorf("%q: got %v, %+v, want offset %d", scalar, isExpr, err, want)
		}
	}
}

func TestConditionAddsSuccessUnlessTheTreeCallsAStatusFunction(t *testing.T) { // EXP-2, IF-1
	for _, row := range []struct{ text, source, value string }{
		{"", "success()", "true"},
		{" \n", "success()", "true"},
		{"null", "success() && (null)", "null"},
		{"true", "success() && (true)", "true"},
		{"github.ref == 'refs/heads/x'", "success() && (github.ref == 'refs/heads/x')", "true"},
		{"${{ github.ref == 'refs/heads/x' }}", "success() && (github.ref == 'refs/heads/x')", "true"},
		{"false && ${{ false }}", "success() && (format('false && {0}', false))", `"false && false"`},
		{"true || 'always()'", "success() && (true || 'always()')", "true"},
		{"false && always()", "false && always()", "false"},
		{"!cancelled()", "!cancelled()", "true"},
		{"${{ !cancelled() }}", "!cancelled()", "true"},
		{"${{ 'false' }}", "success() && ('false')", `"false"`},
		{"contains(format('{0}', FAILURE()), 'x')", "contains(format('{0}', FAILURE()), 'x')", "false"},
		{"x ${{ failure() }}", "format('x {0}', failure())", `"x false"`},
		{"github[success()]", "github[success()]", "null"},
		{"success", "success() && (success)", "null"},
	} {
		e, err := expr.Condition(row.text, nil)
		if err != nil {
			t.Errorf("%q: %v", row.text, err)
			continue
		}
		v, err := e.Eval(testEnv(t))
		if got := expr.ToJSON(v); err != nil || got != row.value || e.String() != row.source {
			t.Errorf("%q: got %s = %s (%v), want %s = %s", row.text, e, got, err, row.source, row.value)
		}
	}
}

func TestImplicitSuccessDecidesFirst(t *testing.T) { // IF-1
	e, err := expr.Condition("fromJSON('')", nil)
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv(t)
	env.Functions["success"] = env.Functions["failure"]
	if v, err := e.Eval(env); v != false || err != nil {
		t.Errorf("got %v, %v, want false: the rest must not be evaluated", v, err)
	}
}

func TestImplicitSuccessNeedsNoScope(t *testing.T) { // CTX-1, IF-1
	sc := &expr.Scope{Contexts: []string{"github"}}
	if e, err := expr.Condition("github.ref", sc); err != nil || e.String() != "success() && (github.ref)" {
		t.Errorf("got %v, %v", e, err)
	}
	if e, err := expr.Condition("success()", sc); err == nil {
		t.Errorf("got %v, want an error: success is not in the scope", e)
	}
}

func TestScopeDecidesWhatMayBeNamed(t *testing.T) { // CTX-1, IF-3
	job := &expr.Scope{
		Contexts:  []string{"github", "inputs", "vars", "needs"},
		Functions: []string{"always", "cancelled", "success", "failure"},
		JobIDs:    true,
	}
	step := &expr.Scope{
		Contexts:  []string{"github", "env", "steps"},
		Functions: []string{"always", "cancelled", "success", "failure", "hashFiles"},
	}
	none := &expr.Scope{}
	for _, row := range []struct {
		scope *expr.Scope
		src   string
		want  string // the start of the error; empty when there is none
	}{
		{job, "GITHUB.ref && needs.a.result == vars.x", ""},
		{job, "secrets.X != ''", "Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.X"},
		{job, "false && (1 || env.OS)", "Unrecognized named-value: 'env'"},
		{job, "github[matrix.os]", "Unrecognized named-value: 'matrix'"},
		{job, "success('a', 'b') || failure('a')", ""},
		{job, "always('a')", "Too many parameters supplied: 'always'"},
		{job, "hashFiles('x')", "Unrecognized function: 'hashFiles'"},
		{step, "HashFiles('x') && Success()", ""},
		{step, "success('a')", "Too many parameters supplied: 'success'"},
		{step, "False", "Unrecognized named-value: 'False'"},
		{none, "format('{0}', fromJSON(toJSON(1)))", ""},
		{none, "case(true, join('a'), contains('a', 'b'))", ""},
		{none, "github", "Unrecognized named-value: 'github'"},
		{none, "always()", "Unrecognized function: 'always'"},
		{none, "github()", "Unrecognized function: 'github'"},
	} {
		_, err := expr.Parse(row.src, row.scope)
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v", row.src, err)
		case row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), row.want)):
			t.Errorf("%s: got %v, want %s", row.src, err, row.want)
		}
	}
}

func TestCallsAndUsesLookAtTheTree(t *testing.T) {
	e, err := expr.Parse("github.env == 'secrets' && contains(join(p[Matrix.os].*), hashFiles('x')) || !Always()", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"GitHub", "p", "matrix"} {
		if !e.Uses(name) {
			t.Errorf("Uses(%q) is false", name)
		}
	}
	for _, name := range []string{"env", "secrets", "os", "contains"} {
		if e.Uses(name) {
			t.Errorf("Uses(%q) is true", name)
		}
	}
	if !e.Calls("hashfiles") || !e.Calls("success", "always") || e.Calls("success", "p", "secrets") {
		t.Error("Calls is wrong")
	}
}

func TestReadsKnowsWhichKeysOfAContextMatter(t *testing.T) {
	for src, want := range map[string]bool{
		"github.run_id":                              true,
		"1 == GitHub['RUN_ID']":                      true,
		"format('{0}', toJSON(github))":              true,
		"github[inputs.key]":                         true,
		"github.*":                                   true,
		"github[format('run_{0}', 'id')]":            true,
		"github.sha":                                 false,
		"github.event.run_id":                        false,
		"github['sha'] && inputs.run_id":             false,
		"contains(github.event.labels.*.name, 'ok')": false,
		"needs.github.run_id":                        false,
		"github[github.run_id]":                      true,
	} {
		e, err := expr.Parse(src, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Reads("github", "run_id", "run_number"); got != want {
			t.Errorf("%s: got %v", src, got)
		}
	}
}
