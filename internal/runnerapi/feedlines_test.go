package runnerapi

import (
	"strings"
	"testing"
)

func TestOneMessageHasAtMostSoManyLines(t *testing.T) { // LOG-4
	if n := len(feedLines([]string{strings.Repeat("\n", 1<<20)})); n != maxFeedLines {
		t.Errorf("%d lines", n)
	}
}
