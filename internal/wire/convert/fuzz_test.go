package convert_test

import (
	"encoding/json"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
)

// What one side has read it can write, and that is then read and written the same.
func FuzzTokensComeBackAsTheyWent(f *testing.F) {
	for _, s := range []string{
		`{"type":2,"map":[{"key":"a","value":{"type":3,"expr":"format('a {0}', b)"}},{"Key":{"type":4},"Value":[]}]}`,
		`{"type":1,"seq":[1,true,null,"x",{"lit":"y","line":3,"col":4,"file":1},{"type":5,"bool":true},{"num":2,"type":6,"line":1}]}`,
		`{"type":3,"expr":" format('{', ) "}`, `{"type":3,"expr":"format('''', x)"}`, `{"type":3,"expr":"{0}{{}}"}`,
		`{"type":1,"seq":[{"type":3,"expr":"format('{0}{9}{99999999999999999999}', a[0], (b))","line":2}]}`, `{"type":7,"line":2}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var sent *wire.Token
		if json.Unmarshal(text, &sent) != nil {
			return
		}
		token, err := convert.TokenFromWire(sent)
		if err != nil || token == nil {
			return
		}
		first, received := overTheWire(t, convert.TokenToWire(token))
		back, err := convert.TokenFromWire(received)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, _ := overTheWire(t, convert.TokenToWire(back)); string(first) != string(second) {
			t.Errorf("first  %s\nsecond %s", first, second)
		}
	})
}

func FuzzContextsComeBackAsTheyWent(f *testing.F) {
	f.Add([]byte(`{"github":{"t":2,"d":[{"k":"a","v":{"t":1,"a":[1,true,null,"x"]}}]},"m":{"t":5,"d":[{"K":"A","V":{"t":4,"n":1}},{"k":"a","v":2}]}}`))
	f.Add([]byte(`{"x":{"t":0,"s":"y"},"y":{"b":true,"t":3},"z":{"t":2,"d":null},"one":{"t":2,"d":[{"k":"A"},{"k":"a","v":1},{"k":"ſ"},{"k":"S"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var sent wire.ContextData
		if json.Unmarshal(text, &sent) != nil {
			return
		}
		first, received := contextsOverTheWire(t, sent)
		if second, _ := contextsOverTheWire(t, received); string(first) != string(second) {
			t.Errorf("first  %s\nsecond %s", first, second)
		}
	})
}

// contextsOverTheWire makes values of contexts and sends them as JSON.
func contextsOverTheWire(t *testing.T, data wire.ContextData) (text []byte, received wire.ContextData) {
	t.Helper()
	again := make(wire.ContextData, len(data))
	for name, v := range data {
		again[name] = convert.ContextToWire(convert.ContextFromWire(v))
	}
	text, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &received); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return text, received
}
