package expr_test

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/expr"
)

func TestLiterals(t *testing.T) { // EXP-3
	checkRows(t, map[string]string{
		"null":        "null",
		"true":        "true",
		" false\n":    "false",
		"1":           "1",
		"-1.5":        "-1.5",
		"+2":          "2",
		".5":          "0.5",
		"-.5":         "-0.5",
		"1e3":         "1000",
		"1E+3":        "1000",
		"0xff":        "255",
		"0o17":        "15",
		"010":         "10",
		"Infinity":    "Infinity",
		"-Infinity":   "-Infinity",
		"+Infinity":   "Infinity",
		"NaN":         "NaN",
		"''":          `""`,
		"'it''s'":     `"it's"`,
		"'a''''b'":    `"a''b"`,
		"'${{ }}'":    `"${{ }}"`,
		"'é\u2028'":   `"é\u2028"`,
		"GitHub.REF":  `"refs/heads/x"`,
		"FORMAT('x')": `"x"`,
		"env.true":    `"named"`,
	})
}

func TestFaultsAreFoundAtTheirOffset(t *testing.T) { // EXP-3, EXP-11
	at := func(msg, position, src string) string {
		return msg + ". Located at position " + position + " within expression: " + src
	}
	checkErrors(t, []errorRow{
		{`"a"`, at(`Unexpected symbol: '"a"'`, "1", `"a"`), 0},
		{"'open", at("Unexpected symbol: ''open'", "1", "'open"), 0},
		{"1 +", at("Unexpected symbol: '+'", "3", "1 +"), 2},
		{"1 2", at("Unexpected symbol: '2'", "3", "1 2"), 2},
		{"'é' =x", at("Unexpected symbol: '=x'", "5", "'é' =x"), 5},
		{"1_000", at("Unexpected symbol: '1_000'", "1", "1_000"), 0},
		{"github.", at("Unexpected end of expression: '.'", "7", "github."), 6},
		{"github.0", at("Unexpected symbol: '0'", "8", "github.0"), 7},
		{"'a'.b", at("Unexpected symbol: '.'", "4", "'a'.b"), 3},
		{"github['a'", at("Unexpected end of expression: ''a''", "8", "github['a'"), 7},
		{"github[]", at("Unexpected symbol: ']'", "8", "github[]"), 7},
		{"(1", at("Unexpected end of expression: '1'", "2", "(1"), 1},
		{"1)", at("Unexpected symbol: ')'", "2", "1)"), 1},
		{"1 == ", at("Unexpected end of expression: '=='", "3", "1 =="), 2},
		{" \n 1 2\t", at("Unexpected symbol: '2'", "3", "1 2"), 5},
		{"  nope()", at("Unrecognized function: 'nope'", "1", "nope()"), 2},
		{"contains('a', 'b'", at("Unexpected end of expression: ''b''", "15", "contains('a', 'b'"), 14},
		{"+infinity", at("Unexpected symbol: '+infinity'", "1", "+infinity"), 0},
		{"a & b", at("Unexpected symbol: '&'", "3", "a & b"), 2},
		{"a*b", at("Unexpected symbol: 'a*b'", "1", "a*b"), 0},
		{"a.*b", at("Unexpected symbol: 'b'", "4", "a.*b"), 3},
		{"*", at("Unexpected symbol: '*'", "1", "*"), 0},
		{"nope(1)", at("Unrecognized function: 'nope'", "1", "nope(1)"), 0},
		{"true(1)", at("Unexpected symbol: '('", "5", "true(1)"), 4},
		{"github.format('x')", at("Unexpected symbol: '('", "14", "github.format('x')"), 13},
		{"contains('a')", at("Too few parameters supplied: 'contains'", "1", "contains('a')"), 0},
		{"1 && join()", at("Too few parameters supplied: 'join'", "6", "1 && join()"), 5},
		{"startsWith('a','b','c')", at("Too many parameters supplied: 'startsWith'", "1", "startsWith('a','b','c')"), 0},
		{"case(true, 1)", at("Too few parameters supplied: 'case'", "1", "case(true, 1)"), 0},
		{"case(true, 1, false, 2)", at("Even number of parameters supplied, requires an odd number of parameters: 'case'", "1", "case(true, 1, false, 2)"), 0},
		{"hashFiles()", at("Too few parameters supplied: 'hashFiles'", "1", "hashFiles()"), 0},
		{"always(1)", at("Too many parameters supplied: 'always'", "1", "always(1)"), 0},
		{"format('a',)", at("Unexpected symbol: ')'", "12", "format('a',)"), 11},
		{"", "An expression was expected", 0},
		{"  ", "An expression was expected", 2},
	})
}

