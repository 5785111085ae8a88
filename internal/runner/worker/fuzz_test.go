package worker

import (
	"strings"
	"testing"
)

func FuzzCommandsAreReadWithoutHarm(f *testing.F) {
	for _, s := range []string{
		"::error file=a,line=1::x%0Ay", "  ::group::", "##[warning file=a;line=2;]x%5D", "::", "::x", "##[", "##[]", ":: ::", "%", "::error %2::%",
		"a<<b\nc\nb\n", `bash -c "x {0}\"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := []byte(s)
		c, ok := parseCommand(s, isCommand)
		if ok && !looksLikeCommand(line) && !strings.ContainsAny(s, "\r\n") {
			t.Errorf("%q is the command %q and does not look like one", s, c.name)
		}
		_, _ = parseAssignments(s)
		_, _ = shell{format: s}.arguments("/x")
	})
}
