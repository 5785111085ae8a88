package convert_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const everyKind = `on: push
env:
  TEXT: "a {b} it's ${{ github.ref }}"
  PLAIN: "x"
  NUMBER: 5
  YES: true
  NOTHING:
  ${{ insert }}: "${{ fromJSON('{}') }}"
jobs:
  a:
    runs-on: linux
    container: {image: "${{ matrix.os }}", ports: [80, "${{ 1 == 2 }}"]}
    steps: [{run: make}]
`

// parsed is the env and the container of the job in everyKind.
func parsed(t *testing.T) []*workflow.Token {
	t.Helper()
	w, err := workflow.Parse("ci.yml", []byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	return []*workflow.Token{w.Env, w.Job("a").Container}
}

// overTheWire sends a token as JSON.
func overTheWire(t *testing.T, sent *wire.Token) (text []byte, received *wire.Token) {
	t.Helper()
	text, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &received); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return text, received
}

func TestARunnerReadsWhatTheWorkflowFileSays(t *testing.T) { // MSG-2
	byText := cmp.Comparer(func(a, b *expr.Expr) bool { return (a == nil) == (b == nil) && (a == nil || a.String() == b.String()) })
	for _, want := range parsed(t) {
		_, received := overTheWire(t, convert.TokenToWire(want))
		got, err := convert.TokenFromWire(received)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, byText); d != "" {
			t.Errorf("(-file +runner)\n%s", d)
		}
	}
}

func TestTextWithExpressionsIsOneExpression(t *testing.T) { // MSG-2
	env := convert.TokenToWire(parsed(t)[0])
	got := env.Map[0].Value
	if want := `format('a {{b}} it''s {0}', github.ref)`; got.Type != wire.ExpressionToken || got.Expr != want || got.File != 1 || got.Line != 3 {
		t.Errorf("got %+v, want the expression %s in line 3 of file 1", got, want)
	}
}

func TestWhatTheFileDoesNotHaveIsNil(t *testing.T) {
	if got := convert.TokenToWire(nil); got != nil {
		t.Errorf("to the wire: %+v", got)
	}
	for name, token := range map[string]*wire.Token{"absent": nil, "null": wire.Null()} {
		if got, err := convert.TokenFromWire(token); got != nil || err != nil {
			t.Errorf("%s: %+v, %v; want nil", name, got, err)
		}
	}
	list, err := convert.TokenFromWire(&wire.Token{Type: wire.SequenceToken, Seq: []*wire.Token{wire.Null(), nil}})
	if err != nil || len(list.Items) != 2 || list.Items[0].Kind != workflow.Null || list.Items[1].Kind != workflow.Null {
		t.Errorf("nulls in a sequence: %+v, %v", list, err)
	}
}

func TestTokensThatMakeNoSenseAreErrors(t *testing.T) {
	bad := &wire.Token{Type: wire.ExpressionToken, Expr: "format('"}
	for name, token := range map[string]*wire.Token{
		"expression": bad,
		"type":       {Type: 99},
		"item":       {Type: wire.SequenceToken, Seq: []*wire.Token{bad}},
		"key":        {Type: wire.MappingToken, Map: []wire.TokenPair{{Key: bad, Value: wire.Null()}}},
		"value":      wire.Mapping(wire.Pair("a", bad)),
	} {
		if got, err := convert.TokenFromWire(token); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}

func TestExpressionsShowAsPeopleWroteThem(t *testing.T) {
	for source, want := range map[string]string{
		"github.ref":                              "${{ github.ref }}",
		"format('a {0}', b)":                      "a ${{ b }}",
		"format('it''s {0} {{x}}', b)":            "it's ${{ b }} {x}",
		"format('{0}-{1}', join(a, 'x,y'), c[0])": "${{ join(a, 'x,y') }}-${{ c[0] }}",
		"format(a, b)":                            "${{ format(a, b) }}",
		"format('a') || format('b')":              "${{ format('a') || format('b') }}",
	} {
		token, err := convert.TokenFromWire(&wire.Token{Type: wire.ExpressionToken, Expr: source})
		if err != nil || token.Str != want {
			t.Errorf("%s: %+v, %v; want %s", source, token, err, want)
		}
	}
}
