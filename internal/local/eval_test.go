package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/local"
)

// eval evaluates with the contexts of a text, and returns what is printed.
func eval(t *testing.T, e *local.Evaluation) (string, error) {
	t.Helper()
	var out strings.Builder
	e.Root = t.TempDir()
	write(t, filepath.Join(e.Root, "go.sum"), "x")
	err := local.Eval(t.Context(), &local.Terminal{Out: &out}, e)
	return out.String(), err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAValueIsPrintedAsGitHubDoes(t *testing.T) {
	const contexts = `{"github": {"ref": "refs/heads/main"}, "job": {"status": "failure"}, "n": null}`
	for _, c := range []struct{ src, text, json string }{
		{"1 == 1", "true", `{"kind":"Boolean","value":true}`},
		{"github.ref", "refs/heads/main", `{"kind":"String","value":"refs/heads/main"}`},
		{"${{ github.ref }}", "refs/heads/main", `{"kind":"String","value":"refs/heads/main"}`},
		{"on ${{ github.ref }}: ${{ 1 }}", "on refs/heads/main: 1", `{"kind":"String","value":"on refs/heads/main: 1"}`},
		{"'${{ 1 }}'", "${{ 1 }}", `{"kind":"String","value":"${{ 1 }}"}`},
		{"nothing.at.all", "", `{"kind":"Null","value":null}`},
		{"0.1", "0.1", `{"kind":"Number","value":0.1}`},
		{"NaN", "NaN", `{"kind":"Number","value":null}`},
		{"fromJSON('[1, {\"a\": []}]')", "Array", `{"kind":"Array","value":[1,{"a":[]}]}`},
		{"github", "Object", `{"kind":"Object","value":{"ref":"refs/heads/main"}}`},
		{"'<a>&'", "<a>&", `{"kind":"String","value":"<a>&"}`},
		{"success()", "false", `{"kind":"Boolean","value":false}`},
		{"failure() && always()", "true", `{"kind":"Boolean","value":true}`},
		{"hashFiles('none')", "", `{"kind":"String","value":""}`},
		// echo -n x | sha256sum | xxd -r -p | sha256sum
		{"hashFiles('*.sum')", "0a325ca303eb3014c43ae004970f343634db176fa1697bcc8c9efac94626488d", ""},
	} {
		got, err := eval(t, &local.Evaluation{Expression: c.src, Context: "-", Stdin: strings.NewReader(contexts)})
		if err != nil || got != c.text+"\n" {
			t.Errorf("%s: %q, %v, want %q", c.src, got, err, c.text)
		}
		got, err = eval(t, &local.Evaluation{Expression: c.src, Context: "-", Stdin: strings.NewReader(contexts), JSON: true})
		if c.json != "" && (err != nil || got != c.json+"\n") {
			t.Errorf("%s: %q, %v, want %s", c.src, got, err, c.json)
		}
	}
}

func TestAnErrorOfAnExpressionSaysWhenItWasFound(t *testing.T) {
	for src, want := range map[string]string{
		"'open":                                 `{"error":{"phase":"lexing","message":"Unexpected symbol: ''open'. Located at position 1 within expression: 'open"}}`,
		"nope()":                                `{"error":{"phase":"parsing","message":"Unrecognized function: 'nope'. Located at position 1 within expression: nope()"}}`,
		"a ${{ nope()":                          `{"error":{"phase":"parsing","message":"The expression is not closed. An unescaped ${{ sequence was found, but the closing }} sequence was not found."}}`,
		"":                                      `{"error":{"phase":"parsing","message":"An expression was expected"}}`,
		"fromJSON('{')":                         `{"error":{"phase":"evaluation","message":"Error parsing fromJson: unexpected end of JSON text"}}`,
		"'" + strings.Repeat("x", 21_000) + "'": `{"error":{"phase":"parsing","message":"Exceeded max expression length 21000"}}`,
		strings.Repeat("!", 50) + "1":           "Exceeded max expression depth 50",
		deep():                                  `{"error":{"phase":"evaluation","message":"The maximum allowed memory size was exceeded"}}`,
	} {
		got, err := eval(t, &local.Evaluation{Expression: src, JSON: true})
		if !errors.Is(err, local.ErrTold) || !strings.Contains(got, want) {
			t.Errorf("%.40s: %q, %v, want %s", src, got, err, want)
		}
		if got, err := eval(t, &local.Evaluation{Expression: src}); err == nil || errors.Is(err, local.ErrTold) || got != "" {
			t.Errorf("%.40s: %q, %v, want an error to print", src, got, err)
		}
	}
}

// deep is a text that doubles thirty times.
func deep() string {
	s := "'" + strings.Repeat("x", 1000) + "'"
	for range 20 {
		s = "format('{0}{0}{0}', " + s + ")"
	}
	return s
}

func TestContextsThatCannotBeReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"list.json": "[1]", "broken.json": "{", "large.json": `{"a": "` + strings.Repeat("x", 3<<20) + `"}`} {
		write(t, filepath.Join(dir, name), text)
	}
	for path, want := range map[string]string{
		dir:                               "is a directory, not a file",
		filepath.Join(dir, "none"):        "no such file or directory",
		filepath.Join(dir, "list.json"):   "a JSON object is expected",
		filepath.Join(dir, "broken.json"): "JSON text",
		filepath.Join(dir, "large.json"):  "larger than 2048 KiB",
		"/dev/zero":                       "is not a regular file",
	} {
		_, err := eval(t, &local.Evaluation{Expression: "1", Context: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", path, err, want)
		}
	}
}
