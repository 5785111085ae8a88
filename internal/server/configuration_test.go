package server

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/goldentest"
	"github.com/understudy-ci/understudy/internal/limit"
)

func TestTheDocumentHasAllLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString("| name | default | what |\n| --- | --- | --- |\n")
	for _, e := range limit.Table {
		value := fmt.Sprintf("%d %s", e.Default, e.Unit)
		switch {
		case e.Default == 0:
			value = "–"
		case e.Default >= 1<<20 && e.Default%(1<<20) == 0:
			value = fmt.Sprintf("%d MiB", e.Default>>20)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, value, e.Help)
	}
	goldentest.Marked(t, filepath.Join("..", "..", "docs", "configuration.md"), "limits", b.String(), *update)
}

func TestALimitThatIsNoneIsRefused(t *testing.T) {
	c := testConfig(t)
	c.Limit = map[string]Size{"fetch": 1}
	_, err := New(t.Context(), c, testDeps(t))
	if err == nil || !strings.Contains(err.Error(), `--limit: "fetch" is not a limit`) {
		t.Errorf("got %v", err)
	}
}
