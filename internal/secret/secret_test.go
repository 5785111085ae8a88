package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const marker = "hunter2-marker"

func TestValueNeverPrints(t *testing.T) {
	v := New(marker)
	holder := struct {
		Name  string
		Value Value
		list  []Value
	}{"x", v, []Value{v}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", v)
		fmt.Fprintf(&out, verb+"\n", &v)
		fmt.Fprintf(&out, verb+"\n", holder)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "value", v, "holder", holder)
	}
	if err := json.NewEncoder(&out).Encode(holder); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.Contains(text, marker) || strings.Contains(text, fmt.Sprintf("%x", marker)) {
		t.Errorf("printed:\n%s", text)
	}
	if !strings.Contains(text, hidden) {
		t.Errorf("no %s in:\n%s", hidden, text)
	}
	if v.Reveal() != marker || (Value{}).Reveal() != "" {
		t.Error("Reveal returns something else")
	}
}

func testBox(t *testing.T, dir string) *Box {
	t.Helper()
	b, err := LoadBox(dir, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealedValueOpensAfterARestartInItsRowOnly(t *testing.T) {
	dir := t.TempDir()
	row := Row{"secrets", 42, "TOKEN"}
	for _, text := range []string{"", marker, strings.Repeat("x", 1<<16)} {
		sealed, err := testBox(t, dir).Seal(row, New(text))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, []byte(marker)) {
			t.Error("the text is in the sealed value")
		}
		got, err := testBox(t, dir).Open(row, sealed)
		if err != nil || got.Reveal() != text {
			t.Errorf("opened another text (%v)", err)
		}
		for _, other := range []Row{{"secrets", 43, "TOKEN"}, {"secrets", 42, "OTHER"}, {"variables", 42, "TOKEN"}, {"secretsT", 42, "OKEN"}} {
			if _, err := testBox(t, dir).Open(other, sealed); err == nil {
				t.Errorf("opened in row %v", other)
			}
		}
		if _, err := testBox(t, t.TempDir()).Open(row, sealed); err == nil {
			t.Error("opened with another key")
		}
	}
}

func TestDamagedSealedValueDoesNotOpen(t *testing.T) {
	b := testBox(t, t.TempDir())
	row := Row{"secrets", 1, "A"}
	sealed, err := b.Seal(row, New(marker))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := b.Open(row, damaged); err == nil {
			t.Errorf("opened with byte %d altered", i)
		}
		if _, err := b.Open(row, sealed[:i]); err == nil {
			t.Errorf("opened with %d bytes of %d", i, len(sealed))
		}
	}
}

func TestSameValueIsSealedDifferentlyEachTime(t *testing.T) {
	b := testBox(t, t.TempDir())
	one, err1 := b.Seal(Row{}, New(marker))
	two, err2 := b.Seal(Row{}, New(marker))
	if err1 != nil || err2 != nil || bytes.Equal(one, two) {
		t.Errorf("%v, %v, equal: %v", err1, err2, bytes.Equal(one, two))
	}
}

func TestKeyFileIsPrivateAndADamagedOneIsRefused(t *testing.T) {
	dir := t.TempDir()
	testBox(t, dir)
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want 0600", info, err)
	}
	if err := os.WriteFile(path, []byte("c0ffee"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadBox(dir, rand.Reader); err == nil || strings.Contains(err.Error(), "c0ffee") {
		t.Errorf("got %v, want an error without the content", err)
	}
	if _, err := NewBox([]byte("short"), rand.Reader); err == nil {
		t.Error("a short key was accepted")
	}
}
