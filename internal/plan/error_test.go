package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/workflow"
)

func TestAnErrorOfAJobHasThePlaceThatItsTextNames(t *testing.T) { // IF-7, MAT-1
	many := strings.Repeat("x, ", 256) + "x"
	for text, at := range map[string]workflow.Pos{
		"if: fromJSON('x')\n    runs-on: x":                                 {Line: 4, Col: 9},
		"runs-on: x\n    strategy: {matrix: {a: [" + many + "]}}":           {Line: 5, Col: 15},
		"runs-on: x\n    strategy:\n      matrix: {a: '${{ 1 }}'}":          {Line: 6, Col: 7},
		"runs-on: ${{ fromJSON('[]') }}":                                    {Line: 4, Col: 14},
		"runs-on: x\n    name: ${{ fromJSON('x') }}":                        {Line: 5, Col: 11},
		"runs-on: x\n    timeout-minutes: ${{ fromJSON('x') }}":             {Line: 5, Col: 22},
		"runs-on: x\n    continue-on-error: ${{ fromJSON('\"no bool\"') }}": {Line: 5, Col: 24},
	} {
		d, err := plan.Next(parse(t, "on: push\njobs:\n  a:\n    "+text+"\n    steps: [{run: a}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		n := d.Create[0]
		if position := fmt.Sprintf("x.yml (Line: %d, Col: %d): ", at.Line, at.Col); n.ErrorPos != at || n.Conclusion != actions.Failure || !strings.Contains(n.Error, position) {
			t.Errorf("%.100s: %s at %v with %q, want %v", text, n.Conclusion, n.ErrorPos, n.Error, at)
		}
	}
	d, err := plan.Next(parse(t, "on: push\njobs:\n  a:\n    uses: ./.github/workflows/b.yml\n"))
	if want := (workflow.Pos{Line: 3, Col: 3}); err != nil || d.Conclusion != actions.StartupFailure || d.ErrorPos != want {
		t.Errorf("a job that calls a workflow: %+v, %v", d, err)
	}
	d, err = plan.Next(parse(t, "on: push\njobs:\n  a: {if: false, runs-on: x, steps: [{run: a}]}\n"))
	if err != nil || d.Create[0].Error != "" || d.Create[0].ErrorPos != (workflow.Pos{}) {
		t.Errorf("a skipped job: %+v, %v", d, err)
	}
}
