package plan_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/plan"
)

func TestPlanningReadsOnlyWhatItsExpressionsName(t *testing.T) {
	for text, want := range map[string]bool{
		"runs-on: x": false,
		"runs-on: x\n    if: github.run_number > 3":                                    true,
		"runs-on: x\n    if: github.sha == 'a'":                                        false,
		"runs-on: 'r${{ github.run_id }}'":                                             true,
		"runs-on: [x, '${{ github.run_id }}']":                                         true,
		"runs-on: x\n    name: '${{ toJSON(github) }}'":                                true,
		"runs-on: x\n    timeout-minutes: ${{ github.run_id }}":                        true,
		"runs-on: x\n    cancel-timeout-minutes: ${{ github.run_id }}":                 true,
		"runs-on: x\n    continue-on-error: ${{ github.run_id == '1' }}":               true,
		"runs-on: x\n    strategy: {matrix: {include: [{a: '${{ github.run_id }}'}]}}": true,
		"runs-on: x\n    environment: 'r${{ github.run_id }}'":                         true,
		"runs-on: x\n    environment: {name: a, url: '${{ github.run_id }}'}":          false, // its runner does
		"runs-on: x\n    env: {a: '${{ github.run_id }}'}":                             false, // its runner does
	} {
		r := parse(t, "on: push\njobs:\n  a:\n    "+text+"\n    steps: [{run: 'echo ${{ github.run_id }}'}]\n")
		if got := plan.Reads(r.Files[r.Path], "github", "run_id", "run_number"); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
