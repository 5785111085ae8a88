package workflow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/workflow"
)

// Each row is a line of the table of CTX-1: a workflow with %s where an
// expression stands, and what it may name.
func TestContextsAreAvailableWhereTheTableSaysSo(t *testing.T) {
	const (
		run      = "github inputs vars"
		needs    = run + " needs"
		strategy = needs + " strategy matrix"
		step     = strategy + " steps job runner env"
		steps    = "steps: [{run: a}]"
	)
	in := func(job string) string { return "on: push\njobs: {a: {runs-on: x, " + steps + ", " + job + "}}" }
	inStep := func(s string) string { return "on: push\njobs: {a: {runs-on: x, steps: [{run: a, " + s + "}]}}" }
	tests := []struct{ src, contexts, functions string }{
		{"on: push\nrun-name: %s" + oneJob, run, ""},
		{"on: push\nconcurrency: %s" + oneJob, run, ""},
		{"on: push\nenv: {A: %s}" + oneJob, run + " secrets", ""},
		{"on: {workflow_call: {inputs: {a: {type: string, default: %s}}}}" + oneJob, run, ""},
		{"on: {workflow_call: {outputs: {a: {value: %s}}}}" + oneJob, run + " jobs", ""},
		{in("if: %s"), needs, "always cancelled success failure"},
		{in("strategy: {matrix: %s}"), needs, ""},
		{in("strategy: {matrix: {a: [%s]}, max-parallel: 1}"), needs, ""},
		{in("name: %s"), strategy, ""},
		{"on: push\njobs: {a: {runs-on: %s, " + steps + "}}", strategy, ""},
		{in("concurrency: %s"), strategy, ""},
		{in("environment: %s"), strategy, ""},
		{in("environment: {name: a, url: %s}"), step, ""},
		{in("timeout-minutes: %s"), strategy, ""},
		{in("cancel-timeout-minutes: %s"), strategy, ""},
		{in("continue-on-error: %s"), strategy, ""},
		{in("container: %s"), strategy, ""},
		{in("container: {image: a, env: {A: %s}}"), strategy + " job runner env secrets", ""},
		{in("services: {a: {image: %s}}"), strategy, ""},
		{in("services: {a: {image: a, credentials: {password: %s}}}"), strategy + " env secrets", ""},
		{in("env: {A: %s}"), strategy + " secrets", ""},
		{in("defaults: {run: {shell: %s}}"), strategy + " env", ""},
		{in("outputs: {a: %s}"), step + " secrets", ""},
		{"on: push\njobs: {a: {uses: ./.github/workflows/a.yml, with: {a: %s}}}", strategy, ""},
		{"on: push\njobs: {a: {uses: ./.github/workflows/a.yml, secrets: {a: %s}}}", strategy + " secrets", ""},
		{inStep("if: %s"), step, "always cancelled success failure hashFiles"},
		{inStep("name: %s"), step + " secrets", "hashFiles"},
		{inStep("env: {A: %s}"), step + " secrets", "hashFiles"},
		{inStep("timeout-minutes: %s"), step + " secrets", "hashFiles"},
		{inStep("continue-on-error: %s"), step + " secrets", "hashFiles"},
		{inStep("working-directory: %s"), step + " secrets", "hashFiles"},
		{inStep("shell: %s"), step + " secrets", "hashFiles"},
		{inStep("id: %s"), "", ""},
		{in("needs: %s"), "", ""},
		{"on: {push: {branches: %s}}" + oneJob, "", ""},
		{"on: push\njobs: {a: {runs-on: x, steps: [{uses: %s}]}}", "", ""},
	}
	for _, tt := range tests {
		for name := range strings.FieldsSeq("github inputs vars needs strategy matrix steps job runner env secrets jobs") {
			checkAvailable(t, tt.src, name+".x", slices.Contains(strings.Fields(tt.contexts), name))
		}
		for name := range strings.FieldsSeq("always cancelled success failure") {
			checkAvailable(t, tt.src, name+"()", slices.Contains(strings.Fields(tt.functions), name))
		}
		checkAvailable(t, tt.src, "hashFiles('x')", slices.Contains(strings.Fields(tt.functions), "hashFiles"))
	}
}

func checkAvailable(t *testing.T, src, e string, want bool) {
	t.Helper()
	_, err := workflow.Parse("x.yml", fmt.Appendf(nil, src, `"${{ `+e+` }}"`))
	if (err == nil) != want {
		t.Errorf("%s with %s: got %v, want it accepted: %t", src, e, err, want)
	}
}

func TestLongMessagesAreCut(t *testing.T) { // YAML-5
	_, err := workflow.Parse("x.yml", []byte("on: "+strings.Repeat("é", 2000)+oneJob))
	if err == nil || len(err.Error()) > 600 || !strings.HasSuffix(err.Error(), "é...") {
		t.Errorf("got %v", err)
	}
}
