package worker

import "testing"

func TestInvalidTextIsReplaced(t *testing.T) {
	var scratch []byte
	if got, want := string(validText([]byte("a\xff\xfeé"), &scratch)), "a\ufffd\ufffdé"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	line := []byte("plain")
	if got := validText(line, &scratch); &got[0] != &line[0] {
		t.Error("valid text was copied")
	}
}
