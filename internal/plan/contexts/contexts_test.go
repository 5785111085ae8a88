package contexts_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/workflow"
)

const matrix = `on: push
jobs:
  build: {runs-on: linux, steps: [{run: make}]}
  test:
    needs: build
    strategy: {matrix: {os: [linux, mac]}}
    runs-on: "${{ matrix.os }}"
    steps: [{run: make test}]
`

const pushed = `{"ref": "refs/heads/main", "repository": {"full_name": "octo/hello", "html_url": "https://ci.example/octo/hello"}}`

// sample is a run of a push to main.
func sample(t *testing.T) *contexts.Run {
	t.Helper()
	src, err := contexts.Parse(".github/workflows/ci.yml", &actions.RunSource{Workflow: []byte(matrix), Payload: []byte(pushed)})
	if err != nil {
		t.Fatal(err)
	}
	octo := actions.Account{ID: 2, Login: "octo"}
	return &contexts.Run{
		Run: &actions.Run{
			ID: 7, Number: 3, Attempt: 1, Name: "CI", Path: ".github/workflows/ci.yml", Event: "push",
			Ref: "refs/heads/main", HeadSHA: "abc", Actor: octo, Triggering: octo,
		},
		Repo: &actions.Repository{ID: 5, Owner: octo, Name: "hello"}, Source: src, Base: src.Base,
	}
}

// eval is an expression over contexts, as text.
func eval(t *testing.T, all *expr.Object, text string) string {
	t.Helper()
	e, err := expr.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(&expr.Env{Contexts: all})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return expr.String(v)
}

// ENV-2, ART-4: GITHUB_RETENTION_DAYS bounds what an upload may ask for, so
// it is what the server holds the upload to.
func TestJobsAreToldWhatIsSetForTheirRepository(t *testing.T) {
	run := sample(t)
	run.Settings = contexts.Settings{RetentionDays: 7, CacheGB: 5}
	if got := eval(t, run.Contexts(), "format('{0} {1}', github.retention_days, github.artifact_cache_size_limit)"); got != "7 5" {
		t.Errorf("jobs are told %q, want the days and the gigabytes", got)
	}
}

func TestTheRefIsABranchOrATag(t *testing.T) {
	const all = "format('{0} {1}', github.ref_type, github.ref_name)"
	for ref, want := range map[string]string{
		"refs/heads/main": "branch main", "refs/heads/a/b": "branch a/b", "refs/tags/v1": "tag v1",
	} {
		run := sample(t)
		run.Run.Ref = ref
		if got := eval(t, run.Contexts(), all); got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

// What a job sees is what planning saw, but for where the server is.
func TestAJobSeesWhatPlanningSawByTheAddressOfItsRunner(t *testing.T) {
	run := sample(t)
	planned := run.Contexts()
	run.Base = shape.Base{API: "http://10.0.0.1:3000/api/v3", HTML: "http://10.0.0.1:3000"}
	told, err := run.Job(&actions.Job{ID: 11, Key: "test", Index: 1, Total: 2, Matrix: []byte(`{"os":"mac"}`)}, []plan.Job{
		{ID: 10, Key: "build", Total: 1, Status: actions.Completed, Conclusion: actions.Success, Outputs: map[string]string{"v": "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range planned.All() {
		other, _ := told.Get(name)
		if name == "github" {
			github := value.(*expr.Object)
			github.Set("server_url", run.Base.HTML).Set("api_url", run.Base.API).Set("graphql_url", "http://10.0.0.1:3000/api/graphql").
				Set("repositoryUrl", "git://10.0.0.1:3000/octo/hello.git")
		}
		if d := cmp.Diff(expr.ToJSON(value), expr.ToJSON(other)); d != "" {
			t.Errorf("%s (-planned +told):\n%s", name, d)
		}
	}
	for text, want := range map[string]string{
		"matrix.os": "mac", "strategy.job-index": "1", "strategy.job-total": "2",
		"needs.build.result": "success", "needs.build.outputs.v": "1",
		"job.check_run_id": "11", "job.workflow_ref": "octo/hello/.github/workflows/ci.yml@refs/heads/main",
	} {
		if got := eval(t, told, text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

func TestPlanningFindsTheServerWhereTheEventCame(t *testing.T) {
	for payload, want := range map[string]string{
		pushed: "https://ci.example https://ci.example/api/v3 https://ci.example/api/graphql",
		`{}`:   " /api/v3 /api/graphql",
	} {
		run := sample(t)
		src, err := contexts.NewSource(run.Source.Workflow, &actions.RunSource{Payload: []byte(payload)})
		if err != nil {
			t.Fatal(err)
		}
		run.Source, run.Base = src, src.Base
		if got := eval(t, run.Contexts(), "format('{0} {1} {2}', github.server_url, github.api_url, github.graphql_url)"); got != want {
			t.Errorf("%s: %q, want %q", payload, got, want)
		}
	}
}

func TestASourceThatCannotBeReadIsInvalid(t *testing.T) {
	for name, src := range map[string]actions.RunSource{
		"workflow": {Workflow: []byte("on: [push"), Payload: []byte(pushed)},
		"event":    {Workflow: []byte(matrix), Payload: []byte("{")},
		"inputs":   {Workflow: []byte(matrix), Payload: []byte(pushed), Inputs: []byte("{")},
	} {
		if _, err := contexts.Parse("ci.yml", &src); actions.KindOf(err) != actions.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheBaseOfAPullRequestIsABranch(t *testing.T) {
	for payload, want := range map[string]string{
		`{"pull_request":{"base":{"ref":"main"}}}`: "refs/heads/main",
		`{"pull_request":{"base":{"ref":""}}}`:     "",
		`{"pull_request":{"base":"main"}}`:         "",
		pushed:                                     "",
		`[]`:                                       "",
	} {
		src, err := contexts.NewSource(&workflow.Workflow{}, &actions.RunSource{Payload: []byte(payload)})
		if err != nil {
			t.Fatal(err)
		}
		if got := src.BaseRef(); got != want {
			t.Errorf("%s: %q, want %q", payload, got, want)
		}
	}
}
