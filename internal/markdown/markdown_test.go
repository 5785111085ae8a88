package markdown_test

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/markdown"
)

const badges = "img.shields.io"

func mustRender(r *markdown.Renderer, source string) string {
	out, err := r.Render([]byte(source))
	if err != nil {
		panic(err)
	}
	return out
}

func render(source string) string {
	return strings.TrimSuffix(mustRender(markdown.New(badges), source), "\n")
}

func TestMarkdownIsGitHubs(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"headings stand below ours", "# a\n\n### b\n\n##### c", "<h3>a</h3>\n<h5>b</h5>\n<h6>c</h6>"},
		{"link", "[a](https://x.example/b)", `<p><a href="https://x.example/b" rel="noopener nofollow">a</a></p>`},
		{"link by reference", "[a]\n\n[a]: http://x.example 'b'", `<p><a href="http://x.example" title="b" rel="noopener nofollow">a</a></p>`},
		{"mail", "[a](mailto:b@x.example)", `<p><a href="mailto:b@x.example" rel="noopener nofollow">a</a></p>`},
		{"bare link", "see https://x.example/b.", `<p>see <a href="https://x.example/b" rel="noopener nofollow">https://x.example/b</a>.</p>`},
		{"bare mail", "a@x.example", `<p><a href="mailto:a@x.example" rel="noopener nofollow">a@x.example</a></p>`},
		{"www", "www.x.example", `<p><a href="http://www.x.example" rel="noopener nofollow">www.x.example</a></p>`},
		{"tasks", "- [x] a\n- [ ] b", "<ul>\n<li><input checked=\"\" type=\"checkbox\" disabled=\"\"> a</li>\n<li><input type=\"checkbox\" disabled=\"\"> b</li>\n</ul>"},
		{"strikethrough", "~~a~~", "<p><del>a</del></p>"},
		{"code", "```sh\n<b>\n```", "<pre><code class=\"language-sh\">&lt;b&gt;\n</code></pre>"},
		{"code of a language with signs", "```c++\n```", "<pre><code class=\"language-c++\"></code></pre>"},
		{
			"table", "| a | b | c |\n|:--|:-:|--:|\n| 1 | **2** | `3` |",
			`<table><thead><tr><th align="left">a</th><th align="center">b</th><th align="right">c</th></tr></thead>` +
				`<tbody><tr><td align="left">1</td><td align="center"><strong>2</strong></td><td align="right"><code>3</code></td></tr></tbody></table>`,
		},
		{"emoji", ":rocket: :+1: `:rocket:` 10:20:30 :nothing:", "<p>🚀 👍 <code>:rocket:</code> 10:20:30 :nothing:</p>"},
		{"alert", "> [!NOTE]\n> a *b*\n>\n> c", "<blockquote class=\"alert alert-note\"><p class=\"alert-title\">Note</p>\n<p>a <em>b</em></p>\n<p>c</p>\n</blockquote>"},
		{"alert in small letters", "> [!caution]\n> a", "<blockquote class=\"alert alert-caution\"><p class=\"alert-title\">Caution</p>\n<p>a</p>\n</blockquote>"},
		{"alert and its text apart", "> [!TIP]\n>\n> a", "<blockquote class=\"alert alert-tip\"><p class=\"alert-title\">Tip</p>\n<p>a</p>\n</blockquote>"},
		{"no alert", "> [!NOTHING]\n> a\n\n- > [!NOTE]\n  > b", "<blockquote>\n<p>[!NOTHING]\na</p>\n</blockquote>\n<ul>\n<li>\n<blockquote>\n<p>[!NOTE]\nb</p>\n</blockquote>\n</li>\n</ul>"},
		{
			"footnote", "a[^x]\n\n[^x]: b",
			`<p>a<sup id="user-content-656c9cac-fnref:1"><a href="#user-content-656c9cac-fn:1" class="footnote-ref" role="doc-noteref">1</a></sup></p>` + "\n" +
				`<div class="footnotes" role="doc-endnotes">` + "\n<hr>\n<ol>\n" + `<li id="user-content-656c9cac-fn:1">` + "\n" +
				"<p>b\u00a0<a href=\"#user-content-656c9cac-fnref:1\" class=\"footnote-backref\" role=\"doc-backlink\">↩︎</a></p>\n</li>\n</ol>\n</div>",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := render(c.in); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// What the summary of @actions/core writes.
func TestHTMLOfTheToolkitIsShown(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"heading", "<h1>a</h1>\n", "<h3>a</h3>"},
		{"code block", "<pre lang=\"js\"><code>a &lt; b</code></pre>\n", `<pre lang="js"><code>a &lt; b</code></pre>`},
		{"list", "<ul><li>a</li><li>b</li></ul>\n", "<ul><li>a</li><li>b</li></ul>"},
		{
			"table", "<table><tr><th>a</th><th colspan=\"2\">b</th></tr><tr><td>1</td><td rowspan=\"2\">2</td></tr></table>\n",
			`<table><tbody><tr><th>a</th><th colspan="2">b</th></tr><tr><td>1</td><td rowspan="2">2</td></tr></tbody></table>`,
		},
		{"details", "<details><summary>a</summary>b</details>\n", "<details><summary>a</summary>b</details>"},
		{"details around Markdown", "<details open>\n<summary>a</summary>\n\n- b\n\n</details>", "<details open=\"\">\n<summary>a</summary>\n<ul>\n<li>b</li>\n</ul>\n</details>"},
		{"image", `<img src="https://img.shields.io/a.svg" alt="b" width="32" height="32">`, `<img alt="b" width="32" height="32" src="https://img.shields.io/a.svg" loading="lazy" referrerpolicy="no-referrer">`},
		{"rule, break", "<hr>\n\na<br>b", "<hr>\n<p>a<br>b</p>"},
		{"quote", "<blockquote cite=\"https://x.example\">a</blockquote>\n", "<blockquote>a</blockquote>"},
		{"link", `<a href="https://x.example">a</a>`, `<p><a href="https://x.example" rel="noopener nofollow">a</a></p>`},
		{"anchor", `<a name="a"></a> <a href="#a">b</a>`, `<p><a name="user-content-a"></a> <a href="#user-content-a">b</a></p>`},
		{"small things", "<sub>a</sub><kbd>b</kbd><p align=\"center\">c</p>", `<p><sub>a</sub><kbd>b</kbd></p><p align="center">c</p>`},
		{"table without end tags", "<table>\n<tr><td>a<td>b\n<tr><td>c\n</table>", "<table><tbody><tr><td>a</td><td>b\n</td></tr><tr><td>c\n</td></tr></tbody></table>"},
		{"text in a table", "<table>\na<tr><td>b</table>", "<table><tbody><tr><td>\na</td></tr><tr><td>b</td></tr></tbody></table>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := render(c.in); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestImagesOfOtherHostsAreLinks(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"badge", "![a](https://img.shields.io/b.svg)", `<p><img alt="a" src="https://img.shields.io/b.svg" loading="lazy" referrerpolicy="no-referrer"></p>`},
		{"badge with a link", "[![a](https://img.shields.io/b)](https://x.example)", `<p><a href="https://x.example" rel="noopener nofollow"><img alt="a" src="https://img.shields.io/b" loading="lazy" referrerpolicy="no-referrer"></a></p>`},
		{"another host", "![the *alt*](https://x.example/p.png)", `<p><a href="https://x.example/p.png" rel="noopener nofollow">the alt</a></p>`},
		{"no text", "![](https://x.example/p.png)", `<p><a href="https://x.example/p.png" rel="noopener nofollow">image</a></p>`},
		{"another host with a link", "[![a](https://x.example/b.png)](https://y.example)", `<p><a href="https://y.example" rel="noopener nofollow">a</a></p>`},
		{"not encrypted", "![a](http://img.shields.io/b.svg)", `<p><a href="http://img.shields.io/b.svg" rel="noopener nofollow">a</a></p>`},
		{"another port", "![a](https://img.shields.io:8443/b)", `<p><a href="https://img.shields.io:8443/b" rel="noopener nofollow">a</a></p>`},
		{"disguises", "![a](https://img.shields.io@x.example/b) ![c](//img.shields.io/d) ![e](data:image/png;base64,AA==)", `<p><a href="https://img.shields.io@x.example/b" rel="noopener nofollow">a</a> c e</p>`},
		{"other ways", `<picture><source srcset="https://x.example/a"><img src="https://x.example/b" srcset="https://x.example/c"></picture><video src="https://x.example/d" poster="https://x.example/e">f</video>`, `<p><a href="https://x.example/b" rel="noopener nofollow">image</a>f</p>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := render(c.in); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestHostileSummariesAreHarmless(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"script", "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"script in a line", "a <ScRiPt src=x> b", "<p>a &lt;ScRiPt src=x&gt; b</p>"},
		{"elements that hide what follows", "a <textarea> b <plaintext> c <noscript> d <title>\n\n**e**", "<p>a &lt;textarea&gt; b &lt;plaintext&gt; c &lt;noscript&gt; d &lt;title&gt;</p>\n<p><strong>e</strong></p>"},
		{"style", "<p style=\"position:fixed\" class=\"danger\" onclick=\"x\">a</p>\n\n<style>b{}</style>", "<p>a</p>\n&lt;style&gt;b{}&lt;/style&gt;"},
		{"script links", "[a *b*](javascript:x) [c](java&#115;cript:x) [d](JaVaScRiPt:x) [e](\tdata:x) <a href=\"java\nscript:x\">f</a> <a href=' &#1;javascript:x'>g</a>", "<p><a>a <em>b</em></a> <a>c</a> <a>d</a> <a>e</a> <a>f</a> <a>g</a></p>"},
		{"automatic script link", "<javascript:x&y>", "<p><a>javascript:x&amp;y</a></p>"},
		{"links within the server", "[a](/logout) [b](//x.example) [c](http:x) [d](?q)", "<p><a>a</a> <a>b</a> <a>c</a> <a>d</a></p>"},
		{"ids of ours", `<p id="live" name="x">a</p><a name="main" href="#main">b</a>`, `<p id="user-content-live">a</p><a name="user-content-main" href="#user-content-main">b</a>`},
		{"drawings", `<svg onload="x"><a xlink:href="javascript:x"><text>a</text></a></svg><math><mtext>b</mtext></math>`, "<p><a>a</a>b</p>"},
		{"frames", `<iframe src="https://x.example">a</iframe><object data=x>b</object><embed src=x>`, "&lt;iframe src=\"https://x.example\"&gt;a&lt;/iframe&gt;b"},
		{"forms", `<form action="https://x.example"><input name="password"><button>a</button><select><option>b</select></form>`, "ab"},
		{"text fields", `<input type="text"> <input type="checkbox">`, `<p> <input type="checkbox" disabled=""></p>`},
		{"end of the box", "a\n</section></div></main>\n\n</p></td></table>b", "<p>a</p>\n\nb"},
		{"end of the box by a table", "<table><div><table></table></div></table>a", "<table><tbody><tr><td><div><table></table></div></td></tr></tbody></table>a"},
		{"no end", "<div><b><i>a", "<div><b><i>a</i></b></div>"},
		{"entities", "&lt;script&gt; &#60;b&#62; &#0;", "<p>&lt;script&gt; &lt;b&gt; \uFFFD</p>"},
		{"comment", "a <!-- b --> <!--> c <!DOCTYPE html> <?php d ?> <![CDATA[e]]>", "<p>a   c   </p>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := render(c.in)
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			mustBeWhole(t, got)
		})
	}
}
