package web

import (
	"maps"
	"net/url"
	"path"
	"strings"
	"testing"
)

// What a browser says that it has is few numbers, which read back.
func FuzzACursorReadsBack(f *testing.F) {
	for _, s := range []string{"", "3:120,4:7", "1:5,1:6", "1:-5", "x:y", "-1:0", "1:1099511627776", "+1:+2", "01:02", strings.Repeat("1:1,", 5000), ",,:,", "1:2:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := parseCursor(text)
		if len(c) > maxCursor {
			t.Errorf("%d steps", len(c))
		}
		for step, line := range c {
			if line < 0 || line > 1<<40 {
				t.Errorf("line %d of step %d", line, step)
			}
		}
		if again := parseCursor(c.String()); !maps.Equal(c, again) {
			t.Errorf("%v came back as %v", c, again)
		}
	})
}

// After signing in, a browser goes on to a page of this server, whatever the address
// that it came with says.
func FuzzReturnStaysHere(f *testing.F) {
	for _, s := range []string{"/", "/o/r/actions?page=2", "//evil.test", `/\evil.test`, "/%2f/evil.test", "/\t/evil.test", "https://evil.test", "/@evil.test", "/..//evil.test", "javascript:alert(1)", "/\r\nLocation: x", ""} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "ci.example", Path: "/login"}
	f.Fuzz(func(t *testing.T, asked string) {
		got := localPath(asked)
		u, err := base.Parse(got)
		if err != nil || u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil || got != "/" && got != asked {
			t.Fatalf("%q became %q, which is %v (%v)", asked, got, u, err)
		}
		if got[0] != '/' || strings.ContainsAny(got, "\\\t\r\n\x00 @") || strings.Contains(got, "//") || path.Clean(u.Path) != u.Path {
			t.Errorf("%q became %q, which a browser may read in another way", asked, got)
		}
	})
}
