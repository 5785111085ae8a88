package mask_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/understudy-ci/understudy/internal/mask"
)

// masker returns a Masker with the given secrets.
func masker(t *testing.T, secrets ...string) *mask.Masker {
	t.Helper()
	m := &mask.Masker{}
	for _, s := range secrets {
		if !m.Add(s) {
			t.Fatalf("Add(%q) is false", s)
		}
	}
	return m
}

// tricky is a secret that every encoding changes.
const tricky = `p"<s>'&é/+ \` + "\t😀w0rd"

func TestEveryEncodingOfASecretIsMasked(t *testing.T) {
	m := masker(t, tricky)
	quoted, err := json.Marshal(tricky)
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	var x bytes.Buffer
	if err := xml.EscapeText(&x, []byte("a<b>&c")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"raw":                    tricky,
		"JSON":                   plain[1 : len(plain)-1],
		"JSON for HTML":          string(quoted[1 : len(quoted)-1]),
		"base64":                 base64.StdEncoding.EncodeToString([]byte(tricky)),
		"base64 without padding": base64.RawStdEncoding.EncodeToString([]byte(tricky)),
		"base64 for URLs":        base64.RawURLEncoding.EncodeToString([]byte(tricky)),
		"query":                  url.QueryEscape(tricky),
		"path":                   url.PathEscape(tricky),
		"RFC 3986":               strings.ReplaceAll(url.QueryEscape(tricky), "+", "%20"),
		"lower case percent":     strings.NewReplacer("%3C", "%3c", "%C3", "%c3", "%A9", "%a9", "%2F", "%2f", "%2B", "%2b", "%5C", "%5c", "%3E", "%3e", "%F0%9F", "%f0%9f", "+", "%20").Replace(url.QueryEscape(tricky)),
		"HTML":                   html.EscapeString(tricky),
		"XML":                    strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(tricky),
		"expression":             strings.ReplaceAll(tricky, "'", "''"),
		"command line":           strings.ReplaceAll(tricky, `"`, `\"`),
		"shell":                  strings.ReplaceAll(tricky, "'", `'\''`),
	} {
		if got := m.Text("x " + text + " y"); got != "x *** y" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	ascii := strconv.QuoteToASCII("né€")
	if got := masker(t, "né€").Text(ascii); got != `"***"` {
		t.Errorf("%s: got %s", ascii, got)
	}
}

func TestBase64IsMaskedAtEveryAlignment(t *testing.T) {
	for _, secret := range []string{"hunter22", "s3cr3t", "correct horse battery", "\xfb\xff\xfe\xfb\xff\xfe?>~"} {
		m := masker(t, secret)
		for before := range 7 {
			for after := range 7 {
				text := strings.Repeat("u", before) + secret + strings.Repeat("v", after)
				for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
					got := m.Text(enc.EncodeToString([]byte(text)))
					if !strings.Contains(got, "***") {
						t.Fatalf("%q: not masked in %s", text, got)
					}
					// What is left, the neighbours' and two shared characters, holds no whole character of the secret.
					if rest := strings.TrimRight(got, "="); len(rest) > len("***")+(4*before+2)/3+(4*after+2)/3+2 {
						t.Errorf("%q: too much is left in %s", text, got)
					}
				}
			}
		}
	}
}

