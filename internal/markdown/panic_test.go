package markdown

import (
	"strings"
	"testing"
)

// Whoever looks at a page must not be able to end the server.
func TestASummaryThatPanicsIsText(t *testing.T) {
	r := New()
	r.stages = func() *stages { return &stages{} } // so that it panics
	html, err := r.Render([]byte("<b>&"))
	if html != "<pre>&lt;b&gt;&amp;</pre>" || err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("got %q, %v", html, err)
	}
}