func TestOperatorsBindAndAssociate(t *testing.T) { // EXP-4
	checkRows(t, map[string]string{
		"'a' && 'b'":              `"b"`,
		"'' || 'd'":               `"d"`,
		"0 || null":               "null",
		"true && ''":              `""`,
		"3 > 2 > 1":               "false",
		"1 || 0 && 0":             "1",
		"(1 || 0) && 0":           "0",
		"!true == false":          "true",
		"!(true == false)":        "true",
		"!!'x'":                   "true",
		"1 < 2 == true":           "true",
		"true == 1 < 2":           "true",
		"1 == 1 != false":         "true",
		"!env.foo":                "false",
		"'' || 0 || 'c' || 'd'":   `"c"`,
		"1 && 'b' && null && 'd'": "null",
		"false && fromJSON('')":   "false",
		"true || fromJSON('')":    "true",
		"2 >= 2 && 2 <= 2":        "true",
	})
}

func TestTruth(t *testing.T) { // EXP-5
	checkRows(t, map[string]string{
		"!false": "true", "!0": "true", "!-0": "true", "!NaN": "true", "!''": "true", "!null": "true",
		"!'false'": "false", "!'0'": "false", "!fromJSON('[]')": "false", "!fromJSON('{}')": "false",
		"!Infinity": "false", "!1": "false", "!p[9].*": "false",
	})
}

func TestLooseComparison(t *testing.T) { // EXP-6
	checkRows(t, map[string]string{
		"1 == '1'":                           "true",
		"true == '1'":                        "true",
		"true == 'true'":                     "false",
		"null == ''":                         "true",
		"null == 0":                          "true",
		"null == false":                      "true",
		"null != null":                       "false",
		"null == null":                       "true",
		"null < 1":                           "true",
		"null >= null":                       "true",
		"'Abc' == 'aBC'":                     "true",
		"'É' == 'é'":                         "true",
		"'ı' == 'i'":                         "false",
		"'\u212a' == 'k'":                    "false",
		"'a' < 'B'":                          "true",
		"'a' < '_'":                          "true",
		"'10' < '9'":                         "true",
		"'10' < 9":                           "false",
		"'ab' > 'a'":                         "true",
		"NaN == NaN":                         "false",
		"NaN != NaN":                         "true",
		"NaN < 1 || NaN >= 1":                "false",
		"fromJSON('[]') == fromJSON('[]')":   "false",
		"fromJSON('[]') != fromJSON('[]')":   "true",
		"github.event == GITHUB['EVENT']":    "true",
		"p == p":                             "true",
		"fromJSON('{}') > 1":                 "false",
		"fromJSON('{}') == null":             "false",
		"fromJSON('[]') == ''":               "false",
		"github.event <= github.event":       "true",
		"github.event < github.event":        "false",
		"true > false":                       "true",
		"false >= null":                      "true",
		"true == true && false != true":      "true",
		"1 != '1'":                           "false",
		"'x' == 0":                           "false",
		"p.*.n == p.*.n":                     "false",
		"contains(fromJSON('[null]'), 0)":    "true",
		"contains(fromJSON('[\"A\"]'), 'a')": "true",
	})
}

func TestTextToNumber(t *testing.T) { // EXP-7
	for text, want := range map[string]string{
		" 0x0A ": "10", "": "0", " \t\n": "0", "1_0": "NaN", "+1": "1", "-1.5e2": "-150", "5.": "5", ".5": "0.5",
		".": "NaN", "-": "NaN", "1e": "NaN", "e1": "NaN", "1e+": "NaN", "1,000": "NaN", "0xFFFFFFFF": "4294967295",
		"0x100000000": "NaN", "0xg": "NaN", "0x": "NaN", "0X1": "NaN", "-0x1": "NaN", "0x1p4": "NaN", "0o17": "15",
		"0o8": "NaN", "0b1": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "+Infinity": "Infinity", "infinity": "NaN", "inf": "NaN",
		"NaN": "NaN", "1e999": "Infinity", "-1e999": "-Infinity", "010": "10", "true": "NaN", "1 2": "NaN",
	} {
		if got := expr.String(expr.Number(text)); got != want {
			t.Errorf("Number(%q): got %s, want %s", text, got, want)
		}
	}
	checkRows(t, map[string]string{"' 0x0A ' == 10": "true", "'1_0' == 10": "false"})
}

