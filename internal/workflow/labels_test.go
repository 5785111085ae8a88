package workflow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/workflow"
)

func TestAJobAsksForAtMostAsManyLabelsAsARunnerHas(t *testing.T) {
	for runsOn, col := range map[string]int{"[%s]": 14, "{labels: [%s]}": 23, "{group: g, labels: [%s]}": 33} {
		for n, good := range map[int]bool{1: true, 100: true, 101: false, 5000: false} {
			labels := strings.TrimSuffix(strings.Repeat("gpu, ", n), ", ")
			_, err := workflow.Parse("ci.yml", fmt.Appendf(nil, "on: push\njobs:\n  a:\n    runs-on: "+runsOn+"\n    steps: [{run: a}]\n", labels))
			var errs workflow.Errors
			want := fmt.Sprintf("ci.yml (Line: 4, Col: %d): 'runs-on' has %d labels; at most 100 are allowed", col, n)
			if good != (err == nil) || !good && (!errors.As(err, &errs) || errs.Error() != want) {
				t.Errorf("%s with %d labels: %v", runsOn, n, err)
			}
		}
	}
}