func TestEachLineOfASecretIsMasked(t *testing.T) {
	m := masker(t, "-----BEGIN KEY-----\r\nabcdef\n{\n\n  \nlast line\n")
	for line, want := range map[string]string{
		"-----BEGIN KEY-----":  "***",
		"x abcdef y":           "x *** y",
		"{":                    "{",
		"   ":                  "   ",
		"the last line":        "the ***",
		"YWJjZGVm":             "***",
		"abcde":                "abcde",
		"a\nabcdef\nlast line": "a\n***\n***",
	} {
		if got := string(m.Line([]byte(line))); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestTooShortValuesDoNotMask(t *testing.T) {
	for _, value := range []string{"", "a", "b\n", "ab", " ", "  ", "   ", "\n", "\r\n \t", "a\nb\n}"} {
		m := &mask.Masker{}
		if m.Add(value) && !strings.Contains(value, "}") { // which is one whole value that masks
			t.Errorf("Add(%q) is true", value)
		}
		if got := m.Text("a  b\n\n \tab }"); got != "a  b\n\n \tab }" {
			t.Errorf("%q masks: %q", value, got)
		}
	}
	if got := masker(t, "abc").Text("cabc, YWJj"); got != "c***, ***" {
		t.Errorf("three characters: got %q", got)
	}
}

func TestOverlappingAndTouchingMatchesBecomeOne(t *testing.T) {
	for _, row := range []struct {
		secrets    []string
		text, want string
	}{
		{[]string{"abc", "abcdef"}, "abcdef abcde abc", "*** ***de ***"},
		{[]string{"abcd", "cdef"}, "xabcdefy abcdx cdefx", "x***y ***x ***x"},
		{[]string{"abcde", "bcd"}, "abcde bcd", "*** ***"},
		{[]string{"ab12", "cd34"}, "ab12cd34 ab12 cd34", "*** *** ***"},
		{[]string{"aaaa"}, "aaaaaaaaa aaa aaaa", "*** aaa ***"},
		{[]string{"secret\nline"}, "secret\nline", "***"},
		{[]string{`"quoted text"`}, `quoted text "quoted text"`, "*** ***"},
		{[]string{"first&second&third part"}, "first&second& third part", "*** ***"},
		{[]string{"first&+second"}, "first&+ econd", "*** econd"},
		{[]string{"first&+seconds"}, "first&+ econds", "*** ***"},
		{[]string{"\xff\xfe\xfd"}, "a\xff\xfe\xfdb\xff", "a***b\xff"},
		{[]string{"***x"}, "a***x *** x", "a*** *** x"},
	} {
		m := masker(t, row.secrets...)
		if got := m.Text(row.text); got != row.want {
			t.Errorf("%q in %q: got %q, want %q", row.secrets, row.text, got, row.want)
		}
	}
}

func TestALongSecretIsMaskedInPieces(t *testing.T) {
	for _, size := range []int{511, 512, 513, 600, 1023, 1024, 1025, 50_000} {
		secret := make([]byte, size)
		for i := range secret {
			secret[i] = byte('a' + (i*i+i/7)%26)
		}
		m := masker(t, string(secret))
		if got := m.Text("<" + string(secret) + ">"); got != "<***>" {
			t.Errorf("%d bytes: got %.80q", size, got)
		}
	}
}

func TestASecretAddedLaterMasksWhatFollows(t *testing.T) {
	m := &mask.Masker{}
	const text = "late secret num-123"
	mask := func(want string) {
		t.Helper()
		if got := m.Text(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	mask("late secret num-123")
	m.Add("late")
	mask("*** secret num-123")
	m.Add("secret")
	if err := m.AddRegexp(`num-\d+`); err != nil {
		t.Fatal(err)
	}
	mask("*** *** ***")
}

func TestRegularExpressionsMaskWithinALine(t *testing.T) {
	m := masker(t, "other")
	for _, p := range []string{`tok_[a-z]+`, `^start`, `x*`, `end$`, `k_\w+;`, `lit\-er\ al`} {
		if err := m.AddRegexp(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.AddRegexp(`(`); err == nil {
		t.Error("a bad expression is accepted")
	}
	text := "start tok_abc tok_ABC start\nan end\nend other_k_other;tok_zz\nlit-er al bGl0LWVyIGFs"
	want := "*** *** tok_ABC start\nan ***\nend ***_***\n*** ***"
	if got := m.Text(text); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !m.Contains("a tok_x") || m.Contains("a tok_X") {
		t.Error("Contains ignores the expression")
	}
}

func TestContainsFindsSecrets(t *testing.T) { // RES-4
	m := masker(t, "value")
	if !m.Contains("a value b") || !m.Contains("dmFsdWU=") || m.Contains("valu e") || m.Contains("") {
		t.Error("Contains is wrong")
	}
	var none mask.Masker
	if none.Contains("value") || none.Text("value") != "value" {
		t.Error("a Masker without secrets masks")
	}
}

func TestLineLeavesItsArgumentAlone(t *testing.T) {
	m := masker(t, "value")
	b := []byte("a value b")
	if got := m.Line(b); string(got) != "a *** b" || string(b) != "a value b" {
		t.Errorf("got %q, and the argument is now %q", got, b)
	}
	b = []byte("nothing here")
	if got := m.Line(b); &got[0] != &b[0] {
		t.Error("a line without secrets is copied")
	}
}

func TestMaskingNothingDoesNotAllocate(t *testing.T) {
	m := masker(t, tricky, "ghs_0123456789")
	line := []byte(strings.Repeat("building package number 7 of ghs ", 30))
	if n := testing.AllocsPerRun(100, func() { m.Line(line) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSecretsMayBeAddedWhileOthersMask(t *testing.T) {
	m := masker(t, "first")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 50 {
				m.Add(fmt.Sprintf("secret-%d-%d", i, n))
			}
		})
		wg.Go(func() {
			for range 200 {
				if got := m.Text("the first one"); got != "the *** one" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
	if got := m.Text("secret-3-49"); got != "***" {
		t.Errorf("got %q", got)
	}
}

func TestLinesOfASecretAreMaskedWithoutTheirIndentation(t *testing.T) {
	m := masker(t, "{\r\n  \"id\": \"kingfisher\",\n\t\u00a0\"key\": \"heron\" \n}\n", " cormorant ")
	for text, want := range map[string]string{
		`"id": "kingfisher",`:         "***",
		`        "id": "kingfisher",`: "        ***",
		`{"key": "heron"}`:            "{***}",
		`cormorant`:                   "***",
		`a cormorant b`:               "a***b",
		`{`:                           "{",
	} {
		if got := m.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"key": "heron"}`))
	if got := m.Text(encoded); !strings.Contains(got, "***") {
		t.Errorf("a line in base64 is readable: %s", got)
	}
}
