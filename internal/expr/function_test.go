package expr_test

import (
	"errors"
	"testing"

	"github.com/understudy-ci/understudy/internal/expr"
)

func TestFunctions(t *testing.T) { // EXP-11
	checkRows(t, map[string]string{
		"contains('Hello', 'LL')":                      "true",
		"contains('Hello', 'x')":                       "false",
		"contains('Hello', '')":                        "true",
		"contains(null, '')":                           "true",
		"contains(123, 2)":                             "true",
		"contains('a', p)":                             "false",
		"contains(fromJSON('[1,2]'), '2')":             "true",
		"contains(fromJSON('[\"ab\"]'), 'a')":          "false",
		"contains(fromJSON('{\"a\":1}'), 'a')":         "false",
		"contains(github.event.labels, 'ui')":          "true",
		"contains(p, p)":                               "false",
		"contains(p, p[0])":                            "true",
		"startsWith('Hello', 'hE')":                    "true",
		"startsWith('Hello', 'ello')":                  "false",
		"startsWith(null, '')":                         "true",
		"startsWith(p, '')":                            "false",
		"startsWith('12', 1)":                          "true",
		"endsWith('Hello', 'LLO')":                     "true",
		"endsWith('Hello', 'hell')":                    "false",
		"endsWith('a', p)":                             "false",
		"endsWith('ÉTÉ', 'té')":                        "true",
		"join(fromJSON('[1,null,true]'), '-')":         `"1--true"`,
		"join('x', '-')":                               `"x"`,
		"join(5)":                                      `"5"`,
		"join(null)":                                   `""`,
		"join(fromJSON('{\"a\":1}'))":                  `""`,
		"join(fromJSON('[\"a\",\"b\"]'))":              `"a,b"`,
		"join(fromJSON('[\"a\",\"b\"]'), p)":           `"a,b"`,
		"join(fromJSON('[\"a\",\"b\"]'), null)":        `"ab"`,
		"join(fromJSON('[\"a\",\"b\"]'), 0)":           `"a0b"`,
		"join(fromJSON('[[1],{},2]'))":                 `"Array,Object,2"`,
		"join(fromJSON('[]'), '-')":                    `""`,
		"fromJSON('1e2')":                              "100",
		"fromJSON(' \"x\" ')":                          `"x"`,
		"fromJSON('null')":                             "null",
		"toJSON(fromJSON('{''a'': \"b\"}').a)":         `"\"b\""`,
		"fromJSON('{$a_1: 1, b: [2,],}').b[0]":         "2",
		"fromJSON('[1, /* c */ 0x10, // d\n 010]')[1]": "16",
		"fromJSON('[010, .5, 2.]')[0]":                 "8",
		"fromJSON('[.5, 2.]')[0]":                      "0.5",
		"fromJSON('/* c */ [1]')":                      `" c "`,
		"fromJSON('NaN')":                              "NaN",
		"fromJSON('-Infinity')":                        "-Infinity",
		"fromJSON('[1]\n[2]')[0]":                      "1",
		"fromJSON('{\"a\": 1, \"A\": 3}').a":           "3",
		"fromJSON(true)":                               "true",
		"fromJSON(toJSON('a\"b'))":                     `"a\"b"`,
		"case(1 == 2, 'a', true, 'b', 'c')":            `"b"`,
		"case(false, 'a', 'c')":                        `"c"`,
		"CASE(true, 'a', fromJSON(''))":                `"a"`,
		"case(false, fromJSON(''), 'c')":               `"c"`,
		"case(true, 1, fromJSON(''), 2, 3)":            "1",
		"case(true, p.*, 0).n":                         "[\n  \"a\",\n  \"b\"\n]",
		"toJSON(fromJSON('{\"z\":\"<&>\",\"a\":[]}'))": `"{\n  \"z\": \"<&>\",\n  \"a\": []\n}"`,
		"toJSON('x')":                                  `"\"x\""`,
		"toJSON(1.50)":                                 `"1.5"`,
		"toJSON(null)":                                 `"null"`,
		"toJSON(true)":                                 `"true"`,
		"toJSON(fromJSON('{}'))":                       `"{}"`,
		"toJSON(p.*.n)":                                `"[\n  \"a\",\n  \"b\"\n]"`,
		"toJSON(fromJSON('{\"a\":{\"b\":[1,{}]}}'))":   `"{\n  \"a\": {\n    \"b\": [\n      1,\n      {}\n    ]\n  }\n}"`,
		"success() && !failure() && always()":          "true",
		"SUCCESS()":                                    "true",
		"cancelled()":                                  "false",
		"success('a', 'b')":                            "true",
	})
}

