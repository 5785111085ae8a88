package web

import (
	"strings"
	"testing"
)

func TestSummaryMarkdown(t *testing.T) {
	s := &Site{renderer: newMarkdown()}
	for _, c := range []struct{ name, in, want string }{
		{"heading below ours", "# a\n\n### b", "<h3>a</h3>\n<h5>b</h5>\n"},
		{"web link", "[a](https://x.example/b)", `<p><a href="https://x.example/b" rel="noopener nofollow">a</a></p>` + "\n"},
		{"mail link", "[a](mailto:b@x.example)", `<p><a href="mailto:b@x.example" rel="noopener nofollow">a</a></p>` + "\n"},
		{"bare link", "see https://x.example/b.", `<p>see <a href="https://x.example/b" rel="noopener nofollow">https://x.example/b</a>.</p>` + "\n"},
		{"bare mail", "a@x.example", `<p><a href="mailto:a@x.example" rel="noopener nofollow">a@x.example</a></p>` + "\n"},
		{"script link", "[a *b*](javascript:x)", "<p>a <em>b</em></p>\n"},
		{"script link in disguise", "[a](java&#115;cript:x) [b](JaVaScRiPt:x) [c](\tdata:x)", "<p>a b c</p>\n"},
		{"automatic script link", "<javascript:x&y>", "<p>javascript:x&amp;y</p>\n"},
		{"link by reference", "[a]\n\n[a]: vbscript:x", "<p>a</p>\n"},
		{"relative link", "[a](/logout) [b](//x.example) [c](#d) [e](http:x)", "<p>a b c e</p>\n"},
		{"image", "![the *alt* text](https://x.example/p.png)", "<p>the <em>alt</em> text</p>\n"},
		{"image in a link", "[![a](b.png)](https://x.example)", `<p><a href="https://x.example" rel="noopener nofollow">a</a></p>` + "\n"},
		{"raw HTML", "<b onclick=x>a</b>\n\n<script>\nx\n</script>", "<p><!-- raw HTML omitted -->a<!-- raw HTML omitted --></p>\n<!-- raw HTML omitted -->\n<!-- raw HTML omitted -->\n"},
		{"task", "- [x] a", "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\"> a</li>\n</ul>\n"},
		{"code", "```sh\n<b>\n```", "<pre><code class=\"language-sh\">&lt;b&gt;\n</code></pre>\n"},
	} {
		if got := string(s.markdown([]byte(c.in))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// The renderer's time grows with the square of the size of these.
func TestMarkdownThatTakesLongIsShownAsText(t *testing.T) {
	s := &Site{renderer: newMarkdown()}
	for _, unit := range []string{"[", "![", "[a](", "_a*", "*a ", "~~a", "<a", "> ", "1. ", "- ", ">", "[a](\n"} {
		in := strings.Repeat(unit, (1<<20)/len(unit))
		if got := string(s.markdown([]byte(in))); !strings.HasPrefix(got, "<pre>") {
			t.Errorf("%q repeated was rendered", unit)
		}
	}
	table := strings.Repeat("| [a](https://x.example) | **b** | `c_d` |\n", 200)
	for _, ordinary := range []string{
		"|a|b|c|\n|-|-|-|\n" + table, strings.Repeat("a\n\n", 10_000), strings.Repeat("- [ ] a_b\n", 500), "---\n\n> > > - 1. a\n", strings.Repeat("-", 300),
		"2026.11.20 - 1. 2. 3.", strings.Repeat("**a** [b](https://x.example)\n\n", 10_000),
	} {
		if got := string(s.markdown([]byte(ordinary))); strings.HasPrefix(got, "<pre>") {
			t.Errorf("%.40q was not rendered", ordinary)
		}
	}
}
