package server

import "testing"

func TestSizesAreReadAsOperatorsWriteThem(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "1048576": 1 << 20, "10GiB": 10 << 30, "500MB": 500e6, "1.5 kb": 1500, "2tib": 2 << 40} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1", "1 PB", "ten", "NaN", "inf", "1e30", "9999999TiB"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