func TestValueToText(t *testing.T) { // EXP-8
	checkRows(t, map[string]string{
		"format('{0}', 1.0)":                 "\"1\"",
		"format('{0}', 0xff)":                "\"255\"",
		"format('{0}', -0)":                  "\"-0\"",
		"format('{0}', fromJSON('[1]'))":     "\"Array\"",
		"format('{0}', p.*)":                 "\"Array\"",
		"format('{0}', github.event)":        "\"Object\"",
		"format('{0}', null)":                "\"\"",
		"format('{0}{1}', true, false)":      "\"truefalse\"",
		"format('{0}', 0.1)":                 "\"0.1\"",
		"format('{0}', 1e14)":                "\"100000000000000\"",
		"format('{0}', 999999999999999)":     "\"999999999999999\"",
		"format('{0}', 1e15)":                "\"1E+15\"",
		"format('{0}', 1234567890123456)":    "\"1.23456789012346E+15\"",
		"format('{0}', 0.0001)":              "\"0.0001\"",
		"format('{0}', 0.00001)":             "\"1E-05\"",
		"format('{0}', -1.5e-7)":             "\"-1.5E-07\"",
		"format('{0}', 1e300)":               "\"1E+300\"",
		"format('{0}', 3.1415926535897932)":  "\"3.14159265358979\"",
		"format('{0}', 0.99999999999999999)": "\"1\"",
		"format('{0}', -Infinity)":           "\"-Infinity\"",
		"format('{0}', NaN)":                 "\"NaN\"",
	})
}

func TestDereference(t *testing.T) { // EXP-9
	checkRows(t, map[string]string{
		"github.ref":                      `"refs/heads/x"`,
		"github['ref']":                   `"refs/heads/x"`,
		"github[format('{0}', 'REF')]":    `"refs/heads/x"`,
		"(github).ref":                    `"refs/heads/x"`,
		"github . ref":                    `"refs/heads/x"`,
		"github.nope":                     "null",
		"github.nope.nope[0]":             "null",
		"github.ref.x":                    "null",
		"github.event.n":                  "1",
		"env.Foo":                         `"upper"`,
		"env.foo":                         `"lower"`,
		"env.FOO":                         "null",
		"Env.foo":                         `"lower"`,
		"missing":                         "null",
		"p[0].n":                          `"a"`,
		"p['1'].n":                        `"b"`,
		"p[null].n":                       `"a"`,
		"p[1.9].n":                        `"b"`,
		"p[-1]":                           "null",
		"p[-0.5]":                         "null",
		"p[4]":                            "null",
		"p['x']":                          "null",
		"p.x":                             "null",
		"p[NaN]":                          "null",
		"p[1e300]":                        "null",
		"github[p]":                       "null",
		"p[p]":                            "null",
		"fromJSON('{\"a\":{\"b\":1}}').a": "{\n  \"b\": 1\n}",
		"fromJSON('[[5]]')[0][0]":         "5",
		"fromJSON('{\"1\":2}')[1]":        "2",
		"fromJSON('{\"\":2}')[null]":      "2",
	})
}

func TestFilters(t *testing.T) { // EXP-10
	rows := map[string]string{
		"p.*.n":                   `["a","b"]`,
		"p[*].n":                  `["a","b"]`,
		"p.*.t":                   `[[1,2],[3]]`,
		"p.*.t.*":                 `[1,2,3]`,
		"p.*.t[0]":                `[1,3]`,
		"p.*.t[1]":                `[2]`,
		"p[3].*":                  `[]`,
		"null.*":                  "",
		"github.ref.*":            `[]`,
		"missing.*.x":             `[]`,
		"contains(p.*.n, 'B')":    `true`,
		"github.event.*":          `[["bug","UI"],1]`,
		"github.*.labels":         `[["bug","UI"]]`,
		"github.*.labels.*":       `["bug","UI"]`,
		"(p.*).n":                 `["a","b"]`,
		"(null || p.*).n":         `["a","b"]`,
		"p.*[0]":                  `[]`,
		"p.*.*":                   `["a",[1,2],"b",[3]]`,
		"join(p.*.n, '+')":        `"a+b"`,
		"fromJSON('[[1],[2]]').*": `[[1],[2]]`,
	}
	for src, want := range rows {
		v, err := evaluate(t, src)
		if want == "" {
			if err == nil {
				t.Errorf("%s: got %s, want an error", src, expr.ToJSON(v))
			}
			continue
		}
		got := strings.Join(strings.Fields(expr.ToJSON(v)), "")
		if err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", src, got, err, want)
		}
	}
}

func TestAFilteredArrayLeavesAnEvaluationAsAnArray(t *testing.T) { // EXP-10
	v, err := evaluate(t, "p.*")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := v.(*expr.Array); !ok {
		t.Errorf("got %T, want *expr.Array", v)
	}
}
