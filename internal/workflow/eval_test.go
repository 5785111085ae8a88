package workflow_test

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// env reads the `env` of a workflow and evaluates it.
func evalEnv(t *testing.T, src string) (string, error) {
	t.Helper()
	w, err := workflow.Parse("x.yml", []byte("on: push\nenv: "+src+oneJob))
	if err != nil {
		t.Fatal(err)
	}
	github := expr.NewObject().Set("ref", "main").Set("n", 5.0)
	v, err := w.Env.Eval(&expr.Env{Contexts: expr.NewObject().Set("github", github)})
	if err != nil {
		return "", err
	}
	return compact(v.(*expr.Object)), nil
}

func TestTokensEvaluateToValues(t *testing.T) { // EXP-1, EXP-13
	tests := []struct{ src, want string }{
		{`{A: 1, B: x, C: true, D: }`, `{"A":"1","B":"x","C":"true","D":""}`},
		{`{A: '${{ github.n }}', B: 'v${{ github.n }}', C: '${{ github.none }}'}`, `{"A":5,"B":"v5","C":null}`},
		{`{A: 1, '${{ insert }}': "${{ fromJSON('{\"B\":\"2\"}') }}", C: 3}`, `{"A":"1","B":"2","C":"3"}`},
		{`{'${{ github.ref }}': 1}`, `{"main":1}`},
		{`${{ fromJSON('{"B":"2"}') }}`, `{"B":"2"}`},
	}
	for _, tt := range tests {
		if got, err := evalEnv(t, tt.src); err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.src, got, err, tt.want)
		}
	}
}

func TestAnItemThatGivesASequenceStandsForItsItems(t *testing.T) { // EXP-14
	w, err := workflow.Parse("x.yml", []byte(`
on: push
jobs:
  a:
    runs-on: [a, "${{ fromJSON('[\"b\",\"c\"]') }}", "${{ fromJSON('[]') }}", "${{ github.ref }}", "x${{ fromJSON('[1]') }}"]
    strategy: {matrix: {v: [["${{ fromJSON('[1,[2]]') }}"], "${{ fromJSON('{\"b\":3}') }}", [4], "${{ fromJSON('[[5],null]').* }}"]}}
    steps: [{run: a}]
`))
	if err != nil {
		t.Fatal(err)
	}
	env := &expr.Env{Contexts: expr.NewObject().Set("github", expr.NewObject().Set("ref", "main"))}
	for want, token := range map[string]*workflow.Token{
		`["a","b","c","main","xArray"]`:  w.Jobs[0].RunsOn,
		`[[1,[2]],{"b":3},[4],[5],null]`: w.Jobs[0].Strategy.Get("matrix").Get("v"),
	} {
		v, err := token.Eval(env)
		if got := strings.Join(strings.Fields(expr.ToJSON(v)), ""); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestInsertOfAScalarIsAnError(t *testing.T) { // EXP-13
	got, err := evalEnv(t, `{'${{ insert }}': '${{ github.ref }}'}`)
	if err == nil || !strings.Contains(err.Error(), "not a mapping") {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestPermissionsNameEveryScope(t *testing.T) { // PRM-2
	all := workflow.WriteAll()
	for scope, want := range map[string]workflow.Level{
		"contents": workflow.Write, "id-token": workflow.Write, "models": workflow.Read,
		"vulnerability-alerts": workflow.Read, "metadata": workflow.Read, "nonsense": workflow.None,
	} {
		if got := all.Level(scope); got != want {
			t.Errorf("write-all: %s: got %s, want %s", scope, got, want)
		}
	}
	if got := workflow.ReadAll().Level("id-token"); got != workflow.None {
		t.Errorf("read-all: id-token: got %s, want none", got)
	}
}

func FuzzParseNeverFailsBadly(f *testing.F) {
	f.Add("on: push" + oneJob)
	f.Add("on: {push: {branches: ['v[12]*?+\\']}}\nenv: &a {A: *a, <<: *a}" + oneJob)
	f.Add("runs: {using: composite, steps: [{run: '${{ inputs.a }}', shell: sh, if: \"!cancelled()\"}]}")
	f.Add("on: push\njobs:\n  a:\n    strategy: {matrix: {include: [{'${{ insert }}': 1}]}}\n    uses: ./.github/workflows/a.yml")
	f.Add("on: {create: {tags: [a]}, push: [], workflow_dispatch: {inputs: {a: {type: int, options: [{b: c}]}}}}" + oneJob)
	f.Add("on: push\njobs: {a: {runs-on: {group: org/a}, services: {b: ''}, strategy: {matrix: {V: [1, '${{ 1 }}'], w: [], Exclude: [{v: 1}, {}]}}}}")
	for _, src := range hostile() {
		if len(src) < 1000 {
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		w, err := workflow.Parse("x.yml", []byte(src))
		if (w == nil) == (err == nil) {
			t.Fatalf("got %v and %v", w, err)
		}
		if w != nil {
			for _, e := range w.On {
				e.Match(&event.Event{FilterRef: "refs/heads/main", Changed: func() ([]string, bool) { return []string{"a/b.c"}, true }})
			}
			new(dumper).workflow(w)
			for _, j := range w.Jobs {
				if matrix, err := j.Strategy.Get("matrix").Eval(&expr.Env{}); err == nil {
					_, _ = workflow.Combinations(matrix)
				}
			}
		}
		if a, err := workflow.ParseAction("x.yml", []byte(src)); err == nil {
			new(dumper).action(a)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	src := []byte("on: {push: {branches: [main]}}\njobs:\n" + chain(10))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := workflow.Parse("x.yml", src); err != nil {
			b.Fatal(err)
		}
	}
}
