package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/expr"
)

func TestSourceIsLimited(t *testing.T) { // YAML-5
	const msg = "Exceeded max expression length 21000"
	fits := "'" + strings.Repeat("é", expr.MaxSource-2) + "'"
	if _, err := expr.Parse(fits, nil); err != nil {
		t.Errorf("21,000 characters: %v", err)
	}
	if _, err := expr.Parse(fits+" ", nil); err == nil || err.Error() != msg {
		t.Errorf("21,001 characters: got %v", err)
	}
	if _, _, err := expr.Template(strings.Repeat("x", expr.MaxSource)+"${{ 1 }}", nil); err == nil || err.Error() != msg {
		t.Errorf("a template whose format call is too long: got %v", err)
	}
	if _, err := expr.Condition(fits, nil); err == nil || err.Error() != msg {
		t.Errorf("a condition that is too long with its success(): got %v", err)
	}
	if _, isExpr, err := expr.Template(strings.Repeat("x", 1<<20), nil); isExpr || err != nil {
		t.Errorf("text without an expression: got %v, %v", isExpr, err)
	}
	if _, _, err := expr.Template(strings.Repeat("${{1}}", 255), nil); err == nil || err.Error() != "Too many parameters supplied: 'format'" {
		t.Errorf("a template with 255 expressions: got %v", err)
	}
}

func TestDepthIsLimited(t *testing.T) { // YAML-5
	nest := func(open, middle, end string, n int) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
	}
	for name, row := range map[string]struct {
		open, middle, end string
		most              int // 0 when nothing but the length of the source limits it
	}{
		"calls":       {"format(", "1", ")", 49},
		"not":         {"!", "1", "", 49},
		"properties":  {"", "p", ".a", 49},
		"indexes":     {"p[", "p", "]", 49},
		"comparisons": {"", "1", "==1", 49},
		"groups":      {"(", "1", ")", 0},
		"and":         {"", "1", "&&1", 0},
		"and groups":  {"1&&(", "1", ")", 0},
		"or":          {"1||", "1", "", 0},
		"mixed":       {"1||(0&&(", "1", "))", 24},
	} {
		most := row.most
		if most == 0 {
			most = expr.MaxSource / (len(row.open) + len(row.end) + 1)
		} else if _, err := parseNil(nest(row.open, row.middle, row.end, most+1)); err == nil ||
			!strings.HasPrefix(err.Error(), "Exceeded max expression depth 50") {
			t.Errorf("%s, %d levels: got %v, want an error", name, most+1, err)
		}
		if _, err := parseNil(nest(row.open, row.middle, row.end, most)); err != nil {
			t.Errorf("%s, %d levels: %v", name, most, err)
		}
	}
	deep := nest("format(", "1", ")", 49)
	if _, _, err := expr.Template("x ${{ "+deep+" }}", nil); err == nil {
		t.Error("a template whose format call is too deep parses")
	}
	if _, err := expr.Condition(deep, nil); err == nil {
		t.Error("a condition that is too deep with its success() parses")
	}
}

func TestHostileExpressionsEndSoonWithAnError(t *testing.T) { // threats: expression explosion
	big := &expr.Array{Items: make([]expr.Value, 200_000)}
	for i := range big.Items {
		big.Items[i] = "some text that is not there"
	}
	long := strings.Repeat("x", 5<<20)
	contexts := expr.NewObject().Set("big", big).Set("long", long).
		Set("nested", &expr.Array{Items: []expr.Value{big, big, big, big, big, big, big, big}})

	double := "'" + strings.Repeat("x", 1000) + "'"
	for range 20 {
		double = "format('{0}{0}{0}{0}', " + double + ")"
	}
	array := "'[[],[],[],[],[],[],[],[]]'"
	for range 10 {
		array = "format('[{0},{0},{0},{0},{0},{0},{0},{0}]', " + array + ")"
	}
	for name, src := range map[string]string{
		"format doubles":         double,
		"fromJSON of many":       "fromJSON(" + array + ")",
		"join of joins":          "join(fromJSON(format('[{0},{0}]', toJSON(join(big)))), join(big))",
		"contains in a big one":  "contains(big, 1)" + strings.Repeat("||contains(big, 1)", 1000),
		"contains in a text":     "contains(long, 'y')" + strings.Repeat("||contains(long, 'y')", 900),
		"comparison of texts":    "long != long" + strings.Repeat("||long != long", 1000),
		"endsWith":               "endsWith(long, long)" + strings.Repeat("&&endsWith(long, long)", 800),
		"text to number":         "long > 1" + strings.Repeat("||long > 1", 1000),
		"filters":                "nested.*.*.* && " + strings.Repeat("nested.*.* && ", 1000) + "1",
		"filters that drop":      "big.*.x" + strings.Repeat(".x", 40) + strings.Repeat("&& big.*.x", 1000),
		"toJSON":                 "toJSON(nested)",
		"toJSON of toJSON":       strings.Repeat("toJSON(", 40) + "'\"'" + strings.Repeat(")", 40),
		"format of a long text":  "format(long, 1)" + strings.Repeat("&&format(long, 1)", 1000),
		"join with a long comma": "join(big, long)",
		"fromJSON fails on long": "fromJSON(long)" + strings.Repeat("||fromJSON(long)", 1000),
	} {
		e, err := parseNil(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		start := time.Now()
		v, err := e.Eval(&expr.Env{Contexts: contexts})
		if err == nil {
			t.Errorf("%s: got %.50v, want an error", name, v)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestLimitsAreThoseOfTheEnv(t *testing.T) {
	e, err := parseNil("format('{0}{0}', 'abcd')")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		env  expr.Env
		want string
	}{
		{expr.Env{MaxMemory: 8, MaxSteps: 20}, ""},
		{expr.Env{MaxMemory: 7}, "The maximum allowed memory size was exceeded"},
		{expr.Env{MaxSteps: 3}, "The maximum number of evaluation steps was exceeded"},
	} {
		got := ""
		if _, err := e.Eval(&row.env); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%+v: got %q, want %q", row.env, got, row.want)
		}
	}
}

func TestEvaluationsThatShareABudgetEndWhenItIsUsedUp(t *testing.T) {
	e, err := expr.Parse("toJSON(text)", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 64_000) // 1000 steps and more
	for name, b := range map[string]*expr.Budget{"steps": {Steps: 2500, Memory: 1 << 30}, "memory": {Steps: 1 << 30, Memory: 160_000}} {
		env := &expr.Env{Contexts: expr.NewObject().Set("text", text), Budget: b}
		for i := range 2 {
			if _, err := e.Eval(env); err != nil || b.Exhausted() {
				t.Fatalf("%s, %d: %v, %+v", name, i, err, b)
			}
		}
		if _, err := e.Eval(env); err == nil || !b.Exhausted() {
			t.Errorf("%s: the third: %v, %+v", name, err, b)
		}
		if _, err := e.Eval(env); err == nil {
			t.Errorf("%s: the fourth is evaluated", name)
		}
	}
	own := &expr.Budget{Steps: 1 << 30, Memory: 1 << 30}
	if _, err := e.Eval(&expr.Env{Contexts: expr.NewObject().Set("text", text), MaxSteps: 10, Budget: own}); err == nil || own.Exhausted() {
		t.Errorf("an expression over its own limit: %v, %+v", err, own)
	}
}
