package toolkit_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/toolkit"
)

// The forms in which the function was published, and since which versions.
var forms = map[string]string{
	"artifact 2.0.0, cache 3.0.0": `function isGhes() {
    const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');
    return ghUrl.hostname.toUpperCase() !== 'GITHUB.COM';
}
`,
	"artifact 2.1.1, cache 3.2.4": `function isGhes() {
    const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');
    const hostname = ghUrl.hostname.trimEnd().toUpperCase();
    const isGitHubHost = hostname === 'GITHUB.COM';
    const isGheHost = hostname.endsWith('.GHE.COM') || hostname.endsWith('.GHE.LOCALHOST');
    return !isGitHubHost && !isGheHost;
}
`,
	"artifact 2.1.8, cache 4.0.0": `function isGhes() {
    const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');
    const hostname = ghUrl.hostname.trimEnd().toUpperCase();
    const isGitHubHost = hostname === 'GITHUB.COM';
    const isGheHost = hostname.endsWith('.GHE.COM');
    const isLocalHost = hostname.endsWith('.LOCALHOST');
    return !isGitHubHost && !isGheHost && !isLocalHost;
}
`,
}

// variants are what bundlers make of a form.
func variants(form string) map[string]string {
	return map[string]string{
		"as it is":     form,
		"a module":     "export " + form,
		"in a bundle":  strings.Replace(form, "isGhes", "shared_config_isGhes", 1),
		"renumbered":   strings.Replace(form, "isGhes", "isGhes$1", 1),
		"other quotes": strings.ReplaceAll(strings.ReplaceAll(form, "'", `"`), "    ", "  "),
		"CRLF":         strings.ReplaceAll(form, "\n", "\r\n"),
		"tabs, var":    strings.ReplaceAll(strings.ReplaceAll(form, "    ", "\t"), "const ", "var "),
		"property":     strings.Replace(form, "['GITHUB_SERVER_URL']", ".GITHUB_SERVER_URL", 1),
	}
}

func TestEveryPublishedFormIsLifted(t *testing.T) { // ENV-3
	for version, form := range forms {
		for what, text := range variants(form) {
			js := []byte("// before\n" + text + "\n// after: " + text[:20])
			want := len(js)
			if n := toolkit.Lift(js); n != 1 || len(js) != want {
				t.Errorf("%s, %s: lifted %d times, %d bytes, want once and %d", version, what, n, len(js), want)
				continue
			}
			head, rest, _ := strings.Cut(string(js), "return ")
			if !strings.HasPrefix(rest, "false; /* lifted */ ") || !strings.HasPrefix("// before\n"+text, head) {
				t.Errorf("%s, %s: became\n%s", version, what, js)
			}
			again := bytes.Clone(js)
			if n := toolkit.Lift(again); n != 0 || !bytes.Equal(again, js) {
				t.Errorf("%s, %s: lifted again", version, what)
			}
		}
	}
}

// What the function answers is asked of Node.js itself.
func TestLiftedFunctionTakesEveryHost(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skipf("no node: %v", err)
	}
	for version, form := range forms {
		for what, text := range variants(form) {
			_, name, _ := strings.Cut(text, "function ")
			name, _, _ = strings.Cut(name, "(")
			js := []byte(strings.TrimPrefix(text, "export ") + "\nprocess.stdout.write(String(" + name + "()))")
			for _, want := range []string{"true", "false"} {
				cmd := exec.CommandContext(t.Context(), node, "-e", string(js))
				cmd.Env = []string{"GITHUB_SERVER_URL=https://ci.example"}
				if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
					t.Errorf("%s, %s: says %s (%v), want %s", version, what, out, err, want)
				}
				toolkit.Lift(js)
			}
		}
	}
}

func TestOtherFunctionsStayAsTheyAre(t *testing.T) {
	form := forms["artifact 2.1.8, cache 4.0.0"]
	for what, text := range map[string]string{
		"nothing":              "",
		"another default":      strings.Replace(form, "https://github.com", "https://ghe.example", 1),
		"another variable":     strings.Replace(form, "GITHUB_SERVER_URL", "GITHUB_API_URL", 1),
		"another name":         strings.Replace(form, "isGhes", "isGithub", 1),
		"a parameter":          strings.Replace(form, "isGhes()", "isGhes(url)", 1),
		"another host":         strings.Replace(form, "GITHUB.COM", "EXAMPLE.COM", 1),
		"more in it":           strings.Replace(form, "    return", "    console.log(1);\n    return", 1),
		"another answer":       strings.Replace(form, "return !", "return ", 1),
		"cut off":              form[:len(form)-4],
		"a string of it":       "const s = \"function isGhes() { const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');\"",
		"blanks without end":   strings.Replace(form, "{\n", "{\n"+strings.Repeat(" ", 5000), 1),
		"the name of variable": strings.Repeat("GITHUB_SERVER_URL", 100),
	} {
		js := []byte(text)
		if n := toolkit.Lift(js); n != 0 || string(js) != text {
			t.Errorf("%s: lifted %d times, and became\n%s", what, n, js)
		}
	}
}

// Wherever the window of the reader ends, the outcome is that of the whole text.
func TestReaderFindsFormsAcrossItsWindow(t *testing.T) {
	form := forms["artifact 2.1.8, cache 4.0.0"]
	for _, before := range []int{0, 1, 61_000, 63_000, 64<<10 - 2048, 64<<10 - 300, 64<<10 - 1, 64 << 10, 200_000} {
		text := strings.Repeat("x", before) + form + strings.Repeat("y", 100_000) + form + "are not currently supported on GHES."
		want := []byte(text)
		toolkit.Lift(want)
		for name, r := range map[string]io.Reader{
			"at once": strings.NewReader(text), "bit by bit": iotest.HalfReader(strings.NewReader(text)), "with the end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			lr := toolkit.NewReader(r)
			got, err := io.ReadAll(lr)
			if err != nil || !bytes.Equal(got, want) || lr.Lifted() != 2 || !lr.Refuses() {
				t.Errorf("%d before, %s: %d bytes, lifted %d, %v", before, name, len(got), lr.Lifted(), err)
			}
		}
	}
}

func TestReaderKeepsEveryOtherByte(t *testing.T) {
	random := rand.NewChaCha8([32]byte{3})
	for _, size := range []int{0, 1, 2047, 2048, 2049, 65535, 65536, 65537, 300_000} {
		text := make([]byte, size)
		_, _ = random.Read(text)
		got, err := io.ReadAll(toolkit.NewReader(bytes.NewReader(text)))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes changed (%v)", size, err)
		}
	}
	broken := toolkit.NewReader(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	got, err := io.ReadAll(broken)
	if diff := cmp.Diff("abc", string(got)); diff != "" || err == nil {
		t.Errorf("a source that breaks: %v %s", err, diff)
	}
}

func FuzzLiftChangesOnlyWhatItCounts(f *testing.F) {
	for _, form := range forms {
		f.Add([]byte(form))
		f.Add([]byte(form + form))
	}
	f.Fuzz(func(t *testing.T, js []byte) {
		got := bytes.Clone(js)
		n := toolkit.Lift(got)
		if len(got) != len(js) || n == 0 && !bytes.Equal(got, js) || toolkit.Lift(got) != 0 {
			t.Errorf("lifted %d times: %q became %q", n, js, got)
		}
	})
}
