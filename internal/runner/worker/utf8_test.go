package worker

import "testing"

func TestInvalidTextIsReplaced(t *testing.T) {
	var scratch []byte
	for text, want := range map[string]string{
		"a\xff\xfeé":              "a\ufffd\ufffdé",
		"cut \xe2\x82 mid":        "cut \ufffd mid",
		"cut \xf0\x9f\x98":        "cut \ufffd",
		"overlong \xc0\xaf":       "overlong \ufffd\ufffd",
		"overlong \xe0\x80\x80":   "overlong \ufffd\ufffd\ufffd",
		"surrogate \xed\xa0\x80":  "surrogate \ufffd\ufffd\ufffd",
		"beyond \xf4\x90\x80\x80": "beyond \ufffd\ufffd\ufffd\ufffd",
		"\xe2\x82\xe2\x82\xac":    "\ufffd€",
	} {
		if got := string(validText([]byte(text), &scratch)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := validString(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	line := []byte("plain")
	if got := validText(line, &scratch); &got[0] != &line[0] {
		t.Error("valid text was copied")
	}
}
