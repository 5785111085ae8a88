package workflow_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/workflow"
)

const oneJob = "\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n"

// hostile are files made to cost much for their size.
func hostile() map[string]string {
	var laughs, anchors strings.Builder
	laughs.WriteString("on: push\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 30 {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	anchors.WriteString("on: push\nb: &b " + strings.Repeat("x", 500_000) + "\nc:\n")
	for range 20_000 {
		anchors.WriteString("- *b\n")
	}
	fill := func(s string) string { return strings.Repeat(s, 100_000/len(s)) }
	return map[string]string{
		"a billion laughs":         laughs.String() + oneJob,
		"one long text many times": anchors.String() + oneJob,
		"a list of lists":          "on: &a [*a, *a]" + oneJob,
		"deep flow lists":          "on: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + oneJob,
		"unclosed flow lists":      fill("["),
		"unclosed flow maps":       fill("{"),
		"deep block lists":         fill("- "),
		"many items":               fill("-\n"),
		"many flow items":          "on: [" + fill("a,") + "]" + oneJob,
		"many keys":                fill("? a\n"),
		"many empty keys":          fill(": \n"),
		"explicit keys":            fill("? "),
		"comments":                 fill("# a\n"),
		"comments after items":     fill("- a # b\n"),
		"comments between items":   fill("- a\n# b\n"),
		"indented comments":        "a:\n" + fill("  #\n"),
		"anchors":                  fill("- &a a\n"),
		"tags":                     fill("- !a a\n"),
		"colons":                   fill(":"),
		"quotes":                   fill("'"),
		"open quote":               `"` + fill("a\n"),
		"block text":               "a: |\n" + fill(" \n"),
		"documents":                fill("---\n"),
		"percent":                  fill("%a\n"),
		"long line":                "a: " + fill("b "),
		"flow pairs":               "[" + fill("a: b,"),
		"expressions":              "on: push\nrun-name: '" + fill("${{ 1 }}") + "'" + oneJob,
		"one expression":           "on: push\nrun-name: ${{ " + fill("(") + oneJob,
		"steps":                    "on: push\njobs: {a: {runs-on: x, steps: [" + fill("{run: a},") + "]}}",
		"jobs that need the last":  "on: push\njobs:\n" + chain(1_000),
		"needs":                    "on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}, b: {needs: [" + fill("a,") + "], runs-on: x, steps: [{run: a}]}}",
		"stars":                    "on: {push: {branches: ['" + fill("*a") + "']}}" + oneJob,
		"bytes":                    fill("\xff"),
		"zeros":                    fill("\x00"),
		"byte order marks":         fill("\ufeff"),
	}
}

// chain is n jobs, each of which needs the one before.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  j%d: {runs-on: x, steps: [{run: a}], needs: [%s]}\n", i, map[bool]string{true: fmt.Sprintf("j%d", i-1)}[i > 0])
	}
	return b.String()
}

// A bomb that gets through takes gigabytes or does not return (YAML-3, YAML-5).
func TestHostileFilesAreReadInBoundedMemory(t *testing.T) {
	for name, src := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := workflow.Parse("x.yml", []byte(src))
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
				t.Errorf("allocated %d MB for a file of %d kB: %.100v", used>>20, len(src)>>10, err)
			}
		})
	}
}

func TestLargeFilesAreRefusedUnread(t *testing.T) {
	_, err := workflow.Parse("x.yml", []byte(strings.Repeat("#", 2<<20)))
	want := "x.yml (Line: 1, Col: 1): The file has 2097152 bytes; at most 1048576 are allowed"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestInvalidUTF8IsFoundWhereItIs(t *testing.T) {
	_, err := workflow.Parse("x.yml", []byte("on: push\né: \xff"))
	want := "x.yml (Line: 2, Col: 4): The file is not valid UTF-8"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
