package convert_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
)

const allValues = `{"t": true, "f": false, "n": -1.5, "s": "x", "none": null, "list": [1, "two", [], {}], "deep": {"B": {"a": [null]}, "a": 1}}`

func TestARunnerSeesTheContextsOfTheServer(t *testing.T) { // MSG-3
	want, err := expr.FromJSON([]byte(allValues))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(wire.ContextData{"github": convert.ContextToWire(want)})
	if err != nil {
		t.Fatal(err)
	}
	var received wire.ContextData
	if err := json.Unmarshal(text, &received); err != nil {
		t.Fatal(err)
	}
	got := convert.ContextFromWire(received["github"])
	if d := cmp.Diff(expr.ToJSON(want), expr.ToJSON(got)); d != "" {
		t.Errorf("(-server +runner)\n%s", d)
	}
}

func TestWhetherCaseMattersStays(t *testing.T) {
	for sensitive, object := range map[bool]*expr.Object{false: expr.NewObject(), true: expr.NewCaseSensitiveObject()} {
		sent := convert.ContextToWire(object.Set("A", "1"))
		got, ok := convert.ContextFromWire(sent).(*expr.Object)
		if !ok || got.CaseSensitive() != sensitive {
			t.Fatalf("got %+v, want one whose case matters: %v", got, sensitive)
		}
		if _, found := got.Get("a"); found == sensitive {
			t.Errorf("case matters: %v; found in another case: %v", sensitive, found)
		}
	}
}

func TestAbsentContextDataIsNull(t *testing.T) {
	for _, data := range []any{nil, (*wire.ContextArray)(nil), (*wire.ContextDict)(nil)} {
		if got := convert.ContextFromWire(data); got != nil {
			t.Errorf("%T: %v, want null", data, got)
		}
	}
}
