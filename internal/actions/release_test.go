package actions_test

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestNamesOfAssetsAreHarmless(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "a.txt": "a.txt", "tool one.bin": "tool.one.bin", "a~b.deb": "a.b.deb", "a+b@c_d-e": "a+b@c_d-e",
		".hidden": "default.hidden", "trailing..": "trailing", "..": "default", "../../etc/passwd": "default.etc.passwd", "a/b": "a.b", "über": "default.ber",
		"C:\\x": "C.x", "a\x00b\nc": "a.b.c", "\xff": "default", "<script>": "default.script",
	} {
		if got := actions.AssetName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestThePageOfADraftIsFoundByItsName(t *testing.T) {
	for _, id := range []int64{1, 42, 1 << 40, 1<<63 - 1} {
		r := &actions.Release{ID: id, Draft: true, TagName: "v1"}
		if got, ok := actions.DraftOfPage(r.PageName()); !ok || got != id {
			t.Errorf("%s is of %d, want %d", r.PageName(), got, id)
		}
	}
	for _, name := range []string{"v1", "untagged-", "untagged-x", "untagged-" + strings.Repeat("f", 20), "untagged-" + strings.Repeat("0", 21)} {
		if id, ok := actions.DraftOfPage(name); ok {
			t.Errorf("%s is of %d", name, id)
		}
	}
}
