package mask

import (
	"strings"
	"testing"
)

// FuzzWriter compares a stream, however cut, with marking every occurrence of
// every pattern.
func FuzzWriter(f *testing.F) {
	f.Add("abc\nabcdef\nbcd", "xabcabcdefbcdx", uint8(3))
	f.Add("aaaa\naa", "aaaaaaabaaa", uint8(1))
	f.Add("ab\nabab\nbaba", "abababababab ab", uint8(2))
	f.Add("s3cret", "x czNjcmV0 czNjcmV0Cg==", uint8(5))
	f.Add(strings.Repeat("ab", 400), strings.Repeat("ab", 1000), uint8(100))
	f.Fuzz(func(t *testing.T, secrets, text string, size uint8) {
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
		var out strings.Builder
		w := m.Writer(&out)
		for rest := []byte(text); len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			if len(w.held) >= maxPattern {
				t.Fatalf("%d bytes are kept back", len(w.held))
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Fatalf("%q in %q by %d:\n got %q\nwant %q", secrets, text, size, out.String(), want)
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