func TestFormat(t *testing.T) { // EXP-11
	checkRows(t, map[string]string{
		"format('{{{0}}}', 'x')":              `"{x}"`,
		"format('{{}}')":                      `"{}"`,
		"format('{{0}}', 1)":                  `"{0}"`,
		"format('')":                          `""`,
		"format(5)":                           `"5"`,
		"format('{0} {1} {0}', 'a', 'b')":     `"a b a"`,
		"format('{00}', 'a')":                 `"a"`,
		"format('{0:}', 'a')":                 `"a"`,
		"format('no', fromJSON(''))":          `"no"`,
		"format('é{0}ü', 'ß')":                `"éßü"`,
		"format('{0}', '{1}')":                `"{1}"`,
		"format(format('{{{0}}}', 0), 'abc')": `"abc"`,
	})
	invalid := func(s string) string { return "The following format string is invalid: " + s }
	checkErrors(t, []errorRow{
		{"format('{')", invalid("{"), 0},
		{"format('}')", invalid("}"), 0},
		{"format('a}b', 1)", invalid("a}b"), 0},
		{"format('{}', 1)", invalid("{}"), 0},
		{"format('{a}', 1)", invalid("{a}"), 0},
		{"format('{0', 1)", invalid("{0"), 0},
		{"format('{ 0}', 1)", invalid("{ 0}"), 0},
		{"format('{-1}', 1)", invalid("{-1}"), 0},
		{"format('{256}', 1)", invalid("{256}"), 0},
		{"format('{0:x', 1)", invalid("{0:x"), 0},
		{"format('{0:x}}', 1)", invalid("{0:x}}"), 0},
		{"format('{0:}}', 1)", invalid("{0:}}"), 0},
		{"format('{1}', 1)", "The following format string references more arguments than were supplied: {1}", 0},
		{"format('{255}', 1)", "The following format string references more arguments than were supplied: {255}", 0},
		{"1 && format('{0:x}', 1)", "The format specifiers 'x' are not valid for objects of type 'Number'", 5},
		{"format('{0}{0:a}}b}', 'x')", "The format specifiers 'a}b' are not valid for objects of type 'String'", 0},
	})
}

func TestEvaluationErrorsNameTheirCause(t *testing.T) { // EXP-11, IF-7
	checkErrors(t, []errorRow{
		{"fromJSON('')", "Error parsing fromJson: empty text is no JSON value", 0},
		{"'' || fromJSON(' ')", "Error parsing fromJson: empty text is no JSON value", 6},
		{"fromJSON('{')", "Error parsing fromJson: unexpected end of JSON text", 0},
		{"fromJSON('[1 2]')", "Error parsing fromJson: unexpected '2' at byte 3 of JSON text", 0},
		{"fromJSON('[1,,2]')", "Error parsing fromJson: unexpected ',' at byte 3 of JSON text", 0},
		{"fromJSON('[/* ]')", "Error parsing fromJson: unexpected '/' at byte 1 of JSON text", 0},
		{"fromJSON(p)", "Error parsing fromJson: unexpected 'A' at byte 0 of JSON text", 0},
		{"case(1, 'a', 'b')", "The predicate of 'case' must be a boolean value, not Number", 0},
		{"case('true', 'a', 'b')", "The predicate of 'case' must be a boolean value, not String", 0},
		{"hashFiles('**')", "hashFiles: no workspace", 0},
	})
	if _, err := evaluate(t, "1 && hashFiles('**')"); !errors.Is(err, errHash) {
		t.Errorf("got %v, want the error of the function", err)
	}
}

func TestAFunctionThatTheEnvironmentLacksIsAnError(t *testing.T) {
	e, err := parseNil("1 && success()")
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(nil)
	if err == nil || err.Error() != "Function 'success' is not available here" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestAFunctionMayAnswerAnyGoValue(t *testing.T) {
	e, err := parseNil("hashFiles(p.*.n)[0]")
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv(t)
	env.Functions["hashfiles"] = func(args []expr.Value) (expr.Value, error) {
		return []int{len(args[0].(*expr.Array).Items)}, nil
	}
	if v, err := e.Eval(env); v != 2.0 || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
}
