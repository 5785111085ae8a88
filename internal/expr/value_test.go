package expr_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/expr"
)

func keys(o *expr.Object) []string {
	var out []string
	for k := range o.All() {
		out = append(out, k)
	}
	return out
}

func TestObjectKeepsOrderAndIgnoresCase(t *testing.T) { // EXP-9, EXP-11
	for _, size := range []int{3, 8, 9, 40} { // with and without an index
		o := expr.NewObject()
		var want []string
		for i := range size {
			key := fmt.Sprintf("Key%d", size-i)
			o.Set(key, float64(i))
			want = append(want, key)
		}
		o.Set("KEY1", "new")
		if diff := cmp.Diff(want, keys(o)); diff != "" {
			t.Errorf("%d keys (-want +got):\n%s", size, diff)
		}
		if v, ok := o.Get("keY1"); v != "new" || !ok {
			t.Errorf("%d keys: got %v, %v", size, v, ok)
		}
		o.Delete("key2")
		o.Delete("nope")
		if _, ok := o.Get("Key2"); ok || o.Len() != size-1 {
			t.Errorf("%d keys: Key2 is still there, or %d is not one less", size, o.Len())
		}
		if v, ok := o.Get("key1"); v != "new" || !ok {
			t.Errorf("%d keys, after Delete: got %v, %v", size, v, ok)
		}
	}
}

func TestCaseSensitiveObjectTellsKeysApart(t *testing.T) { // EXP-9
	for _, size := range []int{0, 20} {
		o := expr.NewCaseSensitiveObject().Set("a", 1.0).Set("A", 2.0)
		for i := range size {
			o.Set(fmt.Sprint("x", i), nil)
		}
		a, _ := o.Get("a")
		b, _ := o.Get("A")
		if a != 1.0 || b != 2.0 || !o.CaseSensitive() {
			t.Errorf("got %v and %v", a, b)
		}
	}
}

func TestANilOrZeroObjectIsEmpty(t *testing.T) {
	var o *expr.Object
	if _, ok := o.Get("x"); ok || o.Len() != 0 || keys(o) != nil {
		t.Error("a nil object has something")
	}
	var zero expr.Object
	zero.Set("A", true).Delete("b")
	if v, _ := zero.Get("a"); v != true {
		t.Errorf("got %v", v)
	}
}

func TestOfConvertsGoValues(t *testing.T) {
	type word string
	n := 7
	got := expr.ToJSON(expr.Of(map[word]any{
		"b": []string{"x"}, "a": map[string]int{"k": 1}, "c": &n, "d": uint8(3), "e": float32(1.5), "f": word("w"),
		"g": int64(9), "h": nil, "i": struct{}{}, "j": (*int)(nil), "k": true, "l": &expr.Array{Items: []expr.Value{1.0}}, "m": map[int]int{1: 1},
	}))
	const want = `{"a":{"k":1},"b":["x"],"c":7,"d":3,"e":1.5,"f":"w","g":9,"h":null,"i":null,"j":null,"k":true,"l":[1],"m":null}`
	if got = strings.Join(strings.Fields(got), ""); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestFromJSONReadsWhatJSONAllows(t *testing.T) { // EXP-11
	for text, want := range map[string]string{
		`{"b":1,"a":{"B":[true,null,-0.5e1]}}`: `{"b":1,"a":{"B":[true,null,-5]}}`,
		`"\u00e9\ud83d\ude00\n\/\"\\"`:         `"é😀\n/\"\\"`,
		`"\ud83d"`:                             "\"\uFFFD\"",
		`"\ud83dx"`:                            "\"\uFFFDx\"",
		`"\ud83d\u0041"`:                       "\"\uFFFDA\"",
		"\"a\xffb\"":                           "\"a\uFFFDb\"",
		`"\u0085\u2028\u0001<>&'"`:             `"\u0085\u2028\u0001<>&'"`,
		`{"a":1,"a":2}`:                        `{"a":2}`,
		`{"a":1,"A":2}`:                        `{"a":1}`,
		" [ ] ":                                "[]",
		"1e999":                                "Infinity",
		"-0":                                   "0",
		"12345678901234567890":                 "1.23456789012346E+19",
		strings.Repeat("[", 100) + strings.Repeat("]", 100): strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		v, err := expr.FromJSON([]byte(text))
		if got := strings.Join(strings.Fields(expr.ToJSON(v)), ""); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestFromJSONRefusesWhatJSONDoesNotAllow(t *testing.T) { // EXP-11
	for _, text := range []string{
		"", " ", "nul", "nulll", "True", "'a'", `"a`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\`, "\"\n\"", "01", "1.", ".5", "+1", "-",
		"1e", "1e+", "0x1", "NaN", "[1,]", "[1 2]", "[", "{", `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1,}`, "1 2", "[]]", "// c\n1",
		strings.Repeat("[", 101) + strings.Repeat("]", 101), strings.Repeat("[", 1<<20), "\ufeff1", "\x00",
	} {
		if v, err := expr.FromJSON([]byte(text)); err == nil {
			t.Errorf("%.40q: got %s, want an error", text, expr.ToJSON(v))
		}
	}
}

func TestToJSONIsReadBackByOthers(t *testing.T) { // EXP-11
	want := map[string]any{"a": []any{1.5, "é\u2028\x01\"\\\t", nil, true}, "b": map[string]any{}}
	var got map[string]any
	if err := json.Unmarshal([]byte(expr.ToJSON(expr.Of(want))), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), keys(expr.Of(want).(*expr.Object))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}
