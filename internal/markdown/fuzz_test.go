package markdown_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/markdown"
)

// FuzzSummary renders any text.
func FuzzSummary(f *testing.F) {
	for _, in := range []string{
		"<table><div><table></table></div></table>a", "> [!NOTE]\n> a[^b]\n\n[^b]: c", "<p><b><details><summary>a<p>b</b></p>", "<ruby>a<rt>b<rp>c",
		"<ul><li><div><li></ul>", "<pre>\n\na", "|a|\n|-|\n|`\\|`|", "<a><p><a><h1><h2></a>", "<dl><dt><p><dd></dl>", "<td><caption><tr>",
		"<table><tr><td>a<th>b<caption>c<tbody>d</table>", "[a](javascript:b) ![c](https://img.shields.io/d) <img src=e id=f>", ":rocket: ~~a~~ - [x] b",
	} {
		f.Add(in)
	}
	r := markdown.New(badges)
	f.Fuzz(func(t *testing.T, in string) {
		out := mustRender(r, in)
		if len(out) > 4<<10+200*len(in) {
			t.Errorf("%q: %d bytes of HTML", in, len(out))
		}
		mustBeWhole(t, out)
	})
}

// FuzzSummaryAgain renders any text again and again: its time does not grow out of
// all bounds.
func FuzzSummaryAgain(f *testing.F) {
	for name, in := range bombs() {
		if unit, ok := strings.CutPrefix(name, "nothing but "); ok {
			f.Add(in[:len(unit)])
		}
	}
	r := markdown.New(badges)
	f.Fuzz(func(t *testing.T, unit string) {
		if unit == "" {
			return
		}
		const size = 64 << 10
		in := strings.Repeat(unit, 1+size/len(unit))[:size]
		before := used(t)
		out := mustRender(r, in)
		if took := used(t) - before; took > 3*time.Second {
			t.Errorf("%q again and again took %v", unit, took)
		}
		if len(out) > markdown.MaxOutput+maxEnd {
			t.Errorf("%q again and again: %d kB of HTML", unit, len(out)>>10)
		}
	})
}

// used is how long this process has computed.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
