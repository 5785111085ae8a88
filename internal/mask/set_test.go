package mask

import (
	"strings"
	"testing"
)

// FuzzText compares masking with marking every occurrence of every pattern.
func FuzzText(f *testing.F) {
	f.Add("abc\nabcdef\nbcd", "xabcabcdefbcdx")
	f.Add("aaaa\naa", "aaaaaaabaaa")
	f.Add("ab\nabab\nbaba", "abababababab ab")
	f.Add("s3cret", "x czNjcmV0 czNjcmV0Cg==")
	f.Add(strings.Repeat("ab", 400), strings.Repeat("ab", 1000))
	f.Fuzz(func(t *testing.T, secrets, text string) {
		if len(secrets) > 1000 || len(text) > 2000 {
			return
		}
		var m Masker
		for secret := range strings.SplitSeq(secrets, "\n") {
			m.Add(secret)
		}
		want := reference(&m, text)
		if got := m.Text(text); got != want {
			t.Fatalf("%q in %q:\n got %q\nwant %q", secrets, text, got, want)
		}
	})
}

// reference masks in the plainest way.
func reference(m *Masker, text string) string {
	s := m.set.Load()
	if s == nil {
		return text
	}
	marked := make([]bool, len(text))
	for _, p := range s.patterns {
		for from := 0; ; from++ {
			i := strings.Index(text[from:], p)
			if i < 0 {
				break
			}
			from += i
			for j := range len(p) {
				marked[from+j] = true
			}
		}
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !marked[i]:
			out.WriteByte(text[i])
		case i == 0 || !marked[i-1]:
			out.WriteString(replacement)
		}
	}
	return out.String()
}

func TestNoPatternIsLongerThanAPiece(t *testing.T) {
	for _, p := range patterns(strings.Repeat("0123456789<", 500)) {
		if len(p) > maxPattern || len(p) < minValue {
			t.Errorf("a pattern of %d bytes", len(p))
		}
	}
}
