package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/understudy-ci/understudy/internal/wire"
)

// What can be read can be written, and then reads the same.
func fuzzRoundTrip[T any](f *testing.F, ignore ...cmp.Option) {
	f.Helper()
	f.Fuzz(func(t *testing.T, text []byte) {
		var v, back T
		if json.Unmarshal(text, &v) != nil {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if d := cmp.Diff(v, back, ignore...); d != "" {
			t.Errorf("-first +second:\n%s", d)
		}
	})
}

func FuzzContextDataReadsBack(f *testing.F) {
	f.Add([]byte(`{"github":{"t":2,"d":[{"k":"a","v":{"t":1,"a":[1,true,null,"x"]}}]},"m":{"t":5,"d":[{"K":"A","V":{"t":4,"n":1}}]}}`))
	f.Add([]byte(`{"x":{"t":0,"s":"y"},"y":{"b":true,"t":3},"z":{"t":2,"d":null}}`))
	fuzzRoundTrip[wire.ContextData](f, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(wire.ContextDict{}))
}

func FuzzTokenReadsBack(f *testing.F) {
	f.Add([]byte(`{"type":2,"map":[{"key":"a","value":{"type":3,"expr":"x"}},{"Key":{"type":4},"Value":[]}]}`))
	f.Add([]byte(`{"type":1,"seq":[1,true,null,"x",{"lit":"y","line":3,"col":4,"file":1},{"type":5,"bool":true},{"num":2,"type":6}]}`))
	// A token may carry values of types that are not its own; they are not written.
	f.Fuzz(func(t *testing.T, text []byte) {
		var v, back *wire.Token
		if json.Unmarshal(text, &v) != nil {
			return
		}
		first, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		if err := json.Unmarshal(first, &back); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := json.Marshal(back)
		if err != nil {
			t.Fatal(err)
		}
		if string(first) != string(second) {
			t.Errorf("first  %s\nsecond %s", first, second)
		}
	})
}
