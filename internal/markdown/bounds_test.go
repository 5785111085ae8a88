package markdown_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/markdown"
)

// megabyte is a text again and again, as long as a summary may be.
func megabyte(unit string) string { return strings.Repeat(unit, (1<<20)/len(unit)) }

// numbered is a text again and again, with another number each time.
func numbered(format string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// bombs are summaries that took, or would take, seconds or gigabytes.
func bombs() map[string]string {
	list := map[string]string{
		"wide table":          strings.Repeat("|a", 20_000) + "\n" + strings.Repeat("|-", 20_000) + "\n" + strings.Repeat("|\n", 100_000),
		"many tables":         megabyte("|a|b|\n|-|-|\n|c|d|\n\n"),
		"escaped pipes":       "|a|\n|-|\n" + megabyte("|`\\|`|\n"),
		"long row":            "|a|\n|-|\n" + megabyte("|"+strings.Repeat("*a _b ", 1000)+"|\n"),
		"one link's target":   "[a]: http://x/" + strings.Repeat("a", 1<<19) + "\n\n" + strings.Repeat("[a]\n\n", (1<<19)/5),
		"many targets":        megabyte("[a]: b\n"),
		"one footnote":        "[^a]: b\n\n" + megabyte("[^a]\n\n"),
		"many footnotes":      numbered("[^%d]: a\n\n", 1<<19) + numbered("[^%d]\n\n", 1<<19),
		"lines in deep lists": strings.Repeat("- ", 40) + "a\n" + megabyte("\n"),
		"ever deeper lists":   deeper(),
		"formats and blocks":  megabyte("<b><p>x"),
		"divs":                megabyte("<div>"),
		"open cells":          "<table>\n" + megabyte("<td>"),
		"nested tables":       megabyte("<table><td>"),
		"attributes":          "<a " + megabyte("title=b ") + ">",
		"ends":                strings.Repeat("<div>", 99) + "\n" + megabyte("</p>"),
	}
	for _, block := range []string{"*a", "*a _b ", "a*", "*", "_a_", "[", "[a](b", "[a]", "<a ", "*a**", "[[a](b)", "<a b='", "(http://a", "![a][b", "`a``"} {
		list["large block of "+block] = strings.Repeat(block, 22_000/len(block))
		list["blocks of "+block] = megabyte(strings.Repeat(block, 4400/len(block)) + "\n\n")[:1<<18]
	}
	for _, unit := range []string{
		"[", "![", "[a](", "_a*", "*a ", "~~a", "<a", "> ", "1. ", "- ", ">", "[a](\n", "**a", "a_", "`", "www.a.b ", "a@b.c ", "(http:", ":rocket:", ":a",
		"a\n\n", "#\n", "-\n", "- a\n", "***\n", "a\n", "```\n```\n", "    a\n\nb\n", "\"", "&", "<!--", "x <?", "<b>", "<li>", "<dl><dd>", "<img src=http://a>", "![](a)",
	} {
		list["nothing but "+unit] = megabyte(unit)[:1<<18]
	}
	for _, unit := range []string{"- a\n", "www.a.b ", "a\n\n", "```\n```\n", "*a "} { // the dearest
		list["a megabyte of "+unit] = megabyte(unit)
	}
	return list
}

func deeper() string {
	var b strings.Builder
	for i := 0; b.Len() < 1<<20; i++ {
		b.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	return b.String()
}

// What takes long shows in what it allocates, and that does not depend on what
// else the machine does.
func TestHostileSummariesAreRenderedInBoundedMemory(t *testing.T) {
	if raced {
		t.Skip("under the race detector pools keep nothing, and all is allocated anew: make test runs it without")
	}
	r := markdown.New()
	for name, in := range bombs() {
		t.Run(name, func(t *testing.T) {
			in = in[:min(len(in), 1<<20)]
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out := mustRender(r, in)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20+uint64(400*len(in)) {
				t.Errorf("allocated %d MB for %d kB", used>>20, len(in)>>10)
			}
			if len(out) > markdown.MaxOutput+maxEnd {
				t.Errorf("%d kB of HTML", len(out)>>10)
			}
			if len(out) < 1<<20 { // what is larger takes the parser long
				mustBeWhole(t, out)
			}
		})
	}
}

// maxEnd is what may come behind MaxOutput: a token, and what closes elements.
const maxEnd = 1<<20 + 4<<10

func TestLargeHonestSummariesAreRendered(t *testing.T) {
	row := "| [a long name of a test](https://x.example/a/b?c=d) | **passed** | `c_d` | 12.5 s | :rocket: |\n"
	for name, c := range map[string]struct {
		in, unit string
		want     int
	}{
		"table of 500 rows":    {"|a|b|c|d|e|\n|-|-|-|-|-|\n" + strings.Repeat(row, 500), "<tr>", 501},
		"table of a megabyte":  {"|a|b|c|d|e|\n|-|-|-|-|-|\n" + megabyte(row), "<strong>passed", (1 << 20) / len(row)},
		"wide table":           {strings.Repeat("|a", 200) + "\n" + strings.Repeat("|-", 200) + "\n" + strings.Repeat(strings.Repeat("|b", 200)+"\n", 200), "<td>", 40_000},
		"rows of dashes":       {"|a|b|c|\n|-|-|-|\n" + strings.Repeat("| - | - | - |\n", 5000), "<td>", 15_000},
		"list of tasks":        {strings.Repeat("- [ ] a_b **c**\n", 20_000), "<li>", 20_000},
		"nested lists":         {strings.Repeat("- a\n  - b\n    1. c\n       > d\n", 5000), "<li>", 15_000},
		"paragraphs":           {strings.Repeat("**a** [b](https://x.example), `c` and much more text that nobody reads.\n\n", 12_000), "<strong>", 12_000},
		"long paragraph":       {strings.Repeat("A line with **one** thing and [another](https://x.example) in it.\n", 500), "<strong>", 500},
		"table in HTML":        {"<table>" + strings.Repeat("<tr><td>a</td><td><b>b</b></td></tr>", 10_000) + "</table>", "<b>", 10_000},
		"details":              {strings.Repeat("<details><summary>a</summary>\n\n```\nb\n```\n\n</details>\n\n", 5000), "</details>", 5000},
		"code":                 {"```\n" + megabyte("a *b* [c](d) | e\n") + "```\n", "| e", (1 << 20) / 17},
		"definitions of links": {numbered("[%[1]d]\n\n", 4000) + numbered("[%d]: https://x.example/\n", 20_000), `<a href="https://x.example/"`, 500},
		"dashes and numbers":   {"---\n\n> > > - 1. a\n\n" + strings.Repeat("-", 300) + "\n\n2026.11.20 - 1. 2. 3.", "<hr>", 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Count(mustRender(markdown.New(), c.in), c.unit); got < c.want {
				t.Errorf("%d times %s, want %d", got, c.unit, c.want)
			}
		})
	}
}

func TestWhatIsTooMuchIsTextAndTheRestIsNot(t *testing.T) {
	in := "# a\n\n" + strings.Repeat("*b", 20_000) + "\n\n**c**\n"
	want := "<h3>a</h3>\n<pre><code>" + strings.Repeat("*b", 20_000) + "\n</code></pre>\n<p><strong>c</strong></p>"
	if got := render(in); got != want {
		t.Errorf("got %.100s … %s", got, got[max(0, len(got)-100):])
	}
	in = strings.Repeat("- a\n", 400_000)[:1<<20] + "\n\n**c**\n"
	if got := render(in); !strings.HasPrefix(got, "<ul>\n<li>a</li>\n") || !strings.HasSuffix(got, "- a\n\n\n**c**\n</code></pre>") {
		t.Errorf("got %.100s … %s", got, got[max(0, len(got)-100):])
	}
	if got := render(megabyte("&")); !strings.HasSuffix(got, "There is more of this summary than is shown.</em></p>") {
		t.Errorf("got … %s", got[max(0, len(got)-100):])
	}
}
